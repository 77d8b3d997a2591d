/**
 * Writes a built graph as an ONNX file: only what the outputs need, under the outputs' public names.
 * @module
 */
import type { GraphBuilder } from './builder.ts';
import { encodeAttribute, type Name, type Node } from './ir.ts';
import { encodeModel, type NodeProto, type ValueInfoProto } from './proto.ts';
import { dtypeId, encodeTensor, type ValueType } from './tensor.ts';

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
function liveNodes(nodes: readonly Node[], wanted: Iterable<Name>): Node[] {
  const needed = new Set(wanted);
  const live: Node[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    for (const name of node.inputs) needed.add(name);
    live.push(node);
  }
  return live.reverse();
}

/**
 * ONNX bytes of the part of `graph` that computes `outputs` (public name → value). Every declared input stays, even
 * unused, so that callers can feed all graphs of a program alike.
 */
export function emitModel(graph: GraphBuilder, outputs: ReadonlyMap<Name, Name>): Uint8Array {
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
  return encodeModel({
    irVersion: EMIT_IR_VERSION,
    producerName: 'konsil',
    opsetImport: [{ domain: '', version: EMIT_OPSET, unknown: [] }],
    metadataProps: [],
    graph: {
      name: 'konsil',
      node: nodes.map(nodeProto),
      initializer: [...graph.constants].filter(([name]) => used.has(name)).map(([name, t]) => encodeTensor(t, name)),
      input: graph.inputs.map((name) => portProto(name, graph.typeOf(name))),
      output: [...outputs].map(([name, value]) => portProto(name, graph.typeOf(value))),
      valueInfo: [],
      unknown: [],
    },
    unknown: [],
  });
}
