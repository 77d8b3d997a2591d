/**
 * Operators that rename, reorder and repeat elements. What only renames axes becomes Reshape, so that gradients need one
 * rule for all of it.
 * @module
 */
import { findInts, intOf, type Name, textOf } from '../onnx/ir.ts';
import { sliceOf } from '../onnx/layoutShapes.ts';
import { axisOf } from '../onnx/shapeRule.ts';
import { intVector, sizeOf, tensorFrom } from '../onnx/tensor.ts';
import { findAxes, findNumbers, invalid, type LowerContext, type LowerRule, unsupported } from './context.ts';

const flatten: LowerRule = ({ graph, inputs, node }) => {
  const dims = graph.dims(inputs[0]!);
  const given = intOf(node.attributes, 'axis', 1);
  const axis = given === dims.length ? given : axisOf(given, dims.length);
  return graph.reshape(inputs[0]!, [sizeOf(dims.slice(0, axis)), sizeOf(dims.slice(axis))]);
};

const squeeze: LowerRule = (context) => {
  const { graph, inputs } = context;
  const dims = graph.dims(inputs[0]!);
  const axes = findAxes(context, dims.length);
  if (axes?.some((axis) => dims[axis] !== 1))
    invalid(`axes [${axes.join(', ')}] of [${dims.join(', ')}] are not all of size 1`);
  return graph.reshape(
    inputs[0]!,
    dims.filter((dim, i) => (axes === undefined ? dim !== 1 : !axes.includes(i))),
  );
};

const unsqueeze: LowerRule = (context) => {
  const { graph, inputs } = context;
  const dims = graph.dims(inputs[0]!);
  const given = findNumbers(context, 1) ?? findInts(context.node.attributes, 'axes') ?? [];
  const rank = dims.length + given.length;
  const axes = new Set(given.map((axis) => axisOf(axis, rank)));
  const rest = dims.values();
  const out = Array.from({ length: rank }, (_, i) => (axes.has(i) ? 1 : (rest.next().value ?? 1)));
  return graph.reshape(inputs[0]!, out);
};

/** With bounds inside the axis, and only for the axes that change. */
const slice: LowerRule = (context) => {
  const { graph, inputs, node } = context;
  const dims = graph.dims(inputs[0]!);
  const [starts, ends] = [findNumbers(context, 1), findNumbers(context, 2)];
  if (starts === undefined || ends === undefined) return invalid('Slice needs starts and ends');
  const ranges = sliceOf(dims, starts, ends, findNumbers(context, 3), findNumbers(context, 4));
  if (ranges.some(({ count }) => count === 0)) return graph.op('Slice', inputs, node.attributes);
  const changed = ranges
    .map(({ start, step, count }, axis) => ({ start, step: count === 1 ? 1 : step, count, axis, dim: dims[axis]! }))
    .filter(({ start, step, count, dim }) => start !== 0 || count !== dim || step !== 1);
  return graph.slice(
    inputs[0]!,
    changed.map(({ axis }) => axis),
    changed.map(({ start }) => start),
    // one step after the last element; before the first axis place that is counted from the back
    changed.map(({ start, step, count, dim }) => {
      const end = start + (count - 1) * step + Math.sign(step);
      return end < 0 ? -dim - 1 : end;
    }),
    changed.map(({ step }) => step),
  );
};

/** One Slice a part: a Split with many outputs exceeds the storage buffers of a GPU's shader. */
const split: LowerRule = (context) => {
  const { graph, inputs, node } = context;
  const dims = graph.dims(inputs[0]!);
  const axis = axisOf(intOf(node.attributes, 'axis', 0), dims.length);
  const dim = dims[axis]!;
  const count = intOf(node.attributes, 'num_outputs', node.outputs.length);
  // the last part is smaller when the parts cannot be equal
  if (count < 1 || count > Math.max(dim, 1)) invalid(`${count} parts of an axis of ${dim}`);
  const chunk = Math.ceil(dim / count);
  const even = Array.from({ length: count }, (_, i) => Math.min(chunk, dim - i * chunk));
  const sizes = findNumbers(context, 1) ?? findInts(node.attributes, 'split') ?? even;
  if (sizes.reduce((n, size) => n + size, 0) !== dim || sizes.some((size) => size < 0))
    invalid(`parts [${sizes.join(', ')}] of an axis of ${dim}`);
  let end = 0;
  return sizes.map((size) => graph.slice(inputs[0]!, [axis], [end], [(end += size)]));
};

/** [a, b] repeated (r, s) times is [1, a, 1, b] spread over [r, a, s, b]. */
const tile: LowerRule = (context) => {
  const { graph, inputs } = context;
  const dims = graph.dims(inputs[0]!);
  const repeats = findNumbers(context, 1) ?? [];
  if (repeats.length !== dims.length || repeats.some((n) => n < 0)) invalid(`repeats [${repeats.join(', ')}]`);
  const column = graph.reshape(
    inputs[0]!,
    dims.flatMap((dim) => [1, dim]),
  );
  const spread = graph.expand(
    column,
    dims.flatMap((dim, i) => [repeats[i]!, dim]),
  );
  return graph.reshape(
    spread,
    dims.map((dim, i) => dim * repeats[i]!),
  );
};

