/**
 * Vector-Jacobian products of the core operators, one row each, with the formula above it. Broadcasting is not their
 * business: a gradient may have the output's shape, the walk sums it back to the input's.
 * @module
 * @source own derivations; conventions at kinks follow PyTorch (0 at Relu's and Abs's origin, open interval for Clip).
 */
import { KonsilError } from '../../base/index.ts';
import type { GraphBuilder } from '../onnx/builder.ts';
import { type Attributes, findInts, floatOf, intOf, type Name, type Node } from '../onnx/ir.ts';
import { axisOf } from '../onnx/shapeRule.ts';
import { intVector } from '../onnx/tensor.ts';

/** One reverse step through `node`, whose output y has gradient `dy` (in y's shape). */
interface VjpContext {
  readonly graph: GraphBuilder;
  readonly node: Node;
  readonly inputs: readonly Name[];
  readonly y: Name;
  readonly dy: Name;
  /** Whether anyone wants the gradient of input `index`. */
  readonly needs: (index: number) => boolean;
  readonly op: (op: string, ...inputs: Name[]) => Name;
}

/** One gradient per input, null where none is needed or none exists. */
export type Vjp = (context: VjpContext) => (Name | null)[];

function unary(dx: (context: VjpContext, x: Name) => Name): Vjp {
  return (context) => [dx(context, context.inputs[0]!)];
}

function attributed(context: VjpContext, op: string, inputs: Name[], attributes: Attributes): Name {
  return context.graph.op(op, inputs, attributes);
}

function zero({ graph }: VjpContext): Name {
  return graph.scalar(0);
}

/** dy where `condition`, else 0. */
function masked(context: VjpContext, condition: Name): Name {
  return context.op('Where', condition, context.dy, zero(context));
}

function scaled({ graph, op }: VjpContext, x: Name, factor: number): Name {
  return factor === 1 ? x : op('Mul', x, graph.scalar(factor));
}

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

// y = xᵉ: dx = dy·e·xᵉ⁻¹, de = dy·y·ln x
const pow: Vjp = (context) => {
  const { graph, inputs, y, dy, needs, op } = context;
  const [x, e] = [inputs[0]!, inputs[1]!];
  const constant = graph.constants.get(e);
  const dx = (): Name => {
    // x² is by far the most frequent, and needs no Pow
    if (constant?.data.length === 1 && Number(constant.data[0]) === 2) return op('Mul', dy, op('Add', x, x));
    return op('Mul', dy, op('Mul', e, op('Pow', x, op('Sub', e, graph.scalar(1)))));
  };
  return [needs(0) ? dx() : null, needs(1) ? op('Mul', dy, op('Mul', y, op('Log', x))) : null];
};

const div: Vjp = ({ inputs, y, dy, needs, op }) => [
  // y = a/b: da = dy/b, db = -dy·y/b
  needs(0) ? op('Div', dy, inputs[1]!) : null,
  needs(1) ? op('Neg', op('Div', op('Mul', dy, y), inputs[1]!)) : null,
];

// y = softmax x: dx = t - y·Σt with t = dy·y
const softmax: Vjp = ({ graph, node, y, dy, op }) => {
  const axis = axisOf(intOf(node.attributes, 'axis', -1), graph.dims(y).length);
  const t = op('Mul', dy, y);
  return [op('Sub', t, op('Mul', y, graph.sum(t, [axis], true)))];
};

// y = log softmax x: dx = dy - exp(y)·Σdy
const logSoftmax: Vjp = ({ graph, node, y, dy, op }) => {
  const axis = axisOf(intOf(node.attributes, 'axis', -1), graph.dims(y).length);
  return [op('Sub', dy, op('Mul', op('Exp', y), graph.sum(dy, [axis], true)))];
};

/** dy with the reduced axes back as size 1, spread over the input's shape. */
function spread(context: VjpContext, axes: readonly number[]): Name {
  const { graph, inputs, dy } = context;
  const dims = graph.dims(inputs[0]!);
  const kept = dims.map((dim, i) => (axes.includes(i) ? 1 : dim));
  return graph.expand(graph.reshape(dy, kept), dims);
}

const reduceSum: Vjp = (context) => {
  const { graph, inputs } = context;
  const axes = graph.constants.get(inputs[1] ?? '');
  const all = graph.dims(inputs[0]!).map((_, i) => i);
  return [spread(context, axes === undefined ? all : Array.from(axes.data, Number))];
};

const reduceMean: Vjp = (context) => {
  const { graph, inputs, node } = context;
  const dims = graph.dims(inputs[0]!);
  const axes = findInts(node.attributes, 'axes') ?? dims.map((_, i) => i);
  const count = axes.reduce((n, axis) => n * dims[axis]!, 1);
  return [scaled(context, spread(context, axes), 1 / count)];
};

