/**
 * Pooling over windows and over whole images.
 * @module
 * @source ONNX operator specification, MaxPool-12 and AveragePool-19; windows that start in the padding at the end are left
 * out, as in MaxPool-22 and PyTorch.
 */
import { findInts, intOf, type Node } from '../../../src/training/onnx/ir.ts';
import { extent, textOf, type Windows, windowsOf } from './convolution.ts';
import { at, build, type Evaluator, indices, type Value } from './value.ts';

function outputSize(node: Node, n: number, axis: number, windows: Windows): number {
  const { strides, before, after } = windows;
  if (textOf(node, 'auto_pad', 'NOTSET').startsWith('SAME')) return Math.ceil(n / strides[axis]!);
  const steps = (n + before[axis]! + after[axis]! - extent(windows, axis)) / strides[axis]!;
  if (intOf(node.attributes, 'ceil_mode', 0) === 0) return Math.floor(steps) + 1;
  const count = Math.ceil(steps) + 1;
  return (count - 1) * strides[axis]! >= n + before[axis]! ? count - 1 : count;
}

/** `f` of the elements of each window, and of how many places of it lie inside the padded image. */
function pool(node: Node, x: Value, f: (inside: number[], padded: number) => number): Value {
  const [batch, channels, ...spatial] = x.dims as [number, number, ...number[]];
  const kernel = findInts(node.attributes, 'kernel_shape')!;
  const windows = windowsOf(node, spatial, kernel);
  const { strides, dilations, before, after } = windows;
  const out = spatial.map((n, i) => outputSize(node, n, i, windows));
  const taps = indices(kernel);
  return build([batch, channels, ...out], ([n, c, ...o]) => {
    const places = taps.map((k) => o.map((v, i) => v * strides[i]! + k[i]! * dilations[i]! - before[i]!));
    const inside = places.filter((place) => place.every((v, i) => v >= 0 && v < spatial[i]!));
    const padded = places.filter((place) => place.every((v, i) => v < spatial[i]! + after[i]!));
    return f(
      inside.map((place) => at(x, [n!, c!, ...place])),
      padded.length,
    );
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, v) => total + v, 0);
}

export const maxPool: Evaluator = (node, [x]) => pool(node, x!, (inside) => Math.max(...inside));

export const averagePool: Evaluator = (node, [x]) => {
  const countsPadding = intOf(node.attributes, 'count_include_pad', 0) === 1;
  return pool(node, x!, (inside, padded) => sum(inside) / (countsPadding ? padded : inside.length));
};

/** `f` over all spatial axes of each channel. */
export function globally(f: (values: readonly number[]) => number): Evaluator {
  return (_, [x]) => {
    const [batch, channels, ...spatial] = x!.dims as [number, number, ...number[]];
    const places = indices(spatial);
    return build([batch, channels, ...spatial.map(() => 1)], ([n, c]) => f(places.map((p) => at(x!, [n!, c!, ...p]))));
  };
}

export const globalMaxPool = globally((values) => Math.max(...values));
export const globalAveragePool = globally((values) => sum(values) / values.length);
