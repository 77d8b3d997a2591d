/**
 * Gradients of matrix products.
 * @module
 */
import { floatOf, intOf, type Name } from '../onnx/ir.ts';
import { attributed, scaled, type Vjp, type VjpContext } from './vjp.ts';

/** `x` with its last two axes exchanged. */
function transposed({ graph }: VjpContext, x: Name): Name {
  const perm = graph.dims(x).map((_, i, dims) => (i < dims.length - 2 ? i : 2 * dims.length - 3 - i));
  return graph.op('Transpose', [x], { perm: { ints: perm } });
}

// y = α·A'·B' + β·C, where ' is an optional transpose
const gemm: Vjp = (context) => {
  const { node, inputs, dy, needs } = context;
  const [a, b] = [inputs[0]!, inputs[1]!];
  // any value but 0 means transposed
  const transA = intOf(node.attributes, 'transA', 0) === 0 ? 0 : 1;
  const transB = intOf(node.attributes, 'transB', 0) === 0 ? 0 : 1;
  const alpha = floatOf(node.attributes, 'alpha', 1);
  const product = (x: Name, y: Name, tx: number, ty: number): Name =>
    attributed(context, 'Gemm', [x, y], { alpha: { float: alpha }, transA: { int: tx }, transB: { int: ty } });
  // dA' = α·dy·B'ᵀ, dB' = α·A'ᵀ·dy; transposed again where the operand was
  const da = () => (transA ? product(b, dy, transB, 1) : product(dy, b, 0, 1 - transB));
  const db = () => (transB ? product(dy, a, 1, transA) : product(a, dy, 1 - transA, 0));
  return [
    needs(0) ? da() : null,
    needs(1) ? db() : null,
    needs(2) ? scaled(context, dy, floatOf(node.attributes, 'beta', 1)) : null,
  ];
};

// y = A·B over the last two axes: dA = dy·Bᵀ, dB = Aᵀ·dy
const matmul: Vjp = (context) => {
  const { graph, inputs, dy, needs, op } = context;
  const [a, b] = [inputs[0]!, inputs[1]!];
  const [rank, width] = [graph.dims(a).length, graph.dims(a).at(-1)!];
  const db = (): Name => {
    if (graph.dims(b).length > 2 || rank === 2) return op('MatMul', transposed(context, a), dy);
    // one matrix for the whole batch: a single product over all rows instead of a batch of products and a sum
    const rows = graph.reshape(a, [-1, width]);
    const grads = graph.reshape(dy, [-1, graph.dims(dy).at(-1)!]);
    return attributed(context, 'Gemm', [rows, grads], { transA: { int: 1 } });
  };
  return [needs(0) ? op('MatMul', dy, transposed(context, b)) : null, needs(1) ? db() : null];
};

export const MATRIX_RULES: Readonly<Record<string, Vjp>> = { Gemm: gemm, MatMul: matmul };
