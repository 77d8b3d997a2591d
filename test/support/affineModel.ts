/**
 * ONNX models that are one affine map, for tests that know what they say.
 */
import { Network } from '../../src/training/zoo/network.ts';

/** `x W + b` of rows, then a sigmoid where asked. @param weights - Shape `[inputs][outputs]`. */
export function affineModel(weights: readonly (readonly number[])[], bias: readonly number[], isSigmoid = false) {
  const net = new Network('affine', 0);
  const x = net.input([weights.length]);
  const w = net.parameter('w', [weights.length, bias.length], (values) => values.set(weights.flat()));
  const b = net.parameter('b', [bias.length], (values) => values.set(bias));
  const z = net.op('Gemm', 'z', [x.name, w, b], [bias.length]);
  return net.finish(isSigmoid ? net.op('Sigmoid', 'p', [z.name], [bias.length]) : z);
}

/** The same for each pixel of a picture of `size` by `size` pixels and one channel: an output channel a weight. */
export function pixelModel(size: number, weights: readonly number[], bias: readonly number[]) {
  const net = new Network('pixels', 0);
  const x = net.input([1, size, size]);
  const w = net.parameter('w', [weights.length, 1, 1, 1], (values) => values.set(weights));
  const b = net.parameter('b', [bias.length], (values) => values.set(bias));
  return net.finish(net.op('Conv', 'z', [x.name, w, b], [weights.length, size, size]));
}
