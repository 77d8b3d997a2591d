/**
 * Gradients of reductions, softmax and cumulative sums.
 * @module
 */
import { findInts, intOf, type Name } from '../onnx/ir.ts';
import { axisOf } from '../onnx/shapeRule.ts';
import { reducedAxes } from '../onnx/shapes.ts';
import { scaled, type Vjp, type VjpContext, zero } from './vjp.ts';

// y = softmax x: dx = t - y·Σt with t = dy·y
const softmax: Vjp = ({ graph, node, y, dy, op }) => {
  const axis = axisOf(intOf(node.attributes, 'axis', -1), graph.dims(y).length);
  const t = op('Mul', dy, y);
  return [op('Sub', t, op('Mul', y, graph.sum(t, [axis], true)))];
};

/** Axes that the node reduces, counted from the front. */
function axesOf({ graph, inputs, node }: VjpContext): number[] {
  const given = graph.constants.get(inputs[1] ?? '');
  const axes = given === undefined ? findInts(node.attributes, 'axes') : Array.from(given.data, Number);
  return reducedAxes(axes, graph.dims(inputs[0]!).length);
}

/** `value`, of the output's shape, with the reduced axes back as size 1. */
function kept(context: VjpContext, value: Name): Name {
  const { graph, inputs } = context;
  const axes = axesOf(context);
  return graph.reshape(
    value,
    graph.dims(inputs[0]!).map((dim, i) => (axes.includes(i) ? 1 : dim)),
  );
}

/** dy spread over the input's shape. */
function spread(context: VjpContext): Name {
  const { graph, inputs, dy } = context;
  return graph.expand(kept(context, dy), graph.dims(inputs[0]!));
}

const reduceMean: Vjp = (context) => {
  const dims = context.graph.dims(context.inputs[0]!);
  const count = axesOf(context).reduce((n, axis) => n * dims[axis]!, 1);
  return [scaled(context, spread(context), 1 / count)];
};

// dx = dy/k where x = y, for the k elements that are; PyTorch's amax and amin do the same
const extremum: Vjp = (context) => {
  const { graph, inputs, y, dy, op } = context;
  const isExtreme = op('Equal', inputs[0]!, kept(context, y));
  const count = graph.sum(graph.cast(isExtreme, 'float32'), axesOf(context), true);
  return [op('Where', isExtreme, op('Div', kept(context, dy), count), zero(context))];
};

/**
 * dx = dy·(product of the others): y/x without zeros; with one zero only that element has a gradient; with more, none.
 */
const product: Vjp = (context) => {
  const { graph, inputs, dy, op } = context;
  const [x, axes] = [inputs[0]!, axesOf(context)];
  const isZero = op('Equal', x, zero(context));
  const filled = op('Where', isZero, graph.scalar(1), x);
  const others = graph.op('ReduceProd', [filled], { axes: { ints: axes }, keepdims: { int: 1 } });
  const zeros = graph.sum(graph.cast(isZero, 'float32'), axes, true);
  const flowing = op('Mul', kept(context, dy), others);
  const ifNone = op('Where', op('Less', zeros, graph.scalar(0.5)), flowing, zero(context));
  const ifOne = op('Where', op('Less', zeros, graph.scalar(1.5)), flowing, zero(context));
  return [op('Where', isZero, ifOne, op('Div', ifNone, filled))];
};

// y = ‖x‖: dx = dy·x/y, and 0 for a vector of zeros
const norm: Vjp = (context) => {
  const { graph, inputs, y, dy, op } = context;
  const length = kept(context, y);
  const safe = op('Where', op('Equal', length, zero(context)), graph.scalar(1), length);
  return [op('Mul', op('Div', kept(context, dy), safe), inputs[0]!)];
};

// y = ln Σeˣ: dx = dy·exp(x - y)
const logSumExp: Vjp = (context) => {
  const { inputs, y, dy, op } = context;
  return [op('Mul', kept(context, dy), op('Exp', op('Sub', inputs[0]!, kept(context, y))))];
};

// each input is in the sums from it on: the gradient sums in the other direction
const cumSum: Vjp = ({ graph, node, inputs, dy }) => [
  graph.op('CumSum', [dy, inputs[1]!], {
    exclusive: { int: intOf(node.attributes, 'exclusive', 0) },
    reverse: { int: 1 - intOf(node.attributes, 'reverse', 0) },
  }),
  null,
];

export const REDUCTION_RULES: Readonly<Record<string, Vjp>> = {
  Softmax: softmax,
  ReduceSum: (context) => [spread(context)],
  ReduceMean: reduceMean,
  ReduceMax: extremum,
  ReduceMin: extremum,
  ReduceProd: product,
  ReduceL2: norm,
  ReduceLogSumExp: logSumExp,
  CumSum: cumSum,
};
