/**
 * Turns a forward model into a program: three graphs (one training step; gradients; evaluation) over one flat parameter
 * vector. Pure: no I/O, no clock, no randomness; equal inputs give equal bytes.
 * @module
 */
import { createHash } from 'node:crypto';
import { isKonsilError, KonsilError } from '../base/index.ts';
import { reverse } from './grad/reverse.ts';
import { layOut } from './layout.ts';
import { LOSS_KINDS, LOSSES, type LossKind } from './losses/losses.ts';
import { GraphBuilder } from './onnx/builder.ts';
import { emitModel } from './onnx/emit.ts';
import { labelOf, type Name, type Port, readGraph, type SourceGraph } from './onnx/ir.ts';
import { decodeTensor, dtypeName, sizeOf, type ValueType } from './onnx/tensor.ts';
import { type ClipSpec, clipGradients, createOptimiser, type OptimiserSpec } from './optim/optimisers.ts';
import { dataInputs, lowerNode, type MaskSource } from './passes/lower.ts';
import { type DropoutMask, GRAPH_NAMES, type TrainingProgram } from './program.ts';
import { findUnsupported, listNodes, liveNodes } from './support.ts';

export interface CompileOptions {
  /** Name of the model file, for error messages. */
  readonly source: string;
  readonly loss: LossKind;
  readonly optimiser: OptimiserSpec;
  /** Rows per step, in [1, 2^20]; shorter batches are padded at run time. */
  readonly batchSize: number;
  /** @default no clipping */
  readonly clip?: ClipSpec;
  /**
   * Which float32 initializers to train; the others become constants.
   * @default all of rank 1 or more (exporters store constants such as a divisor as scalars)
   */
  readonly trainable?: (name: string) => boolean;
  /** Which output is trained. @default the only one */
  readonly output?: string;
}

/** The model with its batch axis fixed and its weights sorted into trained and constant. */
interface Plan {
  readonly graph: SourceGraph;
  readonly options: CompileOptions;
  readonly input: Port & { readonly type: ValueType };
  readonly output: Name;
  readonly trained: readonly { readonly name: Name; readonly type: ValueType; readonly initial: Float32Array }[];
}

/** One graph under construction: the model's forward pass, loss and seed. */
interface Draft {
  readonly graph: GraphBuilder;
  readonly output: Name;
  readonly loss: Name;
  readonly seed: Name;
  readonly masks: readonly DropoutMask[];
}

function onlyPort(graph: SourceGraph, ports: readonly Port[], what: string, wanted?: string): Port {
  const chosen = wanted === undefined ? ports : ports.filter((port) => port.name === wanted);
  if (chosen.length === 1) return chosen[0]!;
  const names = ports.map((port) => `"${port.name}"`).join(', ');
  throw new KonsilError(
    'MODEL_UNSUPPORTED',
    `${graph.source}: model has ${ports.length} ${what}s (${names}), expected ${wanted === undefined ? `one ${what}` : `one named "${wanted}"`}`,
  );
}

function inputType(graph: SourceGraph, port: Port, batchSize: number): ValueType {
  const where = `${graph.source}: input "${port.name}"`;
  if (dtypeName(port.elemType) !== 'float32')
    throw new KonsilError('MODEL_UNSUPPORTED', `${where} is ${dtypeName(port.elemType)}, expected float32`);
  const rest = port.dims.slice(1);
  if (port.dims.length < 2 || rest.some((dim) => typeof dim === 'string' || dim < 1))
    throw new KonsilError(
      'MODEL_UNSUPPORTED',
      `${where} has shape [${port.dims.join(', ')}], expected [batch, ...] with fixed sizes after the batch`,
    );
  return { dtype: 'float32', dims: [batchSize, ...(rest as number[])] };
}

/** Initializers that carry data, and so may be trained: settings such as a Reshape's shape or a Clip's bound may not. */
function candidates(graph: SourceGraph, output: Name): Name[] {
  const read = new Set([...liveNodes(graph, [output])].flatMap((node) => dataInputs(node)));
  return [...graph.initializers]
    .filter(([name, proto]) => proto.dataType === 1 && read.has(name))
    .map(([name]) => name);
}

