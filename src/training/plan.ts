/**
 * Reads a model for training: fixes the batch axis, and sorts its weights into trained, running statistics and constant.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { findMatrices, type PlannedAdapter, planAdapters } from './lora.ts';
import { createLoss } from './losses/losses.ts';
import type { LossRule } from './losses/rule.ts';
import { type LossOptions, resolveLoss } from './losses/spec.ts';
import { type Name, type Node, type Port, readGraph, type SourceGraph } from './onnx/ir.ts';
import { copyFloats, dtypeName, findDType, tensorType, type ValueType } from './onnx/tensor.ts';
import { batchNormMode, dataInputs } from './operators/index.ts';
import type { CompileOptions } from './options.ts';
import { matchNames } from './patterns.ts';
import { checkPrivacy } from './privacy/spec.ts';
import { ModelProblems } from './problems.ts';
import { findUnsupported, listNodes, liveNodes, obstacleOf } from './support.ts';

/** An input of the model as the program feeds it: rows first, whatever axis the model has its batch on. */
export interface PlannedInput {
  readonly name: Name;
  /** As the model wants it. */
  readonly type: ValueType;
  /** Axis of the model's input that counts rows. */
  readonly batchAxis: number;
}

/** A weight that the program takes and gives. */
export interface PlannedWeight {
  readonly name: Name;
  readonly type: ValueType;
  /** Writes the value in the model file. */
  readonly fill: (out: Float32Array) => void;
}

/** The model with its batch axis fixed and its weights sorted. */
export interface Plan {
  readonly graph: SourceGraph;
  /** Nodes that the output depends on, in order. */
  readonly nodes: readonly Node[];
  readonly options: CompileOptions;
  readonly loss: LossOptions;
  readonly rule: LossRule;
  /** Inputs fed from the features. */
  readonly inputs: readonly PlannedInput[];
  /** The input fed from the targets, where the model computes its loss from them. */
  readonly targetInput: PlannedInput | undefined;
  readonly output: Name;
  /** Weights of the model, then adapters. */
  readonly trained: readonly PlannedWeight[];
  readonly adapters: readonly PlannedAdapter[];
  /** Running statistics that training updates. */
  readonly buffers: readonly PlannedWeight[];
}

function chooseOutput(graph: SourceGraph, wanted: string | undefined): Name {
  const chosen = wanted === undefined ? graph.outputs : graph.outputs.filter((port) => port.name === wanted);
  if (chosen.length === 1) return chosen[0]!.name;
  const names = graph.outputs.map((port) => `"${port.name}"`).join(', ');
  throw new KonsilError(
    'MODEL_UNSUPPORTED',
    `${graph.source}: model has ${graph.outputs.length} outputs (${names}), expected ${wanted === undefined ? 'one output' : `one named "${wanted}"`}`,
  );
}

/** The one symbolic axis when there is one (recurrent nets keep time first), else the first. */
function batchAxisOf(port: Port): number {
  const symbolic = port.dims.flatMap((dim, i) => (typeof dim === 'string' ? [i] : []));
  return symbolic.length === 1 ? symbolic[0]! : 0;
}

function planInput(graph: SourceGraph, port: Port, batchSize: number): PlannedInput {
  const where = `${graph.source}: input "${port.name}"`;
  const dtype = findDType(port.elemType);
  if (dtype === undefined || dtype === 'float64')
    throw new KonsilError(
      'MODEL_UNSUPPORTED',
      `${where} is ${dtypeName(port.elemType)}, expected float32, int32, int64 or bool`,
    );
  const batchAxis = batchAxisOf(port);
  const dims = port.dims.map((dim, i) => (i === batchAxis ? batchSize : dim));
  if (dims.length === 0 || dims.some((dim) => typeof dim === 'string' || dim < 1))
    throw new KonsilError(
      'MODEL_UNSUPPORTED',
      `${where} has shape [${port.dims.join(', ')}], expected [batch, ...] with fixed sizes after the batch`,
    );
  return { name: port.name, type: { dtype, dims: dims as number[] }, batchAxis };
}

/** Float32 initializers that carry data, and so may be trained: settings such as a Clip's bound may not. */
function candidates(graph: SourceGraph, nodes: readonly Node[]): Name[] {
  const read = new Set(nodes.flatMap((node) => dataInputs(node)));
  return [...graph.initializers]
    .filter(([name, proto]) => proto.dataType === 1 && read.has(name))
    .map(([name]) => name);
}

/** Running means and variances of the normalisations in training mode. */
function runningStatistics(graph: SourceGraph, nodes: readonly Node[], options: CompileOptions): Name[] {
  const names = new Set(
    nodes.flatMap((node) => (batchNormMode(node, options.batchNorm) === 'train' ? node.inputs.slice(3, 5) : [])),
  );
  return [...graph.initializers.keys()].filter((name) => names.has(name));
}

