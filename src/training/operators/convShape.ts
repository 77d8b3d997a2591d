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

/** What the steps of a convolution cost in onnxruntime on one core, in nanoseconds; bench/convolution.ts measures them. */
export const COST = {
  /** Floating-point operations per nanosecond of a large matrix product, and the rows and columns it needs for that. */
  flops: 90,
  fullRows: 8,
  fullColumns: 16,
  /** A matrix product, however small. */
  product: 150,
  /** Per byte of columns: to gather them (slices, one concatenation) and to sum them back (slices, pads, one sum). */
  gather: 0.3,
  sum: 0.5,
  /** Per byte of a weight whose channels are exchanged: its inner blocks are short. */
  turnWeight: 0.45,
  /** Share of the peak that a product with few columns reaches inside a convolution. */
  swapped: 0.65,
  /** A node. */
  node: 500,
} as const;

/** The same on a device, where memory is its own and launches cost more. */
const MAX_GPU_COLUMN_BYTES = 1 << 28;

/** Columns of more bytes than this are cut up by taps, so that memory stays near that of the activations. */
const MAX_COLUMN_BYTES = 1 << 24;

export function tapsOf(shape: ConvShape): number {
  return sizeOf(shape.window.kernel);
}

function columnBytes(shape: ConvShape): number {
  return 4 * shape.n * sizeOf(shape.output) * shape.c * tapsOf(shape);
}

function weightBytes({ k, c, groups, window }: ConvShape): number {
  return 4 * k * (c / groups) * sizeOf(window.kernel);
}

/** Time of `count` products `[rows, inner]·[inner, columns]`. */
function productsTime(count: number, rows: number, inner: number, columns: number): number {
  const share = Math.min(1, rows / COST.fullRows) * Math.min(1, columns / COST.fullColumns);
  return count * (COST.product + (2 * rows * inner * columns) / (COST.flops * share));
}

/** Time of the product over all of the batch's positions. */
function productTime(shape: ConvShape): number {
  const { n, c, k, groups, output } = shape;
  return productsTime(groups, k / groups, (c / groups) * tapsOf(shape), n * sizeOf(output));
}

/** Time of ORT's convolution, which multiplies image by image and group by group. */
function directTime(shape: ConvShape): number {
  const { n, c, k, groups, output } = shape;
  return productsTime(n * groups, k / groups, (c / groups) * tapsOf(shape), sizeOf(output));
}

/**
 * Time of the convolution of dy with x, channels for images and taps for positions, beyond what gathering its columns
 * costs there as anywhere.
 */
function swappedTime(shape: ConvShape): number {
  const { n, c, k, groups, output } = shape;
  const products = productsTime(c, k / groups, n * sizeOf(output), tapsOf(shape));
  return products / COST.swapped + COST.turnWeight * weightBytes(shape);
}

export type ForwardForm = 'direct' | 'columns';
export type InputForm = 'flipped' | 'columns' | 'transposed';

/** Whether stride and padding leave x as it is: then x itself is the columns. */
export function isPointwise({ window }: ConvShape): boolean {
  const { kernel, strides, begin, end } = window;
  return kernel.every((size, i) => size === 1 && strides[i] === 1 && begin[i] === 0 && end[i] === 0);
}

/** WebGPU convolves lines and images only. */
export function isVolumeOnGpu({ output }: Pick<ConvShape, 'output'>, target: Target): boolean {
  return target === 'gpu' && output.length > 2;
}

/**
 * Whether the transposed convolution can be left to the operator. WebGPU's gives wrong numbers for groups of several
 * channels on the side of `k` and one on that of `c` (seen in onnxruntime 1.30).
 */
export function isTransposable(shape: Pick<ConvShape, 'c' | 'k' | 'groups' | 'output'>, target: Target): boolean {
  const { c, k, groups } = shape;
  const isWrong = target === 'gpu' && groups > 1 && c === groups && k > groups;
  return !isWrong && !isVolumeOnGpu(shape, target);
}

/** The forward form; columns made here are used again for the weight's gradient. */
export function forwardForm(shape: ConvShape, target: Target): ForwardForm {
  if (isVolumeOnGpu(shape, target)) return 'columns';
  if (target === 'gpu' || columnBytes(shape) > MAX_COLUMN_BYTES) return 'direct';
  // the weight's gradient gathers columns anyway
  return productTime(shape) + COST.node * tapsOf(shape) < directTime(shape) ? 'columns' : 'direct';
}

export function inputForm(shape: ConvShape, target: Target): InputForm {
  if (target === 'gpu') return isTransposable(shape, target) ? 'transposed' : 'columns';
  const { window } = shape;
  const isUnit = window.strides.every((s) => s === 1);
  const fits = window.begin.every((b, i) => {
    const most = window.dilations[i]! * (window.kernel[i]! - 1);
    return b <= most && window.end[i]! <= most;
  });
  const flipped = isUnit && fits ? directTime(shape) + COST.turnWeight * weightBytes(shape) : Number.POSITIVE_INFINITY;
  const columns =
    columnBytes(shape) <= MAX_COLUMN_BYTES * 2
      ? productTime(shape) + COST.sum * columnBytes(shape) + COST.node * 2 * tapsOf(shape)
      : Number.POSITIVE_INFINITY;
  if (flipped === columns) return 'transposed';
  return flipped <= columns ? 'flipped' : 'columns';
}

/** How many taps one product of the weight's gradient takes at a time; 0 for the convolution of dy with x. */
export function weightTaps(shape: ConvShape, target: Target): number {
  const taps = tapsOf(shape);
  const limit = target === 'gpu' ? MAX_GPU_COLUMN_BYTES : MAX_COLUMN_BYTES;
  const atOnce = Math.max(1, Math.floor(taps / Math.ceil(columnBytes(shape) / limit)));
  if (target === 'gpu' || isPointwise(shape)) return atOnce;
  const columns = productTime(shape) + COST.node * taps;
  return swappedTime(shape) < columns ? 0 : atOnce;
}

/** Positions of input and output multiplied, up to which a depthwise kernel may become a matrix: 64 KiB a channel. */
const MAX_PLACES = 1 << 12;

/** Whether a convolution with one kernel a channel is cheaper as one matrix a channel. */
export function isMatrixDepthwise(shape: ConvShape, target: Target): boolean {
  const { n, c, k, groups, input, output } = shape;
  if (target === 'gpu' || groups !== c || k !== c || c === 1) return false;
  const [inputs, outputs, taps] = [sizeOf(input), sizeOf(output), tapsOf(shape)];
  if (inputs * outputs > MAX_PLACES) return false;
  // forward and back: the matrices and their gradient, and three products with them
  const matrices = 2 * productsTime(1, c, taps, inputs * outputs) + 3 * productsTime(c, n, inputs, outputs);
  const columns = productTime(shape) + COST.gather * columnBytes(shape) + COST.node * taps;
  return matrices < 2 * directTime(shape) + columns;
}