function plan(model: Uint8Array, options: CompileOptions): Plan {
  const { source, batchSize, loss } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > 1 << 20)
    throw new KonsilError('CONFIG_INVALID', `batch size is ${batchSize}, expected an integer in [1, 2^20]`);
  if (!LOSS_KINDS.includes(loss))
    throw new KonsilError('CONFIG_INVALID', `loss "${loss}", expected one of ${LOSS_KINDS.join(', ')}`);
  const graph = readGraph(model, source);
  const input = onlyPort(graph, graph.inputs, 'input');
  const output = onlyPort(graph, graph.outputs, 'output', options.output).name;
  const isTrainable = options.trainable ?? ((name) => (graph.initializers.get(name)?.dims.length ?? 0) > 0);
  const names = candidates(graph, output).filter(isTrainable);
  const unsupported = findUnsupported(graph, [output], names);
  if (unsupported.length > 0)
    throw new KonsilError(
      'MODEL_UNSUPPORTED',
      `${source}: operators the trainer does not support: ${listNodes(unsupported)}`,
      { file: source, count: unsupported.length },
    );
  const trained = names.map((name) => {
    const tensor = decodeTensor(graph.initializers.get(name)!, `${source}: initializer "${name}"`);
    return { name, type: { dtype: tensor.dtype, dims: tensor.dims }, initial: tensor.data as Float32Array };
  });
  return { graph, options, input: { ...input, type: inputType(graph, input, batchSize) }, output, trained };
}

/** Appends the model to `graph`; `values` maps names of the source to values of `graph` and grows on the way. */
function appendModel(graph: GraphBuilder, from: Plan, values: Map<Name, Name>, mask: MaskSource): Name {
  const { source, initializers } = from.graph;
  const valueOf = (name: Name): Name => {
    const known = values.get(name);
    if (known !== undefined || name === '') return known ?? '';
    const made = graph.constant(decodeTensor(initializers.get(name)!, `${source}: initializer "${name}"`));
    values.set(name, made);
    return made;
  };
  for (const node of liveNodesInOrder(from)) {
    try {
      values.set(node.outputs[0]!, lowerNode({ graph, node, inputs: node.inputs.map(valueOf), mask }));
    } catch (error) {
      if (!isKonsilError(error)) throw error;
      throw new KonsilError(
        error.code,
        `${source}: ${labelOf(node)}: ${error.message}`,
        { file: source },
        { cause: error },
      );
    }
  }
  return valueOf(from.output);
}

function liveNodesInOrder({ graph, output }: Plan): SourceGraph['nodes'] {
  const live = liveNodes(graph, [output]);
  return graph.nodes.filter((node) => live.has(node));
}

function draft(from: Plan, mode: 'train' | 'eval'): Draft {
  const { options, input, trained } = from;
  const graph = new GraphBuilder();
  const masks: DropoutMask[] = [];
  const mask: MaskSource = (ratio, dims) => {
    masks.push({ name: GRAPH_NAMES.mask(masks.length), dims, ratio });
    return graph.input(masks.at(-1)!.name, { dtype: 'float32', dims });
  };
  const values = new Map([[input.name, graph.input('x', input.type)]]);
  for (const { name, type } of trained) values.set(name, graph.input(GRAPH_NAMES.parameter(name), type));
  const output = appendModel(graph, from, values, mode === 'train' ? mask : undefined);
  const dims = graph.dims(output);
  if (dims[0] !== options.batchSize || graph.typeOf(output).dtype !== 'float32')
    throw new KonsilError(
      'MODEL_UNSUPPORTED',
      `${options.source}: output "${from.output}" is ${graph.typeOf(output).dtype} [${dims.join(', ')}] for a batch of ${options.batchSize}, expected float32 [${options.batchSize}, ...]; was the model exported with a fixed batch size?`,
    );
  const rule = LOSSES[options.loss];
  const target = graph.input('y', rule.target(dims, options.source));
  const weight = graph.input('weight', { dtype: 'float32', dims: [options.batchSize] });
  const share = graph.op('Div', [weight, graph.total(weight)]);
  return { graph, output, masks, ...rule.build({ graph, output, target, share }) };
}

