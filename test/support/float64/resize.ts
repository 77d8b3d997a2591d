/**
 * Resize of images, one output element at a time.
 * @module
 * @source ONNX operator specification, Resize-13 to Resize-19.
 */
import { findInts, floatOf, intOf, type Node } from '../../../src/training/onnx/ir.ts';
import { textOf } from './convolution.ts';
import { at, build, type Evaluator, fromFront } from './value.ts';

/** Coordinate in the input of output element `i`. */
function source(node: Node, i: number, from: number, to: number, scale: number): number {
  const mode = node.op === 'Upsample' ? 'asymmetric' : 'half_pixel';
  switch (textOf(node, 'coordinate_transformation_mode', mode)) {
    case 'half_pixel':
      return (i + 0.5) / scale - 0.5;
    case 'pytorch_half_pixel':
      return to > 1 ? (i + 0.5) / scale - 0.5 : 0;
    case 'align_corners':
      return to === 1 ? 0 : (i * (from - 1)) / (to - 1);
    case 'asymmetric':
      return i / scale;
    default:
      throw new RangeError('coordinate mode');
  }
}

function nearest(node: Node, x: number): number {
  switch (textOf(node, 'nearest_mode', node.op === 'Upsample' ? 'floor' : 'round_prefer_floor')) {
    case 'round_prefer_floor':
      return Math.ceil(x - 0.5);
    case 'round_prefer_ceil':
      return Math.floor(x + 0.5);
    case 'floor':
      return Math.floor(x);
    default:
      return Math.ceil(x);
  }
}

/** Keys' cubic convolution kernel with parameter a. */
function cubic(t: number, a: number): number {
  const d = Math.abs(t);
  if (d <= 1) return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1;
  return d < 2 ? a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a : 0;
}

/** Input places and weights of output element `i` along one axis. */
function taps(node: Node, i: number, from: number, to: number, scale: number): readonly (readonly [number, number])[] {
  if (scale === 1 && from === to) return [[i, 1]];
  const x = source(node, i, from, to, scale);
  const inside = (k: number): number => Math.min(Math.max(k, 0), from - 1);
  const mode = textOf(node, 'mode', 'nearest');
  if (mode === 'nearest') return [[inside(nearest(node, x)), 1]];
  const low = Math.floor(x);
  if (mode === 'linear')
    return [
      [inside(low), 1 - (x - low)],
      [inside(low + 1), x - low],
    ];
  const a = floatOf(node.attributes, 'cubic_coeff_a', -0.75);
  const around = [low - 1, low, low + 1, low + 2].map((k) => [k, cubic(x - k, a)] as const);
  if (intOf(node.attributes, 'exclude_outside', 0) === 0) return around.map(([k, w]) => [inside(k), w]);
  const kept = around.filter(([k]) => k >= 0 && k < from);
  const total = kept.reduce((n, [, w]) => n + w, 0);
  return kept.map(([k, w]) => [k, w / total]);
}

const resize: Evaluator = (node, [x, ...rest]) => {
  const [scalesValue, sizesValue] = node.op === 'Upsample' ? [rest[0]] : rest.slice(1);
  const rank = x!.dims.length;
  const axes = findInts(node.attributes, 'axes')?.map((a) => fromFront(a, rank)) ?? x!.dims.map((_, i) => i);
  const own = (values: readonly number[], i: number): number | undefined => values[axes.indexOf(i)];
  const scales = x!.dims.map((d, i) => {
    if (!axes.includes(i)) return 1;
    return sizesValue === undefined ? own(scalesValue!.data, i)! : own(sizesValue.data, i)! / d;
  });
  const dims = x!.dims.map((d, i) => {
    if (!axes.includes(i)) return d;
    return sizesValue === undefined ? Math.floor(d * scales[i]!) : own(sizesValue.data, i)!;
  });
  return build(dims, (index) => {
    const sum = (axis: number, place: number[]): number => {
      if (axis === rank) return at(x!, place);
      const own = taps(node, index[axis]!, x!.dims[axis]!, dims[axis]!, scales[axis]!);
      return own.reduce((total, [k, weight]) => total + weight * sum(axis + 1, [...place, k]), 0);
    };
    return sum(0, []);
  });
};

export const RESIZE: Record<string, Evaluator> = { Resize: resize, Upsample: resize };
