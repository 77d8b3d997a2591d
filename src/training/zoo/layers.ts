/**
 * Dense layers, activations, normalisation, embedding and shape changes. `path` is the module's path in PyTorch and
 * becomes the prefix of its parameters' names.
 * @module
 */
import { floatScalar, floatTensor, intVector, sizeOf, type Tensor } from '../onnx/tensor.ts';
import { constant, fanInUniform, gaussian, type Initialise } from './initialise.ts';
import type { Network, Value } from './network.ts';

export interface LinearOptions {
  readonly outputs: number;
  /** @default true */
  readonly bias?: boolean;
  /** @default PyTorch's, uniform in ±1/√inputs */
  readonly weight?: Initialise;
  /** @default PyTorch's, the same */
  readonly biasInit?: Initialise;
}

/** `nn.Linear` over the last axis. */
export function linear(net: Network, x: Value, path: string, options: LinearOptions): Value {
  const { outputs, bias = true } = options;
  const inputs = x.dims.at(-1)!;
  const weight = net.parameter(`${path}.weight`, [outputs, inputs], options.weight ?? fanInUniform(inputs));
  const offset = bias ? [net.parameter(`${path}.bias`, [outputs], options.biasInit ?? fanInUniform(inputs))] : [];
  const dims = [...x.dims.slice(0, -1), outputs];
  if (x.dims.length === 1)
    return net.op('Gemm', path, [x.name, weight, ...offset], dims, {
      alpha: { float: 1 },
      beta: { float: 1 },
      transB: { int: 1 },
    });
  const transposed = net.op('Transpose', path, [weight], [], { perm: { ints: [1, 0] } });
  const product = net.op('MatMul', path, [x.name, transposed.name], dims);
  return bias ? net.op('Add', path, [offset[0]!, product.name], dims) : product;
}

/** Activations without parameters. */
export type Activation = 'relu' | 'tanh' | 'sigmoid' | 'relu6' | 'gelu';

/** `nn.ReLU`, `nn.Tanh`, ..., element by element; `gelu` is the exact one, with erf. */
export function activate(net: Network, x: Value, path: string, kind: Activation): Value {
  const scalar = (value: number): string => net.constant(path, floatScalar(value));
  if (kind === 'relu6') return net.op('Clip', path, [x.name, scalar(0), scalar(6)], x.dims);
  if (kind !== 'gelu') return net.op({ relu: 'Relu', tanh: 'Tanh', sigmoid: 'Sigmoid' }[kind], path, [x.name], x.dims);
  // x/2 · (1 + erf(x/√2))
  const scaled = net.op('Div', path, [x.name, scalar(Math.SQRT2)], x.dims);
  const erf = net.op('Erf', path, [scaled.name], x.dims);
  const gate = net.op('Add', path, [erf.name, scalar(1)], x.dims);
  return net.op('Mul', path, [net.op('Mul', path, [x.name, gate.name], x.dims).name, scalar(0.5)], x.dims);
}

/** `nn.BatchNorm1d/2d/3d` over axis 1, in train mode: also gives the next running statistics, which nothing reads. */
export function batchNorm(net: Network, x: Value, path: string, momentum = 0.1): Value {
  const channels = [x.dims[0]!];
  const parameters = [
    net.parameter(`${path}.weight`, channels, constant(1)),
    net.parameter(`${path}.bias`, channels, constant(0)),
    net.parameter(`${path}.running_mean`, channels, constant(0)),
    net.parameter(`${path}.running_var`, channels, constant(1)),
  ];
  const [name] = net.many('BatchNormalization', path, [x.name, ...parameters], 3, {
    epsilon: { float: 1e-5 },
    // ONNX counts what stays of the old statistics, PyTorch what is taken of the new
    momentum: { float: 1 - momentum },
    training_mode: { int: 1 },
  });
  return { name, dims: x.dims };
}

