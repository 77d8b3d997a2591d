/**
 * Shapes of operators that slide a window over spatial axes: convolutions and pools, in any number of dimensions.
 * @module
 * @source ONNX operator specification, opset 17: Conv, ConvTranspose, MaxPool, AveragePool.
 */
import { KonsilError } from '../../base/index.ts';
import { type Attributes, findInts, intOf } from './ir.ts';
import { inputOf, invalid, type ShapeContext, type ShapeRule, show } from './shapeRule.ts';

/** A window over the spatial axes of a `[N, C, ...]` value; one entry per axis in every list. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly begin: readonly number[];
  readonly end: readonly number[];
}

function positive(attributes: Attributes, name: string, rank: number): readonly number[] {
  const given = findInts(attributes, name) ?? Array.from({ length: rank }, () => 1);
  if (given.length !== rank || given.some((v) => !Number.isInteger(v) || v < 1))
    invalid(`${name} ${show(given)}, expected ${rank} positive integers`);
  // backward steps work tap by tap and phase by phase
  if (given.reduce((n, v) => n * v, 1) > MAX_PLACES) unsupported(`${name} ${show(given)}`);
  return given;
}

/** Most taps of a kernel or phases of a stride, over all axes; and most padding of one axis. */
const MAX_PLACES = 1 << 16;

function unsupported(what: string): never {
  throw new KonsilError('MODEL_UNSUPPORTED', `${what}: beyond ${MAX_PLACES} places`);
}

/** Extent of a dilated kernel. */
export function reach(kernel: number, dilation: number): number {
  return dilation * (kernel - 1) + 1;
}

/** The window that the attributes describe, `auto_pad` turned into explicit padding. */
export function windowOf(attributes: Attributes, spatial: readonly number[], kernel: readonly number[]): Window {
  const rank = spatial.length;
  const strides = positive(attributes, 'strides', rank);
  const dilations = positive(attributes, 'dilations', rank);
  const auto = attributes['auto_pad'];
  const mode = auto !== undefined && 'text' in auto ? auto.text : 'NOTSET';
  if (mode === 'SAME_UPPER' || mode === 'SAME_LOWER') {
    const total = spatial.map((size, i) => {
      const out = Math.ceil(size / strides[i]!);
      return Math.max(0, (out - 1) * strides[i]! + reach(kernel[i]!, dilations[i]!) - size);
    });
    const small = total.map((n) => Math.floor(n / 2));
    const large = total.map((n, i) => n - small[i]!);
    const [begin, end] = mode === 'SAME_UPPER' ? [small, large] : [large, small];
    return { kernel, strides, dilations, begin, end };
  }
  const pads = mode === 'VALID' ? undefined : findInts(attributes, 'pads');
  const all = pads ?? Array.from({ length: 2 * rank }, () => 0);
  if (all.length !== 2 * rank || all.some((v) => !Number.isInteger(v) || v < 0))
    invalid(`pads ${show(all)}, expected ${2 * rank} integers of 0 or more`);
  if (all.some((v) => v > MAX_PLACES)) unsupported(`pads ${show(all)}`);
  return { kernel, strides, dilations, begin: all.slice(0, rank), end: all.slice(rank) };
}

/** Attributes that describe `window`. */
export function windowAttributes(window: Window) {
  return {
    kernel_shape: { ints: window.kernel },
    strides: { ints: window.strides },
    dilations: { ints: window.dilations },
    pads: { ints: [...window.begin, ...window.end] },
  };
}

/** Positions of the window along each axis; with `ceil` the last may reach over the end, but not start in padding. */
export function outputSizes(spatial: readonly number[], window: Window, ceil = false): number[] {
  return spatial.map((size, i) => {
    const [stride, begin, end] = [window.strides[i]!, window.begin[i]!, window.end[i]!];
    const free = size + begin + end - reach(window.kernel[i]!, window.dilations[i]!);
    if (free < 0) invalid(`window ${show(window.kernel)} does not fit into ${show(spatial)}`);
    const count = (ceil ? Math.ceil(free / stride) : Math.floor(free / stride)) + 1;
    return ceil && (count - 1) * stride >= size + begin ? count - 1 : count;
  });
}

/** `[N, C, ...]` split up. */
export function spatialOf(dims: readonly number[]): readonly number[] {
  if (dims.length < 3) invalid(`${show(dims)} has no spatial axis`);
  return dims.slice(2);
}

