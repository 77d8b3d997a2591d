/**
 * Reads a model for training: fixes the batch axis, and sorts its weights into trained, running statistics and constant.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { LOSS_KINDS } from './losses/losses.ts';
import { type Name, type Node, type Port, readGraph, type SourceGraph } from './onnx/ir.ts';
import { decodeTensor, dtypeName, findDType, type ValueType } from './onnx/tensor.ts';
import { batchNormMode, dataInputs } from './operators/index.ts';
import type { CompileOptions } from './options.ts';
import { findUnsupported, listNodes, liveNodes } from './support.ts';

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
  readonly initial: Float32Array;
}

/** The model with its batch axis fixed and its weights sorted. */
export interface Plan {
  readonly graph: SourceGraph;
  /** Nodes that the output depends on, in order. */
  readonly nodes: readonly Node[];
  readonly options: CompileOptions;
  readonly inputs: readonly PlannedInput[];
  readonly output: Name;
  readonly trained: readonly PlannedWeight[];
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

/** @throws KonsilError as `compile` does. */
export function planModel(model: Uint8Array, options: CompileOptions): Plan {
  const { source, batchSize, loss } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > 1 << 20)
    throw new KonsilError('CONFIG_INVALID', `batch size is ${batchSize}, expected an integer in [1, 2^20]`);
  if (!LOSS_KINDS.includes(loss))
    throw new KonsilError('CONFIG_INVALID', `loss "${loss}", expected one of ${LOSS_KINDS.join(', ')}`);
  const graph = readGraph(model, source);
  const output = chooseOutput(graph, options.output);
  const live = liveNodes(graph, [output]);
  const nodes = graph.nodes.filter((node) => live.has(node));
  const isTrainable = options.trainable ?? ((name) => (graph.initializers.get(name)?.dims.length ?? 0) > 0);
  const names = candidates(graph, nodes).filter(isTrainable);
  const unsupported = findUnsupported(graph, [output], names);
  if (unsupported.length > 0)
    throw new KonsilError(
      'MODEL_UNSUPPORTED',
      `${source}: operators the trainer does not support: ${listNodes(unsupported)}`,
      { file: source, count: unsupported.length },
    );
  if (graph.inputs.length === 0)
    throw new KonsilError('MODEL_UNSUPPORTED', `${source}: model has no inputs, expected one or more`);
  const weight = (name: Name): PlannedWeight => {
    const tensor = decodeTensor(graph.initializers.get(name)!, `${source}: initializer "${name}"`);
    return { name, type: { dtype: tensor.dtype, dims: tensor.dims }, initial: tensor.data as Float32Array };
  };
  return {
    graph,
    nodes,
    options,
    inputs: graph.inputs.map((port) => planInput(graph, port, batchSize)),
    output,
    trained: names.map(weight),
    buffers: runningStatistics(graph, nodes, options).map(weight),
  };
}
