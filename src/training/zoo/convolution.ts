/**
 * Convolutions and pooling in one, two or three spatial axes: rows are `[channels, ...sizes]`.
 * @module
 */
import { sizeOf } from '../onnx/tensor.ts';
import { fanInUniform, type Initialise } from './initialise.ts';
import type { Network, Value } from './network.ts';

/** How a window moves over the spatial axes; the same along each. */
export interface Window {
  readonly kernel: number;
  /** @default 1 for convolutions, the kernel for pooling */
  readonly stride?: number;
  /** At both ends. @default 0 */
  readonly padding?: number;
}

export interface ConvOptions extends Window {
  /** Output channels. */
  readonly outputs: number;
  /** @default 1 */
  readonly dilation?: number;
  /** @default 1 */
  readonly groups?: number;
  /** @default true */
  readonly bias?: boolean;
  /** @default PyTorch's, uniform in ±1/√fan_in */
  readonly weight?: Initialise;
}

function spatial(x: Value, value: number): { readonly ints: readonly number[] } {
  return { ints: x.dims.slice(1).map(() => value) };
}

function padsOf(x: Value, padding: number): { readonly ints: readonly number[] } {
  return { ints: [...x.dims.slice(1), ...x.dims.slice(1)].map(() => padding) };
}

/** Sizes after a window of `span` elements; every size must stay 1 or more. */
function shrink(net: Network, x: Value, path: string, span: number, stride: number, padding: number): number[] {
  return x.dims.slice(1).map((size) => {
    const next = Math.floor((size + 2 * padding - span) / stride) + 1;
    if (next < 1) throw net.refuse(`input is too small: "${path}" needs ${span - 2 * padding} or more, gets ${size}`);
    return next;
  });
}

/** `nn.Conv1d/2d/3d`. */
export function conv(net: Network, x: Value, path: string, options: ConvOptions): Value {
  const { outputs, kernel, stride = 1, padding = 0, dilation = 1, groups = 1, bias = true } = options;
  const window = x.dims.slice(1).map(() => kernel);
  const perGroup = x.dims[0]! / groups;
  const fanIn = perGroup * sizeOf(window);
  const weight = net.parameter(`${path}.weight`, [outputs, perGroup, ...window], options.weight ?? fanInUniform(fanIn));
  const offset = bias ? [net.parameter(`${path}.bias`, [outputs], fanInUniform(fanIn))] : [];
  const dims = [outputs, ...shrink(net, x, path, dilation * (kernel - 1) + 1, stride, padding)];
  return net.op('Conv', path, [x.name, weight, ...offset], dims, {
    dilations: spatial(x, dilation),
    group: { int: groups },
    kernel_shape: spatial(x, kernel),
    pads: padsOf(x, padding),
    strides: spatial(x, stride),
  });
}

/** `nn.ConvTranspose1d/2d/3d` without groups. */
export function convTranspose(
  net: Network,
  x: Value,
  path: string,
  options: Omit<ConvOptions, 'dilation' | 'groups'>,
): Value {
  const { outputs, kernel, stride = 1, padding = 0, bias = true } = options;
  const window = x.dims.slice(1).map(() => kernel);
  // PyTorch takes the fan from the weight's second axis, which here is the number of outputs
  const fanIn = outputs * sizeOf(window);
  const weight = net.parameter(
    `${path}.weight`,
    [x.dims[0]!, outputs, ...window],
    options.weight ?? fanInUniform(fanIn),
  );
  const offset = bias ? [net.parameter(`${path}.bias`, [outputs], fanInUniform(fanIn))] : [];
  const dims = [outputs, ...x.dims.slice(1).map((size) => (size - 1) * stride - 2 * padding + kernel)];
  return net.op('ConvTranspose', path, [x.name, weight, ...offset], dims, {
    dilations: spatial(x, 1),
    group: { int: 1 },
    kernel_shape: spatial(x, kernel),
    pads: padsOf(x, padding),
    strides: spatial(x, stride),
  });
}

/** `nn.MaxPool1d/2d/3d`. */
export function maxPool(net: Network, x: Value, path: string, options: Window): Value {
  const { kernel, stride = kernel, padding = 0 } = options;
  const dims = [x.dims[0]!, ...shrink(net, x, path, kernel, stride, padding)];
  return net.op('MaxPool', path, [x.name], dims, {
    ceil_mode: { int: 0 },
    kernel_shape: spatial(x, kernel),
    pads: padsOf(x, padding),
    strides: spatial(x, stride),
  });
}

/** `nn.AvgPool1d/2d/3d`; padding counts, as PyTorch does by default. */
export function averagePool(net: Network, x: Value, path: string, options: Window): Value {
  const { kernel, stride = kernel, padding = 0 } = options;
  const dims = [x.dims[0]!, ...shrink(net, x, path, kernel, stride, padding)];
  return net.op('AveragePool', path, [x.name], dims, {
    ceil_mode: { int: 0 },
    count_include_pad: { int: 1 },
    kernel_shape: spatial(x, kernel),
    pads: padsOf(x, padding),
    strides: spatial(x, stride),
  });
}

/** `nn.AdaptiveAvgPool1d/2d/3d(1)` and flatten: the mean of each channel, `[channels]`. */
export function globalAveragePool(net: Network, x: Value, path: string): Value {
  const pooled = net.op('GlobalAveragePool', path, [x.name], [x.dims[0]!, ...x.dims.slice(1).map(() => 1)]);
  return net.op('Flatten', path, [pooled.name], [x.dims[0]!], { axis: { int: 1 } });
}
