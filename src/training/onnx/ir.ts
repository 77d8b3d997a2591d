/**
 * Nodes, attributes and the source graph as read from an ONNX file, before any pass has run.
 * @module
 */
import { KonsilError, utf8 } from '../../base/index.ts';
import { type AttributeProto, decodeModel, type NodeProto, type TensorProto, type ValueInfoProto } from './proto.ts';
import { decodeTensor, encodeTensor, type Tensor } from './tensor.ts';

/** A value's name; the empty string stands for an optional input that is left out. */
export type Name = string;

/** One attribute. Integers are doubles: beyond 2^53 only "to the end" sentinels occur, which survive the rounding. */
export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] }
  | { readonly text: string }
  | { readonly texts: readonly string[] }
  | { readonly tensor: Tensor };

export type Attributes = Readonly<Record<string, Attribute>>;

/** One operation; `op` is the operator's name in the default ONNX domain, or `domain::name`. */
export interface Node {
  readonly op: string;
  readonly name: string;
  readonly inputs: readonly Name[];
  readonly outputs: readonly Name[];
  readonly attributes: Attributes;
}

/** An input or output of the file: symbolic axes by name, axes of unknown size as `?`. */
export interface Port {
  readonly name: Name;
  readonly elemType: number | undefined;
  readonly dims: readonly (number | string)[];
}

