/**
 * Layers over sequences: rows are `[steps, width]`.
 * @module
 */
import { floatScalar, intVector } from '../onnx/tensor.ts';
import { constant, type Initialise, uniform, xavierUniform } from './initialise.ts';
import { linear, reshape, transpose } from './layers.ts';
import type { Network, Value } from './network.ts';

/**
 * `nn.MultiheadAttention` of a sequence with itself, without mask: softmax(q·kᵀ/√d)·v per head, then the output
 * projection.
 *
 * @source Vaswani et al., "Attention Is All You Need" (2017), section 3.2.
 */
export function selfAttention(net: Network, x: Value, path: string, heads: number): Value {
  const [steps, width] = x.dims as [number, number];
  if (width % heads !== 0) throw net.refuse(`width ${width} of "${path}" is not divisible by its ${heads} heads`);
  const size = width / heads;
  const weight = net.parameter(`${path}.in_proj_weight`, [3 * width, width], xavierUniform(width, 3 * width));
  const bias = net.parameter(`${path}.in_proj_bias`, [3 * width], constant(0));
  const transposed = net.op('Transpose', path, [weight], [], { perm: { ints: [1, 0] } });
  const product = net.op('MatMul', path, [x.name, transposed.name], [steps, 3 * width]);
  const projected = net.op('Add', path, [product.name, bias], [steps, 3 * width]);
  const parts = net.many('Split', path, [projected.name, net.constant(path, intVector([width, width, width]))], 3, {
    axis: { int: -1 },
  });
  const split = parts.map((name) => reshape(net, { name, dims: [steps, width] }, [steps, heads, size], path));
  const q = transpose(net, split[0]!, [1, 0, 2], path);
  const k = transpose(net, split[1]!, [1, 2, 0], path);
  const v = transpose(net, split[2]!, [1, 0, 2], path);
  const products = net.op('MatMul', path, [q.name, k.name], [heads, steps, steps]);
  const root = net.constant(path, floatScalar(Math.sqrt(size)));
  const scores = net.op('Div', path, [products.name, root], [heads, steps, steps]);
  const shares = net.op('Softmax', path, [scores.name], scores.dims, { axis: { int: -1 } });
  const mixed = net.op('MatMul', path, [shares.name, v.name], [heads, steps, size]);
  const joined = reshape(net, transpose(net, mixed, [1, 0, 2], path), [steps, width], path);
  return linear(net, joined, `${path}.out_proj`, { outputs: width, biasInit: constant(0) });
}

/** `token`, a parameter of shape `[1, 1, width]`, in front of every sequence. */
export function prependToken(net: Network, x: Value, token: string, initialise: Initialise): Value {
  const [steps, width] = x.dims as [number, number];
  const parameter = net.parameter(token, [1, 1, width], initialise);
  const shape = net.op('Shape', '', [x.name], []);
  const int = (value: number): string => net.constant('', intVector([value]));
  const batch = net.op('Slice', '', [shape.name, int(0), int(1), int(0)], []);
  const wanted = net.op('Concat', '', [batch.name, int(1), int(width)], [], { axis: { int: 0 } });
  const expanded = net.op('Expand', '', [parameter, wanted.name], [1, width]);
  return net.op('Concat', '', [expanded.name, x.name], [steps + 1, width], { axis: { int: 1 } });
}

/** `weight` with its four blocks of rows in ONNX's order of gates (i, o, f, c) instead of PyTorch's (i, f, c, o). */
function reorderGates(net: Network, path: string, weight: string, size: number): string {
  const int = (value: number): string => net.constant(path, intVector([value]));
  const block = (from: number, to: number): string =>
    net.op('Slice', path, [weight, int(from * size), int(to * size), int(0)], []).name;
  const blocks = [block(0, 1), block(3, 4), block(1, 3)];
  return net.op('Concat', path, blocks, [], { axis: { int: 0 } }).name;
}

/**
 * `nn.LSTM` with `batch_first`, one direction, zero initial state: the last layer's output at every step.
 *
 * @source Hochreiter and Schmidhuber, "Long Short-Term Memory" (1997), with forget gates as in PyTorch.
 */
export function lstm(net: Network, x: Value, path: string, options: { hidden: number; layers?: number }): Value {
  const { hidden, layers = 1 } = options;
  const [steps] = x.dims as [number, number];
  const initialise = uniform(1 / Math.sqrt(hidden));
  let value = net.op('Transpose', path, [x.name], x.dims, { perm: { ints: [1, 0, 2] } });
  for (let layer = 0; layer < layers; layer++) {
    const inputs = value.dims[1]!;
    const names = [
      net.parameter(`${path}.weight_ih_l${layer}`, [4 * hidden, inputs], initialise),
      net.parameter(`${path}.weight_hh_l${layer}`, [4 * hidden, hidden], initialise),
      net.parameter(`${path}.bias_ih_l${layer}`, [4 * hidden], initialise),
      net.parameter(`${path}.bias_hh_l${layer}`, [4 * hidden], initialise),
    ].map((name) => reorderGates(net, path, name, hidden));
    const [w, r, ...biases] = names as [string, string, string, string];
    const bias = net.op('Concat', path, biases, [], { axis: { int: 0 } }).name;
    // ONNX has an axis of directions in front
    const lifted = [w, r, bias].map(
      (name) => net.op('Unsqueeze', path, [name, net.constant(path, intVector([0]))], []).name,
    );
    const [outputs] = net.many('LSTM', path, [value.name, ...lifted], 3, { hidden_size: { int: hidden } });
    value = net.op('Squeeze', path, [outputs, net.constant(path, intVector([1]))], [steps, hidden]);
  }
  return net.op('Transpose', path, [value.name], value.dims, { perm: { ints: [1, 0, 2] } });
}
