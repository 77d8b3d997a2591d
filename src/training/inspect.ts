/**
 * What is in an ONNX file, and whether the trainer can train it; for people to read before a run.
 * @module
 */
import { type Name, nodeName, opOf, type Port, portOf, type SourceGraph } from './onnx/ir.ts';
import { decodeModel, type GraphProto } from './onnx/proto.ts';
import { dtypeName, sizeOf } from './onnx/tensor.ts';
import { findUnsupported } from './support.ts';

export interface InspectedPort {
  readonly name: Name;
  readonly dtype: string;
  /** Sizes; symbolic axes by name. */
  readonly dims: readonly (number | string)[];
}

export interface InspectedModel {
  readonly irVersion: number;
  readonly opset: number;
  /** Tool and version that wrote the file, empty when it does not say. */
  readonly producer: string;
  readonly inputs: readonly InspectedPort[];
  readonly outputs: readonly InspectedPort[];
  /** Float32 initializers of rank 1 or more, which are trained by default. */
  readonly parameters: readonly { readonly name: Name; readonly dims: readonly number[]; readonly count: number }[];
  readonly nodes: readonly { readonly name: string; readonly op: string; readonly supported: boolean }[];
  /** Elements of all parameters. */
  readonly parameterCount: number;
  /** Size of the file. */
  readonly bytes: number;
  /** Nodes that keep the model from being trained. */
  readonly unsupported: readonly { readonly name: string; readonly op: string }[];
}

function show({ name, elemType, dims }: Port): InspectedPort {
  return { name, dtype: dtypeName(elemType), dims };
}

/** The graph without attributes, which may be of any kind in a model that cannot be trained. */
function outline(graph: GraphProto, source: string, opset: number): SourceGraph {
  const initializers = new Map(graph.initializer.map((proto) => [proto.name ?? '', proto]));
  return {
    source,
    opset,
    nodes: graph.node.map((node) => ({
      op: opOf(node),
      name: nodeName(node),
      inputs: node.input,
      outputs: node.output,
      attributes: {},
    })),
    initializers,
    inputs: graph.input.map(portOf).filter(({ name }) => !initializers.has(name)),
    outputs: graph.output.map(portOf),
  };
}

/**
 * Describes the ONNX file `bytes`, supported or not.
 *
 * @param source - Name of the file, for error messages.
 * @throws KonsilError MODEL_INVALID when the file is malformed.
 */
export function inspectModel(bytes: Uint8Array, source: string): InspectedModel {
  const model = decodeModel(bytes, source);
  const opset = model.opsetImport.find((entry) => !entry.domain || entry.domain === 'ai.onnx')?.version ?? 0;
  const graph = outline(model.graph, source, opset);
  const parameters = model.graph.initializer
    .filter((proto) => proto.dataType === 1 && proto.dims.length > 0)
    .map((proto) => ({ name: proto.name ?? '', dims: proto.dims, count: sizeOf(proto.dims) }));
  const unsupported = new Set(
    findUnsupported(
      graph,
      graph.outputs.map(({ name }) => name),
      parameters.map(({ name }) => name),
    ),
  );
  return {
    irVersion: model.irVersion ?? 0,
    opset,
    producer: [model.producerName, model.producerVersion].filter(Boolean).join(' '),
    inputs: graph.inputs.map(show),
    outputs: graph.outputs.map(show),
    parameters,
    nodes: graph.nodes.map((node) => ({ name: node.name, op: node.op, supported: !unsupported.has(node) })),
    parameterCount: parameters.reduce((n, { count }) => n + count, 0),
    bytes: bytes.length,
    unsupported: [...unsupported].map(({ name, op }) => ({ name, op })),
  };
}