function checkCount(what: string, value: number): void {
  if (!Number.isInteger(value) || value < 1 || value > 1 << 20)
    throw new KonsilError('CONFIG_INVALID', `${what} is ${value}, expected an integer in [1, 2^20]`);
}

function checkOptions({ batchSize, accumulate = 1, proximal, privacy }: CompileOptions): void {
  checkCount('batch size', batchSize);
  checkCount('accumulate', accumulate);
  if (proximal !== undefined && !(Number.isFinite(proximal.mu) && proximal.mu >= 0))
    throw new KonsilError('CONFIG_INVALID', `proximal mu is ${proximal.mu}, expected [0, ∞)`);
  if (privacy === undefined) return;
  checkPrivacy(privacy);
  if (accumulate !== 1)
    throw new KonsilError('CONFIG_INVALID', 'private training takes its rows one by one: leave accumulate at 1');
}

/** Weights of the model that train, in the order of the file. */
function chooseTrained(graph: SourceGraph, names: readonly Name[], options: CompileOptions): Name[] {
  const { source, trainable, train, freeze = [], lora } = options;
  const isVector = (name: Name): boolean => graph.initializers.get(name)!.dims.length > 0;
  const byDefault = names.filter(trainable ?? ((name) => lora === undefined && isVector(name)));
  const wanted = train === undefined ? new Set(byDefault) : matchNames(names, train, `${source}: train`);
  const frozen = matchNames(names, freeze, `${source}: freeze`);
  return names.filter((name) => wanted.has(name) && !frozen.has(name));
}

function sizesOf(graph: SourceGraph, names: readonly Name[]): Map<Name, readonly number[]> {
  return new Map(names.map((name) => [name, graph.initializers.get(name)!.dims]));
}

function adapterWeights({ a, b, aDims, bDims, aInitial }: PlannedAdapter): PlannedWeight[] {
  return [
    { name: a, type: { dtype: 'float32', dims: aDims }, fill: (out) => out.set(aInitial) },
    { name: b, type: { dtype: 'float32', dims: bDims }, fill: (out) => out.fill(0) },
  ];
}

/** Inputs for features, and the one that takes the targets. */
function planInputs(graph: SourceGraph, { batchSize }: CompileOptions, loss: LossOptions) {
  const wanted = loss.kind === 'output' ? loss.targetInput : undefined;
  const planned = graph.inputs.map((port) => planInput(graph, port, batchSize));
  const targetInput = planned.find(({ name }) => name === wanted);
  if (wanted !== undefined && targetInput === undefined)
    throw new KonsilError(
      'MODEL_MISMATCH',
      `${graph.source}: model has no input "${wanted}" for the targets, expected one of ${planned.map(({ name }) => name).join(', ')}`,
    );
  const inputs = planned.filter((input) => input !== targetInput);
  if (inputs.length === 0)
    throw new KonsilError('MODEL_UNSUPPORTED', `${graph.source}: model has no inputs, expected one or more`);
  return { inputs, targetInput };
}

/** @throws KonsilError as `compile` does. */
export function planModel(model: Uint8Array, options: CompileOptions): Plan {
  const { source, lora } = options;
  checkOptions(options);
  const loss = resolveLoss(options.loss);
  const graph = readGraph(model, source);
  const output = chooseOutput(graph, options.output);
  const live = liveNodes(graph, [output]);
  const nodes = graph.nodes.filter((node) => live.has(node));
  const possible = candidates(graph, nodes);
  const adapters = lora === undefined ? [] : planAdapters(lora, findMatrices(nodes, sizesOf(graph, possible)), source);
  const adapted = new Set(adapters.map(({ weight }) => weight));
  const names = chooseTrained(graph, possible, options).filter((name) => !adapted.has(name));
  const unsupported = findUnsupported(graph, [output], [...names, ...adapted]);
  if (unsupported.length > 0)
    throw new ModelProblems(
      'MODEL_UNSUPPORTED',
      source,
      `operators the trainer does not support: ${listNodes(unsupported)}`,
      unsupported.map((node) => ({ node, reason: obstacleOf(node) })),
    );
  const weight = (name: Name): PlannedWeight => {
    const proto = graph.initializers.get(name)!;
    const type = tensorType(proto, `${source}: initializer "${name}"`);
    return { name, type, fill: (out) => copyFloats(proto, out) };
  };
  return {
    ...{ graph, nodes, options, loss, output, adapters },
    rule: createLoss(loss, options.batchSize),
    ...planInputs(graph, options, loss),
    trained: [...names.map(weight), ...adapters.flatMap(adapterWeights)],
    buffers: runningStatistics(graph, nodes, options).map(weight),
  };
}
