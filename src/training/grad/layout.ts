/**
 * Gradients of operators that move, pick or place elements.
 * @module
 */
import type { GraphBuilder } from '../onnx/builder.ts';
import { findInts, intOf, type Name, textOf } from '../onnx/ir.ts';
import { sliceOf } from '../onnx/layoutShapes.ts';
import { addAt } from '../onnx/scatter.ts';
import { axisOf } from '../onnx/shapeRule.ts';
import { numbersOf } from '../onnx/tensor.ts';
import type { Vjp, VjpContext } from './vjp.ts';

const transpose: Vjp = ({ graph, inputs, node, dy }) => {
  const rank = graph.dims(inputs[0]!).length;
  const perm = findInts(node.attributes, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  return [
    graph.transpose(
      dy,
      perm.map((_, i) => perm.indexOf(i)),
    ),
  ];
};

// each part's gradient is its own stretch of dy
const concat: Vjp = ({ graph, inputs, node, dy, needs }) => {
  const axis = axisOf(intOf(node.attributes, 'axis', 0), graph.dims(dy).length);
  let start = 0;
  return inputs.map((input, i) => {
    const from = start;
    start += graph.dims(input)[axis]!;
    return needs(i) ? graph.slice(dy, [axis], [from], [start]) : null;
  });
};

/** `x` with `step - 1` zeros after each element along `axis`. */
function interleaved(graph: GraphBuilder, x: Name, axis: number, step: number): Name {
  const dims = graph.dims(x);
  const column = graph.reshape(x, dims.toSpliced(axis + 1, 0, 1));
  const after = graph.dims(column).map((_, i) => (i === axis + 1 ? step - 1 : 0));
  const padded = graph.pad(
    column,
    after.map(() => 0),
    after,
  );
  return graph.reshape(padded, dims.with(axis, dims[axis]! * step));
}

// dy goes back to where it was picked, zeros elsewhere
const slice: Vjp = ({ graph, inputs, dy }) => {
  const bound = (i: number): number[] | undefined => {
    const value = graph.constants.get(inputs[i] ?? '');
    return value === undefined ? undefined : numbersOf(value);
  };
  const dims = graph.dims(inputs[0]!);
  const ranges = sliceOf(dims, bound(1) ?? [], bound(2) ?? [], bound(3), bound(4));
  if (ranges.some(({ count }) => count === 0)) return [null];
  let spread = dy;
  const before = ranges.map(({ start, step, count }, axis) => {
    if (step < 0 && count > 1) spread = graph.reversed(spread, axis);
    // after the last element there may be fewer than step - 1 elements: the padding below is negative then
    if (Math.abs(step) > 1 && count > 1) spread = interleaved(graph, spread, axis, Math.abs(step));
    return step < 0 ? start + (count - 1) * step : start;
  });
  const after = graph.dims(spread).map((dim, axis) => dims[axis]! - dim - before[axis]!);
  return [graph.pad(spread, before, after)];
};

/** Along axis 0: rows of dy added up per index. */
function scatterRows(graph: GraphBuilder, dims: readonly number[], indices: Name, dy: Name): Name {
  const column = graph.reshape(indices, [...graph.dims(indices), 1]);
  return addAt(graph, graph.zeros(dims), column, dy);
}

// the gradient of a row is the sum over the places that read it
const gather: Vjp = ({ graph, inputs, node, dy }) => {
  const [x, indices] = [inputs[0]!, inputs[1]!];
  const dims = graph.dims(x);
  const axis = axisOf(intOf(node.attributes, 'axis', 0), dims.length);
  const constant = graph.constants.get(indices);
  if (constant?.data.length === 1) {
    const place = axisOf(Number(constant.data[0]), dims[axis]!);
    const before = dims.map((_, i) => (i === axis ? place : 0));
    const after = dims.map((dim, i) => (i === axis ? dim - 1 - place : 0));
    return [graph.pad(graph.reshape(dy, dims.with(axis, 1)), before, after), null];
  }
  const width = graph.dims(indices).length;
  if (axis === 0) return [scatterRows(graph, dims, indices, dy), null];
  // the indices' axes, then the others
  const moved = graph.dims(dy).map((_, i) => i);
  const perm = [...moved.splice(axis, width), ...moved];
  const rows = graph.transpose(dy, perm);
  const sum = scatterRows(graph, [dims[axis]!, ...dims.toSpliced(axis, 1)], indices, rows);
  const back = dims.map((_, i) => (i === axis ? 0 : i < axis ? i + 1 : i));
  return [graph.transpose(sum, back), null];
};

const gatherElements: Vjp = ({ graph, inputs, node, dy }) => {
  const axis = { int: intOf(node.attributes, 'axis', 0) };
  const empty = graph.zeros(graph.dims(inputs[0]!));
  return [graph.op('ScatterElements', [empty, inputs[1]!, dy], { axis, reduction: { text: 'add' } }), null];
};

const gatherND: Vjp = ({ graph, inputs, dy }) => {
  const empty = graph.zeros(graph.dims(inputs[0]!));
  return [addAt(graph, empty, inputs[1]!, dy), null];
};

/** Updates get what stands in their places; the data keep their gradient where nothing was written over them. */
function scatter(read: (context: VjpContext) => Name): Vjp {
  return (context) => {
    const { graph, inputs, node, dy, needs } = context;
    const overwrites = textOf(node.attributes, 'reduction', 'none') === 'none';
    const nothing = (): Name => graph.zeros(graph.dims(inputs[2]!));
    const kept = (): Name => (overwrites ? graph.op(node.op, [dy, inputs[1]!, nothing()], node.attributes) : dy);
    return [needs(0) ? kept() : null, null, needs(2) ? read(context) : null];
  };
}

// y = x with zeros around it (or cropped): dx = dy cropped (or with zeros around it)
const pad: Vjp = ({ graph, inputs, dy }) => {
  const pads = numbersOf(graph.constants.get(inputs[1]!)!).map((n) => -n);
  const rank = pads.length / 2;
  return [graph.pad(dy, pads.slice(0, rank), pads.slice(rank))];
};

export const LAYOUT_RULES: Readonly<Record<string, Vjp>> = {
  Reshape: ({ graph, inputs, dy }) => [graph.reshape(dy, graph.dims(inputs[0]!))],
  Expand: ({ dy }) => [dy],
  Transpose: transpose,
  Concat: concat,
  Slice: slice,
  Pad: pad,
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  ScatterND: scatter(({ graph, inputs, dy }) => graph.op('GatherND', [dy, inputs[1]!])),
  ScatterElements: scatter(({ graph, inputs, node, dy }) =>
    graph.op('GatherElements', [dy, inputs[1]!], { axis: { int: intOf(node.attributes, 'axis', 0) } }),
  ),
};