/** `nn.LayerNorm` over the last axis. */
export function layerNorm(net: Network, x: Value, path: string, epsilon = 1e-5): Value {
  const width = [x.dims.at(-1)!];
  const weight = net.parameter(`${path}.weight`, width, constant(1));
  const bias = net.parameter(`${path}.bias`, width, constant(0));
  return net.op('LayerNormalization', path, [x.name, weight, bias], x.dims, {
    axis: { int: -1 },
    epsilon: { float: epsilon },
  });
}

/** `nn.Dropout`, on in training; nothing at all for ratio 0. */
export function dropout(net: Network, x: Value, path: string, ratio: number): Value {
  if (ratio === 0) return x;
  const on: Tensor = { dtype: 'bool', dims: [], data: Uint8Array.of(1) };
  const settings = [net.constant(path, floatScalar(ratio)), net.constant(path, on)];
  const [name] = net.many('Dropout', path, [x.name, ...settings], 2);
  return { name, dims: x.dims };
}

/** `nn.Embedding`: one row of `width` for each integer of `tokens`, in [0, count). */
export function embedding(net: Network, tokens: Value, path: string, count: number, width: number): Value {
  const weight = net.parameter(`${path}.weight`, [count, width], gaussian(1));
  return net.op('Gather', path, [weight, tokens.name], [...tokens.dims, width], { axis: { int: 0 } });
}

/** Sum of two values of one shape (a residual connection), or of a value and a parameter of the shape of one row. */
export function add(net: Network, a: Value, b: Value, path = ''): Value {
  return net.op('Add', path, [a.name, b.name], a.dims);
}

/** Values side by side along `axis` of a row (0: channels). */
export function concat(net: Network, values: readonly Value[], path = '', axis = 0): Value {
  const size = values.reduce((n, { dims }) => n + dims[axis]!, 0);
  const dims = values[0]!.dims.with(axis, size);
  return net.op(
    'Concat',
    path,
    values.map(({ name }) => name),
    dims,
    { axis: { int: axis + 1 } },
  );
}

/** One axis per row. */
export function flatten(net: Network, x: Value, path = ''): Value {
  return net.op('Flatten', path, [x.name], [sizeOf(x.dims)], { axis: { int: 1 } });
}

/** The row's elements in shape `dims`. */
export function reshape(net: Network, x: Value, dims: readonly number[], path = ''): Value {
  // 0 copies the batch axis
  return net.op('Reshape', path, [x.name, net.constant(path, intVector([0, ...dims]))], dims);
}

/** Axes of the row in the order `axes`. */
export function transpose(net: Network, x: Value, axes: readonly number[], path = ''): Value {
  const dims = axes.map((axis) => x.dims[axis]!);
  return net.op('Transpose', path, [x.name], dims, { perm: { ints: [0, ...axes.map((axis) => axis + 1)] } });
}

/** Row `index` along the row's first axis, such as a class token or the last step of a sequence; -1 is the last. */
export function pick(net: Network, x: Value, index: number, path = ''): Value {
  const at: Tensor = { dtype: 'int64', dims: [], data: BigInt64Array.of(BigInt(index)) };
  return net.op('Gather', path, [x.name, net.constant(path, at)], x.dims.slice(1), { axis: { int: 1 } });
}

/** `x` made `factor` times as large along each spatial axis of `[channels, ...sizes]`. */
export function upsample(
  net: Network,
  x: Value,
  path: string,
  factor: number,
  mode: 'nearest' | 'linear' = 'nearest',
): Value {
  const [channels, ...sizes] = x.dims;
  const scales = [1, 1, ...sizes.map(() => factor)];
  const dims = [channels!, ...sizes.map((size) => size * factor)];
  const tensor = floatTensor([scales.length], Float32Array.from(scales));
  return net.op('Resize', path, [x.name, '', net.constant(path, tensor)], dims, {
    coordinate_transformation_mode: { text: mode === 'linear' ? 'half_pixel' : 'asymmetric' },
    mode: { text: mode },
    nearest_mode: { text: 'floor' },
  });
}