/** Kernel sizes: the attribute, or the weight's own. */
export function kernelOf(
  attributes: Attributes,
  weight: readonly number[] | undefined,
  rank: number,
): readonly number[] {
  const given = findInts(attributes, 'kernel_shape') ?? weight;
  if (given === undefined || given.length !== rank || given.some((v) => !Number.isInteger(v) || v < 1))
    return invalid(`kernel_shape ${show(given ?? [])}, expected ${rank} positive integers`);
  return given;
}

export const convShape: ShapeRule = (context) => {
  const [x, w] = [inputOf(context, 0), inputOf(context, 1)];
  const spatial = spatialOf(x.dims);
  const groups = intOf(context.attributes, 'group', 1);
  if (w.dims.length !== x.dims.length || w.dims[1]! * groups !== x.dims[1] || w.dims[0]! % groups !== 0)
    invalid(`weight ${show(w.dims)} in ${groups} groups does not fit ${show(x.dims)}`);
  const window = windowOf(context.attributes, spatial, kernelOf(context.attributes, w.dims.slice(2), spatial.length));
  return { dtype: x.dtype, dims: [x.dims[0]!, w.dims[0]!, ...outputSizes(spatial, window)] };
};

export const convTransposeShape: ShapeRule = (context) => {
  const [x, w] = [inputOf(context, 0), inputOf(context, 1)];
  const spatial = spatialOf(x.dims);
  const groups = intOf(context.attributes, 'group', 1);
  if (w.dims.length !== x.dims.length || w.dims[0] !== x.dims[1] || w.dims[0]! % groups !== 0)
    invalid(`weight ${show(w.dims)} in ${groups} groups does not fit ${show(x.dims)}`);
  const { window, extra } = transposedWindow(context.attributes, spatial, w.dims.slice(2));
  return { dtype: x.dtype, dims: [x.dims[0]!, w.dims[1]! * groups, ...transposedSizes(spatial, window, extra)] };
};

/** Output sizes of a ConvTranspose. */
export function transposedSizes(spatial: readonly number[], window: Window, extra: readonly number[]): number[] {
  return spatial.map((size, i) => {
    const full = (size - 1) * window.strides[i]! + reach(window.kernel[i]!, window.dilations[i]!);
    return full + extra[i]! - window.begin[i]! - window.end[i]!;
  });
}

/** Window and output padding of a ConvTranspose; only explicit padding. */
export function transposedWindow(
  attributes: Attributes,
  spatial: readonly number[],
  weight: readonly number[],
): { window: Window; extra: readonly number[] } {
  const rank = spatial.length;
  const kernel = kernelOf(attributes, weight, rank);
  const auto = attributes['auto_pad'];
  const mode = auto !== undefined && 'text' in auto ? auto.text : 'NOTSET';
  const given = windowOf(
    mode === 'NOTSET' ? attributes : { ...attributes, auto_pad: { text: 'VALID' } },
    spatial,
    kernel,
  );
  const extra = findInts(attributes, 'output_padding') ?? Array.from({ length: rank }, () => 0);
  const wanted =
    findInts(attributes, 'output_shape')?.slice(-rank) ??
    (mode.startsWith('SAME') ? spatial.map((size, i) => size * given.strides[i]!) : undefined);
  if (wanted === undefined) return { window: given, extra };
  // total padding that gives the wanted size, the odd one at the end (at the beginning for SAME_UPPER, as ONNX says)
  const total = wanted.map((size, i) => {
    const full = (spatial[i]! - 1) * given.strides[i]! + extra[i]! + reach(kernel[i]!, given.dilations[i]!);
    return Math.max(0, full - size);
  });
  const half = total.map((n) => Math.floor(n / 2));
  const rest = total.map((n, i) => n - half[i]!);
  const [begin, end] = mode === 'SAME_UPPER' ? [half, rest] : [rest, half];
  return { window: { ...given, begin, end }, extra };
}

function poolSizes({ inputs, attributes }: ShapeContext): number[] {
  const dims = inputs[0]?.dims ?? invalid('input 0 is missing');
  const spatial = spatialOf(dims);
  const window = windowOf(attributes, spatial, kernelOf(attributes, undefined, spatial.length));
  return [...dims.slice(0, 2), ...outputSizes(spatial, window, intOf(attributes, 'ceil_mode', 0) === 1)];
}

export const maxPoolShape: ShapeRule = (context) => {
  const dims = poolSizes(context);
  return [
    { dtype: inputOf(context, 0).dtype, dims },
    { dtype: 'int64', dims },
  ];
};

export const averagePoolShape: ShapeRule = (context) => ({
  dtype: inputOf(context, 0).dtype,
  dims: poolSizes(context),
});
