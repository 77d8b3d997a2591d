/**
 * Writes a built graph as an ONNX file: only what the outputs need, under the outputs' public names.
 * @module
 */
import type { GraphBuilder } from './builder.ts';
import { encodeAttribute, type Name, type Node } from './ir.ts';
import { encodeGraph, encodeModel, type GraphProto, type NodeProto, type ValueInfoProto } from './proto.ts';
import { dtypeId, encodeTensor, tensorFrom, type ValueType } from './tensor.ts';

/** Opset of every graph the compiler writes: the newest in which ReduceMean still takes its axes as an attribute. */
export const EMIT_OPSET = 17;
/** IR version that belongs to opset 17 (ONNX 1.12). */
export const EMIT_IR_VERSION = 8;

/** An operator node in stored form. */
export function nodeProto(node: Node): NodeProto {
  return {
    input: [...node.inputs],
    output: [...node.outputs],
    name: node.name,
    opType: node.op,
    attribute: Object.entries(node.attributes).map(([name, attribute]) => encodeAttribute(name, attribute)),
    unknown: [],
  };
}

/** A declared input or output in stored form; text dimensions are symbolic. */
export function portProto(
  name: Name,
  type: { dtype: ValueType['dtype']; dims: readonly (number | string)[] },
): ValueInfoProto {
  const dim = type.dims.map((d) => ({ ...(typeof d === 'number' ? { dimValue: d } : { dimParam: d }), unknown: [] }));
  const tensorType = { elemType: dtypeId(type.dtype), shape: { dim, unknown: [] }, unknown: [] };
  return { name, type: { tensorType, unknown: [] }, unknown: [] };
}

/** Nodes that `wanted` depend on, in order. */
export function liveNodes(nodes: readonly Node[], wanted: Iterable<Name>): Node[] {
  const needed = new Set(wanted);
  const live: Node[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    for (const name of node.inputs) needed.add(name);
    live.push(node);
  }
  return live.reverse();
}

/** Nodes and constants that compute `outputs` (public name → value), under the public names. */
function emitBody(graph: GraphBuilder, outputs: ReadonlyMap<Name, Name>): Pick<GraphProto, 'node' | 'initializer'> {
  const renamed = new Map<Name, Name>();
  const extra: Node[] = [];
  const produced = new Set(graph.nodes.flatMap((node) => node.outputs));
  for (const [name, value] of outputs) {
    // an output that is no node's own (an input, a constant, or the same value twice) needs a node to carry its name
    if (produced.has(value) && !renamed.has(value)) renamed.set(value, name);
    else extra.push({ op: 'Identity', name, inputs: [value], outputs: [name], attributes: {} });
  }
  const rename = (name: Name): Name => renamed.get(name) ?? name;
  const nodes = [...liveNodes(graph.nodes, outputs.values()), ...extra].map((node) => ({
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
  }));
  const used = new Set(nodes.flatMap((node) => node.inputs));
  return {
    node: nodes.map(nodeProto),
    initializer: [...graph.constants].filter(([name]) => used.has(name)).map(([name, t]) => encodeTensor(t, name)),
  };
}

function encode(graph: Omit<GraphProto, 'name' | 'valueInfo' | 'unknown'>): Uint8Array {
  return encodeModel({
    irVersion: EMIT_IR_VERSION,
    producerName: 'konsil',
    opsetImport: [{ domain: '', version: EMIT_OPSET, unknown: [] }],
    metadataProps: [],
    graph: { name: 'konsil', ...graph, valueInfo: [], unknown: [] },
    unknown: [],
  });
}

/**
 * ONNX bytes of the part of `graph` that computes `outputs` (public name → value). Every declared input stays, even
 * unused, so that callers can feed all graphs of a program alike.
 */
export function emitModel(graph: GraphBuilder, outputs: ReadonlyMap<Name, Name>): Uint8Array {
  return encode({
    ...emitBody(graph, outputs),
    input: graph.inputs.map((name) => portProto(name, graph.typeOf(name))),
    output: [...outputs].map(([name, value]) => portProto(name, graph.typeOf(value))),
  });
}

/** How {@link emitLoop} runs a graph several times. */
export interface LoopSpec {
  readonly steps: number;
  /** Inputs that the next step takes from an output of this one: input name → output name. */
  readonly carried: ReadonlyMap<Name, Name>;
  /** Inputs that stay the same; every other input gets a first axis of size `steps`. */
  readonly fixed: ReadonlySet<Name>;
}

/**
 * ONNX bytes of a Loop over `graph`, under the same names: carried outputs are those of the last step, all others get a
 * first axis of size `steps`.
 */
export function emitLoop(graph: GraphBuilder, outputs: ReadonlyMap<Name, Name>, spec: LoopSpec): Uint8Array {
  const { steps, carried, fixed } = spec;
  const inner = (name: Name): Name => `step/${name}`;
  const sliced = graph.inputs.filter((name) => !carried.has(name) && !fixed.has(name));
  const isRenamed = new Set([...sliced, ...carried.keys()]);
  const isCarried = new Set(carried.values());
  const stacked = [...outputs.keys()].filter((name) => !isCarried.has(name));
  const body = emitBody(graph, outputs);
  const rename = (name: Name): Name => (isRenamed.has(name) ? inner(name) : outputs.has(name) ? inner(name) : name);
  const take = sliced.map((name) =>
    nodeProto({ op: 'Gather', name: inner(name), inputs: [name, 'step'], outputs: [inner(name)], attributes: {} }),
  );
  const goOn = nodeProto({ op: 'Identity', name: 'go', inputs: ['goOn'], outputs: ['step/goOn'], attributes: {} });
  const nodes = body.node.map((node) => ({ ...node, input: node.input.map(rename), output: node.output.map(rename) }));
  const scalar = (name: Name, dtype: 'int64' | 'bool'): ValueInfoProto => portProto(name, { dtype, dims: [] });
  const port = (name: Name): ValueInfoProto => portProto(inner(name), graph.typeOf(outputs.get(name) ?? name));
  const g = encodeGraph({
    name: 'step',
    node: [goOn, ...take, ...nodes],
    initializer: [],
    input: [scalar('step', 'int64'), scalar('goOn', 'bool'), ...[...carried.keys()].map(port)],
    output: [scalar('step/goOn', 'bool'), ...[...carried.values(), ...stacked].map(port)],
    valueInfo: [],
    unknown: [],
  });
  const loop: NodeProto = {
    input: ['steps', '', ...carried.keys()],
    output: [...carried.values(), ...stacked],
    name: 'loop',
    opType: 'Loop',
    attribute: [{ name: 'body', type: 5, g, floats: [], ints: [], strings: [], graphs: [], unknown: [] }],
    unknown: [],
  };
  const count = tensorFrom('int64', [], [steps]);
  const stretch = (name: Name, value: Name, isStacked: boolean): ValueInfoProto => {
    const { dtype, dims } = graph.typeOf(value);
    return portProto(name, { dtype, dims: isStacked ? [steps, ...dims] : dims });
  };
  const isSliced = new Set(sliced);
  return encode({
    node: [loop],
    initializer: [...body.initializer, encodeTensor(count, 'steps')],
    input: graph.inputs.map((name) => stretch(name, name, isSliced.has(name))),
    output: [...outputs].map(([name, value]) => stretch(name, value, !isCarried.has(name))),
  });
}
