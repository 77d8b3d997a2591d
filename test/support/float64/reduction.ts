/**
 * Reductions, arg-reductions and cumulative sums.
 * @module
 */
import { findInts, intOf, type Node } from '../../../src/training/onnx/ir.ts';
import { at, build, type Evaluator, fromFront, indices, type Value } from './value.ts';

const sum = (values: readonly number[]): number => values.reduce((n, v) => n + v, 0);
const squares = (values: readonly number[]): number => sum(values.map((v) => v * v));

const REDUCERS: Record<string, (values: readonly number[]) => number> = {
  ReduceSum: sum,
  ReduceMean: (values) => sum(values) / values.length,
  ReduceMax: (values) => Math.max(...values),
  ReduceMin: (values) => Math.min(...values),
  ReduceProd: (values) => values.reduce((n, v) => n * v, 1),
  ReduceL1: (values) => sum(values.map(Math.abs)),
  ReduceL2: (values) => Math.sqrt(squares(values)),
  ReduceLogSum: (values) => Math.log(sum(values)),
  ReduceLogSumExp: (values) => Math.log(sum(values.map(Math.exp))),
  ReduceSumSquare: squares,
};

/** Along `axes`, `f` of the elements that differ only there. */
function reduce(node: Node, x: Value, axes: readonly number[], f: (values: readonly number[]) => number): Value {
  const keep = intOf(node.attributes, 'keepdims', 1) === 1;
  const kept = x.dims.map((_, i) => i).filter((i) => !axes.includes(i));
  const dims = keep ? x.dims.map((d, i) => (axes.includes(i) ? 1 : d)) : kept.map((i) => x.dims[i]!);
  const inner = indices(axes.map((axis) => x.dims[axis]!));
  return build(dims, (index) => {
    const base = x.dims.map((_, i) => (keep ? index[i]! : (index[kept.indexOf(i)] ?? 0)));
    return f(
      inner.map((k) =>
        at(
          x,
          base.map((v, i) => (axes.includes(i) ? k[axes.indexOf(i)]! : v)),
        ),
      ),
    );
  });
}

function reduction(f: (values: readonly number[]) => number): Evaluator {
  return (node, [x, given]) => {
    const axes = given?.data ?? findInts(node.attributes, 'axes') ?? [];
    // reducing nothing still applies the norm or the logarithm to each element, as ORT does
    const isNoOp = intOf(node.attributes, 'noop_with_empty_axes', 0) === 1;
    const all = isNoOp ? [] : x!.dims.map((_, i) => i);
    const rank = x!.dims.length;
    const { dims, data } = reduce(node, x!, axes.length === 0 ? all : axes.map((a) => fromFront(a, rank)), f);
    return { ...x!, dims, data };
  };
}

const arg: Evaluator = (node, [x]) => {
  const axis = fromFront(intOf(node.attributes, 'axis', 0), x!.dims.length);
  const last = intOf(node.attributes, 'select_last_index', 0) === 1;
  const pick = (values: readonly number[]): number => {
    const best = node.op === 'ArgMax' ? Math.max(...values) : Math.min(...values);
    return last ? values.lastIndexOf(best) : values.indexOf(best);
  };
  return { ...reduce(node, x!, [axis], pick), dtype: 'int64' };
};

const cumSum: Evaluator = (node, [x, axisValue]) => {
  const axis = fromFront(axisValue!.data[0]!, x!.dims.length);
  const exclusive = intOf(node.attributes, 'exclusive', 0) === 1;
  const reversed = intOf(node.attributes, 'reverse', 0) === 1;
  return build(
    x!.dims,
    (index) => {
      const here = index[axis]!;
      const places = Array.from({ length: x!.dims[axis]! }, (_, k) => k).filter(
        (k) => (k === here && !exclusive) || (reversed ? k > here : k < here),
      );
      return sum(places.map((k) => at(x!, index.with(axis, k))));
    },
    x!.dtype,
  );
};

const topK: Evaluator = (node, [x, k]) => {
  const axis = fromFront(intOf(node.attributes, 'axis', -1), x!.dims.length);
  const sign = intOf(node.attributes, 'largest', 1) === 1 ? -1 : 1;
  const dims = x!.dims.with(axis, k!.data[0]!);
  const ranked = (index: number[]): { value: number; place: number } =>
    Array.from({ length: x!.dims[axis]! }, (_, place) => ({ place, value: at(x!, index.with(axis, place)) })).sort(
      (a, b) => sign * (a.value - b.value) || a.place - b.place,
    )[index[axis]!]!;
  return [build(dims, (index) => ranked(index).value, x!.dtype), build(dims, (index) => ranked(index).place, 'int64')];
};

export const REDUCTION: Record<string, Evaluator> = {
  ...Object.fromEntries(Object.entries(REDUCERS).map(([op, f]) => [op, reduction(f)])),
  ArgMax: arg,
  ArgMin: arg,
  CumSum: cumSum,
  TopK: topK,
};