function gradGraph(from: Plan): { bytes: Uint8Array; reached: Set<Name>; masks: readonly DropoutMask[] } {
  const { graph, output, loss, seed, masks } = draft(from, 'train');
  const names = from.trained.map(({ name }) => name);
  const gradients = reverse(graph, output, seed, names.map(GRAPH_NAMES.parameter));
  const reached = new Set(names.filter((name) => gradients.has(GRAPH_NAMES.parameter(name))));
  const outputs = new Map([['loss', loss]]);
  for (const name of reached) outputs.set(GRAPH_NAMES.gradient(name), gradients.get(GRAPH_NAMES.parameter(name))!);
  return { bytes: emitModel(graph, outputs), reached, masks };
}

function trainGraph(from: Plan): Uint8Array {
  const { graph, output, loss, seed } = draft(from, 'train');
  const names = from.trained.map(({ name }) => name);
  const gradients = reverse(graph, output, seed, names.map(GRAPH_NAMES.parameter));
  const clipped = clipGradients(
    graph,
    names.map((name) => gradients.get(GRAPH_NAMES.parameter(name))!),
    from.options.clip ?? {},
  );
  const optimiser = createOptimiser(from.options.optimiser);
  const scalars = Object.fromEntries(
    optimiser.scalarNames.map((name) => [name, graph.input(GRAPH_NAMES.scalar(name), { dtype: 'float32', dims: [] })]),
  );
  const outputs = new Map([['loss', loss]]);
  for (const [i, { name, type }] of from.trained.entries()) {
    const state = Array.from({ length: optimiser.slots }, (_, slot) =>
      graph.input(GRAPH_NAMES.state(slot, name), type),
    );
    const next = optimiser.update({
      graph,
      parameter: GRAPH_NAMES.parameter(name),
      gradient: clipped[i]!,
      state,
      scalars,
    });
    outputs.set(GRAPH_NAMES.nextParameter(name), next.parameter);
    for (const [slot, value] of next.state.entries()) outputs.set(GRAPH_NAMES.nextState(slot, name), value);
  }
  return emitModel(graph, outputs);
}

/**
 * Compiles the ONNX file `model` for training.
 *
 * @throws KonsilError MODEL_INVALID (malformed file), MODEL_UNSUPPORTED (every unsupported operator at once),
 * MODEL_MISMATCH (the loss does not fit the output) or CONFIG_INVALID (an option is out of range).
 */
export function compile(model: Uint8Array, options: CompileOptions): TrainingProgram {
  const planned = plan(model, options);
  const first = gradGraph(planned);
  // a weight without a gradient (read only for its shape, say) is a constant in fact: compile again without it
  const trained = planned.trained.filter(({ name }) => first.reached.has(name));
  if (trained.length === 0)
    throw new KonsilError(
      'MODEL_UNSUPPORTED',
      `${options.source}: nothing to train, expected float32 initializers that the output depends on`,
    );
  const from = { ...planned, trained };
  const grad = trained.length === planned.trained.length ? first : gradGraph(from);
  const train = trainGraph(from);
  const evaluation = draft(from, 'eval');
  const evalBytes = emitModel(
    evaluation.graph,
    new Map([
      ['output', evaluation.output],
      ['loss', evaluation.loss],
    ]),
  );
  const layout = layOut(trained.map(({ name, type }) => ({ name, dims: type.dims, kind: 'trainable' })));
  const initial = new Float32Array(layout.length);
  for (const [i, entry] of layout.entries.entries()) initial.set(trained[i]!.initial, entry.offset);
  const dims = evaluation.graph.dims(evaluation.output);
  const target = evaluation.graph.typeOf('y');
  const hash = createHash('sha256');
  for (const bytes of [train, grad.bytes, evalBytes]) hash.update(String(bytes.length)).update(bytes);
  return {
    source: options.source,
    trainGraph: train,
    gradGraph: grad.bytes,
    evalGraph: evalBytes,
    layout,
    initial,
    batchSize: options.batchSize,
    input: { name: from.input.name, dims: from.input.type.dims, width: sizeOf(from.input.type.dims.slice(1)) },
    output: { name: from.output, dims, width: sizeOf(dims.slice(1)) },
    target: { dtype: target.dtype as 'int32' | 'float32', dims: target.dims, width: sizeOf(target.dims.slice(1)) },
    loss: options.loss,
    optimiser: options.optimiser,
    stateSlots: createOptimiser(options.optimiser).slots,
    masks: first.masks,
    hash: hash.digest('hex'),
  };
}
