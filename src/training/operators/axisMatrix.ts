/**
 * One axis of a value times a constant matrix: interpolation and averaging, forward and back.
 * @module
 */
import type { GraphBuilder } from '../onnx/builder.ts';
import type { Name } from '../onnx/ir.ts';
import { floatTensor, sizeOf } from '../onnx/tensor.ts';

/** Σ over axis `axis` of x with `matrix` [rows, columns], or with its transpose. */
export function multiplyAxis(
  graph: GraphBuilder,
  x: Name,
  axis: number,
  matrix: Float32Array,
  isTransposed: boolean,
): Name {
  const dims = graph.dims(x);
  const n = dims[axis]!;
  const other = matrix.length / n;
  const out = dims.with(axis, other);
  const stored = floatTensor(isTransposed ? [n, other] : [other, n], matrix);
  const constant = graph.constant(stored);
  const [before, after] = [sizeOf(dims.slice(0, axis)), sizeOf(dims.slice(axis + 1))];
  if (after === 1) {
    const trans = { transB: { int: isTransposed ? 0 : 1 } };
    return graph.reshape(graph.op('Gemm', [graph.reshape(x, [before, n]), constant], trans), out);
  }
  const left = isTransposed ? graph.op('Transpose', [constant], { perm: { ints: [1, 0] } }) : constant;
  return graph.reshape(graph.op('MatMul', [left, graph.reshape(x, [before, n, after])]), out);
}
