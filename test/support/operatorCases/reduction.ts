/**
 * Cases of reductions.
 * @module
 */
import {
  type CaseInput,
  type CaseMaker,
  constant,
  type Draw,
  given,
  int,
  ints,
  type OperatorCase,
  vector,
} from './draw.ts';

/** Some axes of `rank`, each from the front or the back. */
function someAxes(draw: Draw, rank: number): number[] {
  return Array.from({ length: rank }, (_, i) => i)
    .filter(() => draw.flag())
    .map((axis) => (draw.flag() ? axis : axis - rank));
}

/** Axes as an attribute up to opset 17 and as an input from 18 on; for ReduceSum always an input. */
function reduction(make: (draw: Draw, dims: readonly number[]) => CaseInput, isSum = false): CaseMaker {
  return (draw): OperatorCase => {
    const dims = draw.shape(1, 4);
    const axes = someAxes(draw, dims.length);
    const keepdims = draw.maybe(() => int(draw.int(0, 1)));
    const x = make(draw, dims);
    if (!isSum && draw.flag())
      return { inputs: [x], attributes: given({ keepdims, axes: axes.length === 0 ? undefined : ints(axes) }) };
    const isNoop = draw.int(0, 3) === 0 ? int(1) : undefined;
    const attributes = given({ keepdims, noop_with_empty_axes: isNoop });
    const inputs = axes.length === 0 && draw.flag() ? [x] : [x, vector(axes)];
    return { inputs, attributes, opset: isSum ? 17 : 18 };
  };
}

const normal = (draw: Draw, dims: readonly number[]): CaseInput => draw.normals(dims);
const apart = (draw: Draw, dims: readonly number[]): CaseInput => draw.spaced(dims)[0]!;
const positive = (draw: Draw, dims: readonly number[]): CaseInput => draw.uniforms(dims, 0.5, 1.5);

const arg: CaseMaker = (draw) => {
  const dims = draw.shape(1, 3);
  const attributes = given({
    axis: draw.maybe(() => int(draw.axis(dims.length))),
    keepdims: draw.maybe(() => int(draw.int(0, 1))),
    select_last_index: draw.maybe(() => int(draw.int(0, 1))),
  });
  return { inputs: draw.spaced(dims), attributes };
};

const cumSum: CaseMaker = (draw) => {
  const dims = draw.shape(1, 3);
  return {
    inputs: [draw.normals(dims), constant('int64', [], [draw.axis(dims.length)])],
    attributes: given({ exclusive: draw.maybe(() => int(1)), reverse: draw.maybe(() => int(1)) }),
  };
};

const topK: CaseMaker = (draw) => {
  const dims = draw.shape(1, 3);
  const axis = draw.axis(dims.length);
  const most = dims.at(axis)!;
  return {
    inputs: [...draw.spaced(dims), vector([draw.int(1, most)])],
    attributes: given({ axis: int(axis), largest: draw.maybe(() => int(draw.int(0, 1))) }),
    outputs: 2,
  };
};

export const REDUCTION: Record<string, CaseMaker> = {
  ReduceSum: reduction(normal, true),
  ReduceMean: reduction(normal),
  ReduceMax: reduction(apart),
  ReduceMin: reduction(apart),
  ReduceProd: reduction((draw, dims) => draw.uniforms(dims, 0.7, 1.3)),
  ReduceL1: reduction(apart),
  ReduceL2: reduction(apart),
  ReduceLogSum: reduction(positive),
  ReduceLogSumExp: reduction(normal),
  ReduceSumSquare: reduction(normal),
  ArgMax: arg,
  ArgMin: arg,
  CumSum: cumSum,
  TopK: topK,
};
