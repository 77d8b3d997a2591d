/**
 * Reductions: axes as attribute (opset 13) or input (opset 18), and those that are others in disguise.
 * @module
 */
import type { Backward } from '../onnx/builder.ts';
import { intOf, type Name } from '../onnx/ir.ts';
import { axisOf } from '../onnx/shapeRule.ts';
import { reducedAxes } from '../onnx/shapes.ts';
import { findAxes, findNumbers, inputOf, type LowerContext, type LowerRule } from './context.ts';

/** Axes to reduce, none of them where the node says that none given means none. */
function axesOf(context: LowerContext): number[] {
  const { graph, inputs, node } = context;
  const rank = graph.dims(inputs[0]!).length;
  const given = findAxes(context, rank) ?? [];
  const isNoOp = given.length === 0 && intOf(node.attributes, 'noop_with_empty_axes', 0) === 1;
  return isNoOp ? [] : reducedAxes(given, rank);
}

/** `x` reduced by core operator `op` as the node says. */
function reduced(context: LowerContext, op: string, x: Name): Name {
  const { graph, node } = context;
  const axes = axesOf(context);
  if (axes.length === 0) return x;
  const keepdims = intOf(node.attributes, 'keepdims', 1) === 1;
  if (op === 'ReduceSum') return graph.sum(x, axes, keepdims);
  return graph.op(op, [x], { axes: { ints: axes }, keepdims: { int: keepdims ? 1 : 0 } });
}

const plain: LowerRule = (context) => reduced(context, context.node.op, context.inputs[0]!);

/** A sum over what `before` makes of each element, and `after` over that. */
function sumOf(before: (context: LowerContext, x: Name) => Name, after?: string): LowerRule {
  return (context) => {
    const sum = reduced(context, 'ReduceSum', before(context, context.inputs[0]!));
    return after === undefined ? sum : context.graph.op(after, [sum]);
  };
}

const abs = ({ graph }: LowerContext, x: Name): Name => graph.op('Abs', [x]);

/** The norm of a single number is its absolute value. */
const norm: LowerRule = (context) => (axesOf(context).length === 0 ? abs(context, context.inputs[0]!) : plain(context));

/** Places of the maxima or minima; no gradient. */
const arg: LowerRule = ({ graph, inputs, node }) => graph.op(node.op, [inputs[0]!], node.attributes);

const cumSum: LowerRule = (context) => {
  const { graph, inputs, node } = context;
  // the axis must not be computed from data
  findNumbers(context, 1);
  return graph.op('CumSum', [inputs[0]!, inputOf(context, 1)], node.attributes);
};

// the gradient of each chosen element goes back to its place
const topK: LowerRule = (context) => {
  const { graph, inputs, node } = context;
  const [x, count] = [inputs[0]!, inputOf(context, 1)];
  findNumbers(context, 1);
  const dims = graph.dims(x);
  const axis = { int: axisOf(intOf(node.attributes, 'axis', -1), dims.length) };
  return graph.composite('TopK', [x], () => {
    const outputs = graph.ops('TopK', [x, count], { ...node.attributes, axis }, 2);
    const backward = ({ dy: [dy] }: Backward): (Name | null)[] => {
      if (dy === null || dy === undefined) return [null];
      const places = [graph.zeros(dims), outputs[1]!, dy];
      return [graph.op('ScatterElements', places, { axis, reduction: { text: 'add' } })];
    };
    return { outputs, backward };
  });
};

export const REDUCTIONS: Readonly<Record<string, LowerRule>> = {
  ReduceSum: plain,
  ReduceMean: plain,
  ReduceMax: plain,
  ReduceMin: plain,
  ReduceProd: plain,
  ReduceL2: norm,
  ReduceLogSumExp: plain,
  ReduceL1: sumOf(abs),
  ReduceSumSquare: sumOf(({ graph }, x) => graph.op('Mul', [x, x])),
  ReduceLogSum: sumOf((_, x) => x, 'Log'),
  ArgMax: arg,
  ArgMin: arg,
  CumSum: cumSum,
  TopK: topK,
};