/** The model's graph, with every node after those it reads from. */
export interface SourceGraph {
  readonly source: string;
  readonly opset: number;
  readonly nodes: readonly Node[];
  readonly initializers: ReadonlyMap<Name, TensorProto>;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

const text = new TextDecoder();

function readAttribute(proto: AttributeProto, where: string): Attribute {
  // AttributeProto.AttributeType; a file without `type` (allowed before IR version 3) is told by what is present
  if (proto.type === 1 || (!proto.type && proto.f !== undefined)) return { float: proto.f ?? 0 };
  if (proto.type === 2 || (!proto.type && proto.i !== undefined)) return { int: Number(proto.i ?? 0) };
  if (proto.type === 3 || (!proto.type && proto.s !== undefined)) return { text: text.decode(proto.s) };
  if (proto.t !== undefined) return { tensor: decodeTensor(proto.t, where) };
  if (proto.type === 6 || proto.floats.length > 0) return { floats: proto.floats };
  if (proto.type === 7 || proto.ints.length > 0) return { ints: proto.ints.map(Number) };
  if (proto.type === 8 || proto.strings.length > 0) return { texts: proto.strings.map((part) => text.decode(part)) };
  throw new KonsilError('MODEL_UNSUPPORTED', `${where}: attribute of type ${proto.type ?? 0} is not supported`);
}

/** The stored form of one attribute. */
export function encodeAttribute(name: string, attribute: Attribute): AttributeProto {
  const proto: AttributeProto = { name, floats: [], ints: [], strings: [], graphs: [], unknown: [] };
  if ('int' in attribute) return { ...proto, i: BigInt(attribute.int), type: 2 };
  if ('float' in attribute) return { ...proto, f: attribute.float, type: 1 };
  if ('ints' in attribute) return { ...proto, ints: attribute.ints.map(BigInt), type: 7 };
  if ('floats' in attribute) return { ...proto, floats: [...attribute.floats], type: 6 };
  if ('text' in attribute) return { ...proto, s: utf8(attribute.text), type: 3 };
  if ('texts' in attribute) return { ...proto, strings: attribute.texts.map(utf8), type: 8 };
  return { ...proto, t: encodeTensor(attribute.tensor), type: 4 };
}

/** Attribute `name` as an integer, or `fallback` when it is absent. */
export function intOf(attributes: Attributes, name: string, fallback: number): number {
  const found = attributes[name];
  return found !== undefined && 'int' in found ? found.int : fallback;
}

/** Attribute `name` as a float, or `fallback` when it is absent. */
export function floatOf(attributes: Attributes, name: string, fallback: number): number {
  const found = attributes[name];
  return found !== undefined && 'float' in found ? found.float : fallback;
}

/** Attribute `name` as integers, or undefined when it is absent. */
export function findInts(attributes: Attributes, name: string): readonly number[] | undefined {
  const found = attributes[name];
  return found !== undefined && 'ints' in found ? found.ints : undefined;
}

/** Attribute `name` as text, or `fallback` when it is absent. */
export function textOf(attributes: Attributes, name: string, fallback: string): string {
  const found = attributes[name];
  return found !== undefined && 'text' in found ? found.text : fallback;
}

/** `op (node "name")`, as error messages and inspection print a node. */
export function labelOf(node: Pick<Node, 'op' | 'name'>): string {
  return `${node.op} (node "${node.name}")`;
}

/** Operator name of a node: default domain without prefix. */
export function opOf(proto: NodeProto): string {
  const domain = proto.domain ?? '';
  return domain === '' || domain === 'ai.onnx' ? (proto.opType ?? '') : `${domain}::${proto.opType ?? ''}`;
}

/** Name of a node for messages: its own, else its first output's. */
export function nodeName(proto: NodeProto): string {
  return proto.name || (proto.output.find((name) => name !== '') ?? '');
}

/** Shape and element type of a declared input or output. */
export function portOf(proto: ValueInfoProto): Port {
  const type = proto.type?.tensorType;
  const dims = type?.shape?.dim.map((dim) => dim.dimValue ?? (dim.dimParam || '?')) ?? [];
  return { name: proto.name ?? '', elemType: type?.elemType, dims };
}

function readNode(proto: NodeProto, source: string, opset: number): Node {
  const op = opOf(proto);
  const name = nodeName(proto);
  const where = `${source}: ${labelOf({ op, name })}`;
  // an operator of another domain is refused by name later, whatever its attributes are
  const known = op.includes('::') || proto.attribute.some((a) => a.g !== undefined) ? [] : proto.attribute;
  const attributes = Object.fromEntries(known.map((a) => [a.name ?? '', readAttribute(a, where)]));
  const node = { op, name, inputs: proto.input, outputs: proto.output, attributes };
  // before opset 14 a batch normalisation in training is told by its outputs, afterwards by an attribute
  const isOldTraining = op === 'BatchNormalization' && opset < 14 && proto.output.length > 1;
  return isOldTraining ? { ...node, attributes: { ...attributes, training_mode: { int: 1 } } } : node;
}

function checkOrder(graph: SourceGraph): void {
  const ready = new Set<Name>(['', ...graph.inputs.map((port) => port.name), ...graph.initializers.keys()]);
  const invalid = (what: string): never => {
    throw new KonsilError('MODEL_INVALID', `${graph.source}: ${what}`, { file: graph.source });
  };
  for (const node of graph.nodes) {
    const missing = node.inputs.find((name) => !ready.has(name));
    if (missing !== undefined) invalid(`${labelOf(node)} reads "${missing}", which nothing before it computes`);
    for (const name of node.outputs) {
      if (name !== '' && ready.has(name)) invalid(`${labelOf(node)} computes "${name}", which exists already`);
      ready.add(name);
    }
  }
  const absent = graph.outputs.find((port) => port.name === '' || !ready.has(port.name));
  if (absent !== undefined) invalid(`output "${absent.name}" is computed by no node`);
}

/** Opsets of the default domain that the importer knows: 13 moved axes to inputs, 21 is the newest checked. */
const MIN_OPSET = 13;
const MAX_OPSET = 21;

/**
 * The graph of the ONNX file `bytes`.
 *
 * @param source - Name of the file, for error messages.
 * @throws KonsilError MODEL_INVALID when the bytes or the graph are malformed, MODEL_UNSUPPORTED for an opset outside
 * [{@link MIN_OPSET}, {@link MAX_OPSET}].
 */
export function readGraph(bytes: Uint8Array, source: string): SourceGraph {
  const { graph, opsetImport } = decodeModel(bytes, source);
  const opset = opsetImport.find((entry) => !entry.domain || entry.domain === 'ai.onnx')?.version ?? 0;
  if (opset < MIN_OPSET || opset > MAX_OPSET)
    throw new KonsilError(
      'MODEL_UNSUPPORTED',
      `${source}: opset ${opset}, expected ${MIN_OPSET} to ${MAX_OPSET}; export the model again with one of them`,
      { file: source, opset },
    );
  const initializers = new Map(graph.initializer.map((proto) => [proto.name ?? '', proto]));
  const read: SourceGraph = {
    source,
    opset,
    nodes: graph.node.map((node) => readNode(node, source, opset)),
    initializers,
    // files of IR version 3 list every initializer as an input too
    inputs: graph.input.map(portOf).filter((port) => !initializers.has(port.name)),
    outputs: graph.output.map(portOf),
  };
  checkOrder(read);
  return read;
}
