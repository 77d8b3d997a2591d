/**
 * Operators that move elements without looking at them: shape, order and copies.
 * @module
 */
import { findInts, intOf, type Node } from '../../../src/training/onnx/ir.ts';
import { textOf } from './convolution.ts';
import { at, broadcastAll, build, type Evaluator, fromFront, like, size, type Value } from './value.ts';

const int64 = (dims: readonly number[], data: readonly number[]): Value => ({ dims, data, dtype: 'int64' });

const reshape: Evaluator = (node, [x, shape]) => {
  const keepsZero = intOf(node.attributes, 'allowzero', 0) === 1;
  const wanted = shape!.data.map((d, i) => (d === 0 && !keepsZero ? x!.dims[i]! : d));
  const rest = size(x!.dims) / size(wanted.filter((d) => d !== -1));
  return like(
    x!,
    wanted.map((d) => (d === -1 ? rest : d)),
    x!.data,
  );
};

const flatten: Evaluator = (node, [x]) => {
  const axis = fromFront(intOf(node.attributes, 'axis', 1), x!.dims.length);
  return like(x!, [size(x!.dims.slice(0, axis)), size(x!.dims.slice(axis))], x!.data);
};

const axesOf = (node: Node, given: Value | undefined): readonly number[] | undefined =>
  given?.data ?? findInts(node.attributes, 'axes');

const squeeze: Evaluator = (node, [x, given]) => {
  const axes = axesOf(node, given)?.map((a) => fromFront(a, x!.dims.length));
  const isDropped = (d: number, i: number): boolean => (axes === undefined ? d === 1 : axes.includes(i));
  return like(
    x!,
    x!.dims.filter((d, i) => !isDropped(d, i)),
    x!.data,
  );
};

const unsqueeze: Evaluator = (node, [x, given]) => {
  const axes = axesOf(node, given)!;
  const rank = x!.dims.length + axes.length;
  const places = axes.map((a) => fromFront(a, rank));
  const dims = [...x!.dims];
  for (const place of [...places].sort((a, b) => a - b)) dims.splice(place, 0, 1);
  return like(x!, dims, x!.data);
};

const transpose: Evaluator = (node, [x]) => {
  const perm = findInts(node.attributes, 'perm') ?? x!.dims.map((_, i) => x!.dims.length - 1 - i);
  const source = (index: number[]): number[] => x!.dims.map((_, axis) => index[perm.indexOf(axis)]!);
  return build(
    perm.map((axis) => x!.dims[axis]!),
    (index) => at(x!, source(index)),
    x!.dtype,
  );
};

const expand: Evaluator = (_, [x, shape]) =>
  build(broadcastAll([x!.dims, shape!.data]), (index) => at(x!, index), x!.dtype);

const concat: Evaluator = (node, inputs) => {
  const parts = inputs as Value[];
  const axis = fromFront(intOf(node.attributes, 'axis', 0), parts[0]!.dims.length);
  const total = parts.reduce((n, part) => n + part.dims[axis]!, 0);
  return build(
    parts[0]!.dims.with(axis, total),
    (index) => {
      let place = index[axis]!;
      for (const part of parts) {
        if (place < part.dims[axis]!) return part.data[partIndex(part, index.with(axis, place))]!;
        place -= part.dims[axis]!;
      }
      throw new RangeError('concat index');
    },
    parts[0]!.dtype,
  );
};

function partIndex(part: Value, index: readonly number[]): number {
  return index.reduce((n, i, axis) => n * part.dims[axis]! + i, 0);
}

const split: Evaluator = (node, [x, given]) => {
  const axis = fromFront(intOf(node.attributes, 'axis', 0), x!.dims.length);
  const count = intOf(node.attributes, 'num_outputs', node.outputs.length);
  const chunk = Math.ceil(x!.dims[axis]! / count);
  const even = Array.from({ length: count }, (_, i) => Math.min(chunk, x!.dims[axis]! - i * chunk));
  const sizes = given?.data ?? findInts(node.attributes, 'split') ?? even;
  return sizes.map((n, i) => {
    const start = size([sizes.slice(0, i).reduce((a, b) => a + b, 0)]);
    return build(x!.dims.with(axis, n), (index) => at(x!, index.with(axis, index[axis]! + start)), x!.dtype);
  });
};

const tile: Evaluator = (_, [x, repeats]) =>
  build(
    x!.dims.map((d, i) => d * repeats!.data[i]!),
    (index) =>
      at(
        x!,
        index.map((v, i) => v % x!.dims[i]!),
      ),
    x!.dtype,
  );

