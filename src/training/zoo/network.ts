/**
 * A network under construction: operator nodes and initial parameters, written as PyTorch's exporter would write them
 * (module paths as names, weights as initializers, settings as Constant nodes, a free batch axis).
 * @module
 */
import { KonsilError, type Rng, seededRng } from '../../base/index.ts';
import { EMIT_IR_VERSION, EMIT_OPSET, nodeProto, portProto } from '../onnx/emit.ts';
import type { Attributes, Name, Node } from '../onnx/ir.ts';
import { encodeModel, type TensorProto } from '../onnx/proto.ts';
import { encodeTensor, floatTensor, sizeOf, type Tensor } from '../onnx/tensor.ts';
import type { Initialise } from './initialise.ts';

/** A value of the network; `dims` is the shape of one row, without the batch axis in front. */
export interface Value {
  readonly name: Name;
  readonly dims: readonly number[];
}

/** Largest model in parameters: 1 GiB of float32, well below the 2 GiB that one protobuf message can hold. */
const MAX_PARAMETERS = 2 ** 28;

/** `layer1.0.conv1` as the exporter names its scope: `/layer1/layer1.0/conv1`; a number keeps its container's name. */
function scopeOf(path: string): string {
  const scopes: string[] = [];
  for (const part of path.split('.').filter(Boolean))
    scopes.push(/^\d+$/.test(part) && scopes.length > 0 ? `${scopes.at(-1)}.${part}` : part);
  return scopes.map((scope) => `/${scope}`).join('');
}

export class Network {
  readonly #model: string;
  readonly #rng: Rng;
  readonly #nodes: Node[] = [];
  readonly #parameters: { readonly name: Name; readonly dims: readonly number[]; readonly initialise: Initialise }[] =
    [];
  readonly #inputs: ReturnType<typeof portProto>[] = [];
  readonly #uses = new Map<Name, number>();
  #parameterCount = 0;

  /** @param model - Name of the architecture; names the graph and sets its random numbers apart from others'. */
  constructor(model: string, seed: number) {
    this.#model = model;
    this.#rng = seededRng(seed, `builtin ${model}`);
  }

  /** The network's input, rows of shape `dims`. */
  input(dims: readonly number[], dtype: 'float32' | 'int64' = 'float32'): Value {
    this.#inputs.push(portProto('x', { dtype, dims: ['batch', ...dims] }));
    return { name: 'x', dims };
  }

  /** A trainable tensor (or running statistic) under PyTorch's name. @throws KonsilError CONFIG_INVALID when too large. */
  parameter(name: Name, dims: readonly number[], initialise: Initialise): Name {
    this.#parameterCount += sizeOf(dims);
    if (this.#parameterCount > MAX_PARAMETERS)
      throw new KonsilError(
        'CONFIG_INVALID',
        `${this.#model}: "${name}" of shape [${dims.join(', ')}] brings the model to ${this.#parameterCount} parameters, expected at most ${MAX_PARAMETERS}`,
      );
    this.#parameters.push({ name, dims, initialise });
    return name;
  }

  /** A setting of an operator, such as a shape or a bound: never trained. */
  constant(path: string, tensor: Tensor): Name {
    return this.#append('Constant', path, [], 1, { value: { tensor } })[0]!;
  }

  /** An operator with one result, rows of shape `dims`. */
  op(op: string, path: string, inputs: readonly Name[], dims: readonly number[], attributes: Attributes = {}): Value {
    return { name: this.#append(op, path, inputs, 1, attributes)[0]!, dims };
  }

  /** An operator with `count` results; gives their names. */
  many(
    op: string,
    path: string,
    inputs: readonly Name[],
    count: number,
    attributes: Attributes = {},
  ): readonly [Name, ...Name[]] {
    return this.#append(op, path, inputs, count, attributes) as [Name, ...Name[]];
  }

  /** A {@link KonsilError} CONFIG_INVALID about this network. */
  refuse(message: string): KonsilError {
    return new KonsilError('CONFIG_INVALID', `${this.#model}: ${message}`);
  }

  #append(op: string, path: string, inputs: readonly Name[], count: number, attributes: Attributes): Name[] {
    const stem = `${scopeOf(path)}/${op}`;
    const use = this.#uses.get(stem) ?? 0;
    this.#uses.set(stem, use + 1);
    const name = use === 0 ? stem : `${stem}_${use}`;
    const outputs = Array.from({ length: count }, (_, i) => `${name}_output_${i}`);
    this.#nodes.push({ op, name, inputs, outputs, attributes });
    return outputs;
  }

  /** Values of the parameters, drawn only once the whole network is known to be possible. */
  #initialised(): TensorProto[] {
    return this.#parameters.map(({ name, dims, initialise }) => {
      const values = new Float32Array(sizeOf(dims));
      initialise(values, this.#rng);
      return encodeTensor(floatTensor(dims, values), name);
    });
  }

  /** ONNX bytes of the network with `output` as its one output `y`; once, since it draws the parameters. */
  finish(output: Value): Uint8Array {
    const rename = (name: Name): Name => (name === output.name ? 'y' : name);
    const nodes = this.#nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(rename),
      outputs: node.outputs.map(rename),
    }));
    return encodeModel({
      irVersion: EMIT_IR_VERSION,
      producerName: 'konsil',
      opsetImport: [{ domain: '', version: EMIT_OPSET, unknown: [] }],
      metadataProps: [],
      graph: {
        name: this.#model,
        node: nodes.map(nodeProto),
        initializer: this.#initialised(),
        input: this.#inputs,
        output: [portProto('y', { dtype: 'float32', dims: ['batch', ...output.dims] })],
        valueInfo: [],
        unknown: [],
      },
      unknown: [],
    });
  }
}
