/**
 * Models that need no export tool: dense networks, with hidden layers or none (logistic and linear regression).
 * @module
 */
import { KonsilError, seededRng } from '../base/index.ts';
import { EMIT_IR_VERSION, EMIT_OPSET, nodeProto, portProto } from './onnx/emit.ts';
import type { Node } from './onnx/ir.ts';
import { encodeModel } from './onnx/proto.ts';
import { encodeTensor, floatTensor, type Tensor } from './onnx/tensor.ts';

/** A dense network. Sizes are integers of 1 or more. */
export interface MlpSpec {
  readonly inputs: number;
  /** Width of each hidden layer; empty for a linear model. */
  readonly hidden: readonly number[];
  readonly outputs: number;
  readonly activation: 'relu' | 'tanh';
  /** Of the initial weights. */
  readonly seed: number;
}

/**
 * ONNX bytes of a dense network with input `x` `[batch, inputs]` and output `y` `[batch, outputs]`, as PyTorch exports
 * `nn.Sequential` in an attribute `layers`: `layers.0.weight` `[out, in]`, then `layers.2.weight` and so on.
 * Weights and biases are uniform in ±1/√fan_in, PyTorch's default.
 *
 * @throws KonsilError CONFIG_INVALID when a size is not a positive integer.
 */
export function builtinMlp(spec: MlpSpec): Uint8Array {
  const sizes = [spec.inputs, ...spec.hidden, spec.outputs];
  if (sizes.some((size) => !Number.isSafeInteger(size) || size < 1))
    throw new KonsilError('CONFIG_INVALID', `layer sizes are ${sizes.join(', ')}, expected integers of 1 or more`);
  const rng = seededRng(spec.seed, 'builtin mlp');
  const nodes: Node[] = [];
  const initializers: [string, Tensor][] = [];
  const op = spec.activation === 'tanh' ? 'Tanh' : 'Relu';
  let value = 'x';
  for (let layer = 0; layer + 1 < sizes.length; layer++) {
    const [fanIn, fanOut] = [sizes[layer]!, sizes[layer + 1]!];
    const isLast = layer + 2 === sizes.length;
    const path = `layers.${2 * layer}`;
    const bound = 1 / Math.sqrt(fanIn);
    const uniform = (count: number): Float32Array =>
      Float32Array.from({ length: count }, () => (2 * rng() - 1) * bound);
    initializers.push([`${path}.weight`, floatTensor([fanOut, fanIn], uniform(fanOut * fanIn))]);
    initializers.push([`${path}.bias`, floatTensor([fanOut], uniform(fanOut))]);
    const output = isLast ? 'y' : `/layers/${path}/Gemm_output_0`;
    nodes.push({
      op: 'Gemm',
      name: `/layers/${path}/Gemm`,
      inputs: [value, `${path}.weight`, `${path}.bias`],
      outputs: [output],
      attributes: { alpha: { float: 1 }, beta: { float: 1 }, transB: { int: 1 } },
    });
    value = output;
    if (isLast) break;
    const name = `/layers/layers.${2 * layer + 1}/${op}`;
    nodes.push({ op, name, inputs: [value], outputs: [`${name}_output_0`], attributes: {} });
    value = `${name}_output_0`;
  }
  return encodeModel({
    irVersion: EMIT_IR_VERSION,
    producerName: 'konsil',
    opsetImport: [{ domain: '', version: EMIT_OPSET, unknown: [] }],
    metadataProps: [],
    graph: {
      name: 'mlp',
      node: nodes.map(nodeProto),
      initializer: initializers.map(([name, tensor]) => encodeTensor(tensor, name)),
      input: [portProto('x', { dtype: 'float32', dims: ['batch', spec.inputs] })],
      output: [portProto('y', { dtype: 'float32', dims: ['batch', spec.outputs] })],
      valueInfo: [],
      unknown: [],
    },
    unknown: [],
  });
}