const trilu: Evaluator = (node, [x, shift]) => {
  const [upper, k] = [intOf(node.attributes, 'upper', 1) === 1, shift?.data[0] ?? 0];
  const isKept = (index: number[]): boolean =>
    upper ? index.at(-1)! - index.at(-2)! >= k : index.at(-1)! - index.at(-2)! <= k;
  return build(x!.dims, (index) => (isKept(index) ? at(x!, index) : 0), x!.dtype);
};

/** [N, C, H, W] → [N, C/b², bH, bW]; DCR has the block before the channel in the depth, CRD after it. */
const depthToSpace: Evaluator = (node, [x]) => {
  const [n, c, h, w] = x!.dims as [number, number, number, number];
  const b = intOf(node.attributes, 'blocksize', 1);
  const depth = c / (b * b);
  return build([n, depth, h * b, w * b], ([i, j, y, z]) => {
    const block = (y! % b) * b + (z! % b);
    const channel = textOf(node, 'mode', 'DCR') === 'DCR' ? block * depth + j! : j! * b * b + block;
    return at(x!, [i!, channel, Math.floor(y! / b), Math.floor(z! / b)]);
  });
};

const spaceToDepth: Evaluator = (node, [x]) => {
  const [n, c, h, w] = x!.dims as [number, number, number, number];
  const b = intOf(node.attributes, 'blocksize', 1);
  return build([n, c * b * b, h / b, w / b], ([i, j, y, z]) => {
    const [block, channel] = [Math.floor(j! / c), j! % c];
    return at(x!, [i!, channel, y! * b + Math.floor(block / b), z! * b + (block % b)]);
  });
};

/** Index in an axis of length n that padding at `place` copies from. */
function paddedIndex(place: number, n: number, mode: string): number | undefined {
  if (place >= 0 && place < n) return place;
  if (mode === 'constant') return undefined;
  if (mode === 'edge') return place < 0 ? 0 : n - 1;
  if (mode === 'wrap') return ((place % n) + n) % n;
  return place < 0 ? -place : 2 * (n - 1) - place;
}

const pad: Evaluator = (node, [x, pads, value, axesValue]) => {
  const rank = x!.dims.length;
  const axes = axesValue?.data.map((a) => fromFront(a, rank)) ?? x!.dims.map((_, i) => i);
  const [before, after] = [x!.dims.map(() => 0), x!.dims.map(() => 0)];
  for (const [i, axis] of axes.entries()) {
    before[axis] = pads!.data[i]!;
    after[axis] = pads!.data[axes.length + i]!;
  }
  return build(
    x!.dims.map((d, i) => d + before[i]! + after[i]!),
    (index) => {
      const mode = textOf(node, 'mode', 'constant');
      const source = index.map((v, i) => paddedIndex(v - before[i]!, x!.dims[i]!, mode));
      return source.includes(undefined) ? (value?.data[0] ?? 0) : at(x!, source as number[]);
    },
    x!.dtype,
  );
};

const slice: Evaluator = (_, [x, starts, ends, axes, steps]) => {
  const ranges = x!.dims.map((d) => Array.from({ length: d }, (_, i) => i));
  for (const [i, start] of starts!.data.entries()) {
    const axis = fromFront(axes?.data[i] ?? i, x!.dims.length);
    const [n, step] = [x!.dims[axis]!, steps?.data[i] ?? 1];
    const [low, high] = step > 0 ? [0, n] : [-1, n - 1];
    const clamp = (v: number): number => Math.min(Math.max(v < 0 ? v + n : v, low), high);
    const [from, to] = [Math.max(clamp(start), 0), clamp(ends!.data[i]!)];
    ranges[axis] = [];
    for (let k = from; step > 0 ? k < to : k > to; k += step) ranges[axis].push(k);
  }
  return build(
    ranges.map((range) => range.length),
    (index) =>
      at(
        x!,
        index.map((v, i) => ranges[i]![v]!),
      ),
    x!.dtype,
  );
};

const shape: Evaluator = (node, [x]) => {
  const part = x!.dims.slice(intOf(node.attributes, 'start', 0), intOf(node.attributes, 'end', x!.dims.length));
  return int64([part.length], part);
};

export const LAYOUT: Record<string, Evaluator> = {
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Expand: expand,
  Concat: concat,
  Split: split,
  Tile: tile,
  Trilu: trilu,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Pad: pad,
  Slice: slice,
  Shape: shape,
  Size: (_, [x]) => int64([], [size(x!.dims)]),
};
