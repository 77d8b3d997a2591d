/**
 * Convolution and its transpose in any number of dimensions, element by element.
 * @module
 * @source ONNX operator specification, Conv-11 and ConvTranspose-11.
 */
import { findInts, intOf, type Node } from '../../../src/training/onnx/ir.ts';
import { at, atOr, build, type Evaluator, flat, indices, size, type Value } from './value.ts';

/** Sliding windows along every spatial axis. */
export interface Windows {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Padding before the first element. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

export function textOf(node: Node, name: string, fallback: string): string {
  const found = node.attributes[name];
  return found !== undefined && 'text' in found ? found.text : fallback;
}

/** Elements that one window covers along an axis, holes included. */
export function extent({ kernel, dilations }: Windows, axis: number): number {
  return (kernel[axis]! - 1) * dilations[axis]! + 1;
}

/** Windows of a Conv or a pooling over `spatial`. */
export function windowsOf(node: Node, spatial: readonly number[], kernel: readonly number[]): Windows {
  const ones = spatial.map(() => 1);
  const strides = findInts(node.attributes, 'strides') ?? ones;
  const dilations = findInts(node.attributes, 'dilations') ?? ones;
  const pads = findInts(node.attributes, 'pads') ?? spatial.flatMap(() => [0, 0]);
  const auto = textOf(node, 'auto_pad', 'NOTSET');
  if (auto === 'NOTSET')
    return { kernel, strides, dilations, before: pads.slice(0, spatial.length), after: pads.slice(spatial.length) };
  const totals = spatial.map((n, i) => {
    if (auto === 'VALID') return 0;
    const reach = (kernel[i]! - 1) * dilations[i]! + 1;
    return Math.max((Math.ceil(n / strides[i]!) - 1) * strides[i]! + reach - n, 0);
  });
  const [small, large] = [totals.map((n) => Math.floor(n / 2)), totals.map((n) => Math.ceil(n / 2))];
  return auto === 'SAME_LOWER'
    ? { kernel, strides, dilations, before: large, after: small }
    : { kernel, strides, dilations, before: small, after: large };
}

export const conv: Evaluator = (node, [x, w, b]) => {
  const [batch, , ...spatial] = x!.dims as [number, number, ...number[]];
  const [filters, depth, ...kernel] = w!.dims as [number, number, ...number[]];
  const windows = windowsOf(node, spatial, kernel);
  const { strides, dilations, before, after } = windows;
  const out = spatial.map((n, i) => Math.floor((n + before[i]! + after[i]! - extent(windows, i)) / strides[i]!) + 1);
  const perGroup = filters / intOf(node.attributes, 'group', 1);
  const taps = indices(kernel);
  return build([batch, filters, ...out], ([n, m, ...o]) => {
    let sum = b === undefined ? 0 : b.data[m!]!;
    for (let c = 0; c < depth; c++)
      for (const k of taps) {
        const place = o.map((v, i) => v * strides[i]! + k[i]! * dilations[i]! - before[i]!);
        const channel = Math.floor(m! / perGroup) * depth + c;
        sum += atOr(x!, [n!, channel, ...place], 0) * at(w!, [m!, c, ...k]);
      }
    return sum;
  });
};

/** Padding and output size of a transposed convolution. */
function transposedSizes(node: Node, spatial: readonly number[], kernel: readonly number[]) {
  const ones = spatial.map(() => 1);
  const strides = findInts(node.attributes, 'strides') ?? ones;
  const dilations = findInts(node.attributes, 'dilations') ?? ones;
  const extra = findInts(node.attributes, 'output_padding') ?? spatial.map(() => 0);
  const auto = textOf(node, 'auto_pad', 'NOTSET');
  const full = spatial.map((n, i) => strides[i]! * (n - 1) + extra[i]! + (kernel[i]! - 1) * dilations[i]! + 1);
  const same = auto.startsWith('SAME') ? spatial.map((n, i) => n * strides[i]!) : undefined;
  const wanted = findInts(node.attributes, 'output_shape')?.slice(-spatial.length) ?? same;
  if (wanted !== undefined) {
    const totals = full.map((n, i) => Math.max(n - wanted[i]!, 0));
    const before = totals.map((n) => (auto === 'SAME_UPPER' ? Math.floor(n / 2) : Math.ceil(n / 2)));
    return { strides, dilations, before, out: wanted };
  }
  const pads = findInts(node.attributes, 'pads') ?? spatial.flatMap(() => [0, 0]);
  const before = pads.slice(0, spatial.length);
  return { strides, dilations, before, out: full.map((n, i) => n - before[i]! - pads[spatial.length + i]!) };
}

export const convTranspose: Evaluator = (node, [x, w, b]) => {
  const [batch, channels, ...spatial] = x!.dims as [number, number, ...number[]];
  const [, perGroup, ...kernel] = w!.dims as [number, number, ...number[]];
  const groups = intOf(node.attributes, 'group', 1);
  const { strides, dilations, before, out } = transposedSizes(node, spatial, kernel);
  const dims = [batch, perGroup * groups, ...out];
  const data = Array.from({ length: size(dims) }, () => 0);
  const taps = indices(kernel);
  for (const index of indices(x!.dims)) {
    const [n, c, ...i] = index as [number, number, ...number[]];
    const group = Math.floor(c / (channels / groups));
    for (const k of taps) {
      const place = i.map((v, axis) => v * strides[axis]! + k[axis]! * dilations[axis]! - before[axis]!);
      if (place.some((v, axis) => v < 0 || v >= out[axis]!)) continue;
      for (let m = 0; m < perGroup; m++)
        data[flat([n, group * perGroup + m, ...place], dims)]! += at(x!, index) * at(w!, [c, m, ...k]);
    }
  }
  const y: Value = { dims, data };
  return b === undefined ? y : build(dims, (index) => at(y, index) + b.data[index[1]!]!);
};