/** The block size and dimensions of a DepthToSpace or SpaceToDepth. */
function blocks({ graph, inputs, node }: LowerContext): { b: number; n: number; c: number; h: number; w: number } {
  const dims = graph.dims(inputs[0]!);
  const b = intOf(node.attributes, 'blocksize', 0);
  if (dims.length !== 4 || b < 1) invalid(`blocks of ${b} of [${dims.join(', ')}], expected an image`);
  const [n, c, h, w] = dims as [number, number, number, number];
  const fits = node.op === 'DepthToSpace' ? c % (b * b) === 0 : h % b === 0 && w % b === 0;
  if (!fits) invalid(`blocks of ${b} do not fit [${dims.join(', ')}]`);
  return { b, n, c, h, w };
}

/** [n, b, b, d, h, w] (DCR) or [n, d, b, b, h, w] (CRD) → [n, d, hb, wb]. */
const depthToSpace: LowerRule = (context) => {
  const { graph, inputs, node } = context;
  const { b, n, c, h, w } = blocks(context);
  const depth = c / (b * b);
  const isDcr = textOf(node.attributes, 'mode', 'DCR') === 'DCR';
  const split = graph.reshape(inputs[0]!, isDcr ? [n, b, b, depth, h, w] : [n, depth, b, b, h, w]);
  const turned = graph.transpose(split, isDcr ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3]);
  return graph.reshape(turned, [n, depth, h * b, w * b]);
};

/** [n, c, h, b, w, b] → [n, bbc, h, w]. */
const spaceToDepth: LowerRule = (context) => {
  const { graph, inputs } = context;
  const { b, n, c, h, w } = blocks(context);
  const turned = graph.transpose(graph.reshape(inputs[0]!, [n, c, h / b, b, w / b, b]), [0, 3, 5, 1, 2, 4]);
  return graph.reshape(turned, [n, c * b * b, h / b, w / b]);
};

/** `before` and `after` elements of `x` along `axis` around it, in the order that the mode says. */
function surround(context: LowerContext, x: Name, axis: number, before: number, after: number, mode: string): Name {
  const { graph } = context;
  const n = graph.dims(x)[axis]!;
  const part = (start: number, count: number): Name => graph.slice(x, [axis], [start], [start + count]);
  const repeat = (start: number, count: number): Name => graph.expand(part(start, 1), graph.dims(x).with(axis, count));
  const most = { reflect: n - 1, edge: Number.POSITIVE_INFINITY, wrap: n }[mode] ?? -1;
  if (most < 0) unsupported(`mode "${mode}", expected constant, reflect, edge or wrap`);
  if (before < 0 || after < 0 || Math.max(before, after) > most)
    unsupported(`${before} and ${after} elements around an axis of ${n} in mode "${mode}"`);
  const make = (count: number, isBefore: boolean): Name => {
    if (mode === 'edge') return repeat(isBefore ? 0 : n - 1, count);
    if (mode === 'wrap') return part(isBefore ? n - count : 0, count);
    return graph.reversed(part(isBefore ? 1 : n - 1 - count, count), axis);
  };
  const parts = [...(before > 0 ? [make(before, true)] : []), x, ...(after > 0 ? [make(after, false)] : [])];
  return graph.concat(parts, axis);
}

const pad: LowerRule = (context) => {
  const { graph, inputs, node } = context;
  const x = inputs[0]!;
  const { dtype, dims } = graph.typeOf(x);
  const pads = findNumbers(context, 1) ?? invalid('Pad needs the number of elements');
  const axes = findAxes(context, dims.length, 3) ?? dims.map((_, i) => i);
  if (pads.length !== 2 * axes.length) invalid(`${pads.length} paddings of ${axes.length} axes`);
  const [before, after] = [dims.map(() => 0), dims.map(() => 0)];
  for (const [i, axis] of axes.entries()) {
    before[axis] = pads[i]!;
    after[axis] = pads[axes.length + i]!;
  }
  const mode = textOf(node.attributes, 'mode', 'constant');
  if (mode === 'constant') {
    const value = graph.constant(tensorFrom(dtype, [], [findNumbers(context, 2)?.[0] ?? 0]));
    if ([...before, ...after].every((n) => n === 0)) return x;
    return graph.op('Pad', [x, graph.constant(intVector([...before, ...after])), value]);
  }
  return dims.reduce((y, _, axis) => surround(context, y, axis, before[axis]!, after[axis]!, mode), x);
};

export const LAYOUT: Readonly<Record<string, LowerRule>> = {
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Slice: slice,
  Split: split,
  Tile: tile,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Pad: pad,
};
