/**
 * Sizes of one convolution, and which formulation of it is cheapest.
 * @module
 */
import type { Target } from '../onnx/builder.ts';
import type { Window } from '../onnx/spatial.ts';
import { sizeOf } from '../onnx/tensor.ts';

/** One convolution: x `[n, c, ...input]`, weight `[k, c/groups, ...kernel]`, y `[n, k, ...output]`. */
export interface ConvShape {
  readonly n: number;
  readonly c: number;
  readonly k: number;
  readonly groups: number;
  readonly input: readonly number[];
  readonly output: readonly number[];
  readonly window: Window;
}

/** What the steps of a convolution cost in onnxruntime on one core, measured by bench/convolution.ts. */
const COST = {
  /** Floating-point operations per nanosecond of a large matrix product. */
  flops: 90,
  /** Columns a matrix product needs for that. */
  fullColumns: 16,
  /** Nanoseconds per byte of columns, to gather (slices, one concatenation) and to sum back (slices, pads, one sum). */
  gather: 0.2,
  sum: 0.5,
  /** Nanoseconds per byte to exchange channels of a weight, whose inner blocks are short. */
  turnWeight: 0.45,
  /** Share of the peak that the convolution of dy with x as weights reaches. */
  swapped: 0.35,
  /** Nanoseconds per node. */
  node: 4000,
} as const;

/** The same on a device, where memory is its own and launches cost more. */
const MAX_GPU_COLUMN_BYTES = 1 << 28;

/** Columns of more bytes than this are cut up by taps, so that memory stays near that of the activations. */
const MAX_COLUMN_BYTES = 1 << 24;

export function tapsOf(shape: ConvShape): number {
  return sizeOf(shape.window.kernel);
}

function flopsOf({ n, c, k, groups, output, window }: ConvShape): number {
  return 2 * n * sizeOf(output) * k * (c / groups) * sizeOf(window.kernel);
}

function columnBytes(shape: ConvShape): number {
  return 4 * shape.n * sizeOf(shape.output) * shape.c * tapsOf(shape);
}

function weightBytes({ k, c, groups, window }: ConvShape): number {
  return 4 * k * (c / groups) * sizeOf(window.kernel);
}

/** Time of a product over all of the batch's positions. */
function productTime(shape: ConvShape): number {
  return flopsOf(shape) / COST.flops;
}

/** Time of ORT's convolution, which multiplies image by image. */
function directTime(shape: ConvShape): number {
  return productTime(shape) / Math.min(1, sizeOf(shape.output) / COST.fullColumns);
}

export type ForwardForm = 'direct' | 'columns';
export type InputForm = 'flipped' | 'columns' | 'transposed';

/** Whether stride and padding leave x as it is: then x itself is the columns. */
export function isPointwise({ window }: ConvShape): boolean {
  const { kernel, strides, begin, end } = window;
  return kernel.every((size, i) => size === 1 && strides[i] === 1 && begin[i] === 0 && end[i] === 0);
}

export function isDepthwise({ c, k, groups }: ConvShape): boolean {
  return groups > 1 && groups === c && groups === k;
}

/** The forward form; columns made here are used again for the weight's gradient. */
export function forwardForm(shape: ConvShape, target: Target): ForwardForm {
  if (target === 'gpu') return 'direct';
  if (shape.groups > 1 || columnBytes(shape) > MAX_COLUMN_BYTES) return 'direct';
  // the weight's gradient gathers columns anyway
  return productTime(shape) + COST.node * tapsOf(shape) < directTime(shape) ? 'columns' : 'direct';
}

export function inputForm(shape: ConvShape, target: Target): InputForm {
  if (target === 'gpu') return 'transposed';
  const { window, groups } = shape;
  const isUnit = window.strides.every((s) => s === 1);
  const fits = window.begin.every((b, i) => {
    const reach = window.dilations[i]! * (window.kernel[i]! - 1);
    return b <= reach && window.end[i]! <= reach;
  });
  const flipped = isUnit && fits ? directTime(shape) + COST.turnWeight * weightBytes(shape) : Number.POSITIVE_INFINITY;
  const isSmall = columnBytes(shape) <= MAX_COLUMN_BYTES * 2;
  const columns = isSmall
    ? productTime(shape) + COST.sum * columnBytes(shape) + COST.node * 2 * tapsOf(shape)
    : Number.POSITIVE_INFINITY;
  if (isDepthwise(shape) || groups > 8) return flipped < Number.POSITIVE_INFINITY ? 'flipped' : 'transposed';
  if (flipped <= columns && flipped < Number.POSITIVE_INFINITY) return 'flipped';
  return columns < Number.POSITIVE_INFINITY ? 'columns' : 'transposed';
}

/** How many taps one product of the weight's gradient takes at a time; 0 for the convolution of dy with x. */
export function weightTaps(shape: ConvShape, target: Target): number {
  const taps = tapsOf(shape);
  if (target === 'gpu') return Math.max(1, Math.floor(taps / Math.ceil(columnBytes(shape) / MAX_GPU_COLUMN_BYTES)));
  if (isPointwise(shape)) return taps;
  const columns = productTime(shape) + COST.gather * columnBytes(shape) + COST.node * taps;
  const swapped = productTime(shape) / COST.swapped + COST.turnWeight * weightBytes(shape);
  if (swapped < columns) return 0;
  const share = Math.ceil(columnBytes(shape) / MAX_COLUMN_BYTES);
  return Math.max(1, Math.floor(taps / share));
}