const transpose: Vjp = ({ graph, inputs, node, dy }) => {
  const rank = graph.dims(inputs[0]!).length;
  const perm = findInts(node.attributes, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  return [graph.op('Transpose', [dy], { perm: { ints: Array.from({ length: rank }, (_, i) => perm.indexOf(i)) } })];
};

// each part's gradient is its own stretch of dy
const concat: Vjp = ({ graph, inputs, node, dy, needs }) => {
  const axis = axisOf(intOf(node.attributes, 'axis', 0), graph.dims(dy).length);
  let start = 0;
  return inputs.map((input, i) => {
    const from = start;
    start += graph.dims(input)[axis]!;
    const bounds = [[from], [start], [axis]].map((v) => graph.constant(intVector(v)));
    return needs(i) ? graph.op('Slice', [dy, ...bounds]) : null;
  });
};

const clip: Vjp = (context) => {
  const { inputs, op } = context;
  const [x, low, high] = [inputs[0]!, inputs[1] ?? '', inputs[2] ?? ''];
  const inside = [low && op('Greater', x, low), high && op('Less', x, high)].filter((name) => name !== '');
  if (inside.length === 0) return [context.dy];
  return [masked(context, inside.length === 1 ? inside[0]! : op('And', inside[0]!, inside[1]!))];
};

/** Gradient rules by core operator. */
export const VJP: Readonly<Record<string, Vjp>> = {
  Gemm: gemm,
  MatMul: matmul,
  Add: ({ dy }) => [dy, dy],
  Sub: ({ dy, needs, op }) => [dy, needs(1) ? op('Neg', dy) : null],
  Mul: ({ inputs: [a, b], dy, needs, op }) => [
    needs(0) ? op('Mul', dy, b!) : null,
    needs(1) ? op('Mul', dy, a!) : null,
  ],
  Div: div,
  Pow: pow,
  Neg: unary(({ dy, op }) => op('Neg', dy)),
  Exp: unary(({ dy, y, op }) => op('Mul', dy, y)),
  Log: unary(({ dy, op }, x) => op('Div', dy, x)),
  // y = √x: dx = dy/(2y)
  Sqrt: unary(({ dy, y, op }) => op('Div', dy, op('Add', y, y))),
  // y = 1/x: dx = -dy·y²
  Reciprocal: unary(({ dy, y, op }) => op('Neg', op('Mul', dy, op('Mul', y, y)))),
  Abs: unary(({ dy, op }, x) => op('Mul', dy, op('Sign', x))),
  Sin: unary(({ dy, op }, x) => op('Mul', dy, op('Cos', x))),
  Cos: unary(({ dy, op }, x) => op('Neg', op('Mul', dy, op('Sin', x)))),
  Relu: unary((c) => masked(c, c.op('Greater', c.y, zero(c)))),
  LeakyRelu: unary((c, x) => {
    const slope = floatOf(c.node.attributes, 'alpha', Math.fround(0.01));
    return c.op('Where', c.op('Greater', x, zero(c)), c.dy, scaled(c, c.dy, slope));
  }),
  // y = α(eˣ - 1) below 0: dx = dy·(y + α)
  Elu: unary((c, x) => {
    const alpha = c.graph.scalar(floatOf(c.node.attributes, 'alpha', 1));
    return c.op('Where', c.op('Greater', x, zero(c)), c.dy, c.op('Mul', c.dy, c.op('Add', c.y, alpha)));
  }),
  // y = σ(x): dx = dy·y·(1 - y)
  Sigmoid: unary(({ graph, dy, y, op }) => op('Mul', dy, op('Mul', y, op('Sub', graph.scalar(1), y)))),
  // y = tanh x: dx = dy·(1 - y²)
  Tanh: unary(({ graph, dy, y, op }) => op('Mul', dy, op('Sub', graph.scalar(1), op('Mul', y, y)))),
  // y = ln(1 + eˣ): dx = dy·σ(x)
  Softplus: unary(({ dy, op }, x) => op('Mul', dy, op('Sigmoid', x))),
  // y = erf x: dx = dy·2/√π·exp(-x²)
  Erf: unary((c, x) =>
    scaled(c, c.op('Mul', c.dy, c.op('Exp', c.op('Neg', c.op('Mul', x, x)))), 2 / Math.sqrt(Math.PI)),
  ),
  Clip: clip,
  Softmax: softmax,
  LogSoftmax: logSoftmax,
  ReduceSum: reduceSum,
  ReduceMean: reduceMean,
  Where: (c) => [null, masked(c, c.inputs[0]!), c.op('Where', c.inputs[0]!, zero(c), c.dy)],
  Reshape: ({ graph, inputs, dy }) => [graph.reshape(dy, graph.dims(inputs[0]!))],
  Expand: ({ dy }) => [dy],
  Transpose: transpose,
  Concat: concat,
};

/** Operators whose gradient is zero wherever it exists: nothing flows back through them. */
export const NOT_DIFFERENTIABLE: ReadonlySet<string> = new Set(
  'Shape Equal Greater Less GreaterOrEqual LessOrEqual And Or Not IsNaN Sign Floor Ceil ConstantOfShape'.split(' '),
);

/** The rule for `op`. @throws KonsilError MODEL_UNSUPPORTED when there is none. */
export function getVjp(op: string): Vjp {
  const rule = VJP[op];
  if (rule === undefined) throw new KonsilError('MODEL_UNSUPPORTED', `operator ${op} has no gradient rule`);
  return rule;
}
