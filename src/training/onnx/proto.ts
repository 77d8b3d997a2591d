/**
 * The ONNX messages Konsil reads and writes, under the names of the specification in camel case.
 * @module
 * @source onnx.proto3 of ONNX 1.17 (IR version 10); subgraph attributes stay raw bytes, no supported operator has one.
 */
import { KonsilError } from '../../base/index.ts';
import { decodeMessage, type Message, schema } from './wire.ts';
import { encodeMessage } from './wireWriter.ts';

export interface TensorProto extends Message {
  dims: number[];
  dataType?: number;
  floatData: number[];
  int32Data: bigint[];
  int64Data: bigint[];
  name?: string;
  rawData?: Uint8Array;
  doubleData: number[];
  /** Where the values lie when `dataLocation` is 1: `location`, `offset` and `length`. */
  externalData?: EntryProto[];
  dataLocation?: number;
}

export interface AttributeProto extends Message {
  name?: string;
  f?: number;
  i?: bigint;
  s?: Uint8Array;
  t?: TensorProto;
  g?: Uint8Array;
  floats: number[];
  ints: bigint[];
  strings: Uint8Array[];
  graphs: Uint8Array[];
  type?: number;
}

export interface NodeProto extends Message {
  input: string[];
  output: string[];
  name?: string;
  opType?: string;
  attribute: AttributeProto[];
  domain?: string;
}

interface DimProto extends Message {
  dimValue?: number;
  dimParam?: string;
}
interface ShapeProto extends Message {
  dim: DimProto[];
}
interface TensorTypeProto extends Message {
  elemType?: number;
  shape?: ShapeProto;
}
interface TypeProto extends Message {
  tensorType?: TensorTypeProto;
}
export interface ValueInfoProto extends Message {
  name?: string;
  type?: TypeProto;
}

export interface GraphProto extends Message {
  node: NodeProto[];
  name?: string;
  initializer: TensorProto[];
  input: ValueInfoProto[];
  output: ValueInfoProto[];
  valueInfo: ValueInfoProto[];
}

interface OpsetProto extends Message {
  domain?: string;
  version?: number;
}
interface EntryProto extends Message {
  key?: string;
  value?: string;
}

export interface ModelProto extends Message {
  irVersion?: number;
  producerName?: string;
  producerVersion?: string;
  graph?: GraphProto;
  opsetImport: OpsetProto[];
  metadataProps: EntryProto[];
}

const TENSOR = schema({
  1: ['dims[]', 'int'],
  2: ['dataType', 'int'],
  4: ['floatData[packed]', 'float'],
  5: ['int32Data[packed]', 'bigint'],
  7: ['int64Data[packed]', 'bigint'],
  8: ['name', 'string'],
  9: ['rawData', 'bytes'],
  10: ['doubleData[packed]', 'double'],
  13: ['externalData[]', () => ENTRY],
  14: ['dataLocation', 'int'],
});
const ATTRIBUTE = schema({
  1: ['name', 'string'],
  2: ['f', 'float'],
  3: ['i', 'bigint'],
  4: ['s', 'bytes'],
  5: ['t', () => TENSOR],
  6: ['g', 'bytes'],
  7: ['floats[]', 'float'],
  8: ['ints[]', 'bigint'],
  9: ['strings[]', 'bytes'],
  11: ['graphs[]', 'bytes'],
  20: ['type', 'int'],
});
const NODE = schema({
  1: ['input[]', 'string'],
  2: ['output[]', 'string'],
  3: ['name', 'string'],
  4: ['opType', 'string'],
  5: ['attribute[]', () => ATTRIBUTE],
  7: ['domain', 'string'],
});
const DIM = schema({ 1: ['dimValue', 'int'], 2: ['dimParam', 'string'] });
const SHAPE = schema({ 1: ['dim[]', () => DIM] });
const TENSOR_TYPE = schema({ 1: ['elemType', 'int'], 2: ['shape', () => SHAPE] });
const TYPE = schema({ 1: ['tensorType', () => TENSOR_TYPE] });
const VALUE_INFO = schema({ 1: ['name', 'string'], 2: ['type', () => TYPE] });
const GRAPH = schema({
  1: ['node[]', () => NODE],
  2: ['name', 'string'],
  5: ['initializer[]', () => TENSOR],
  11: ['input[]', () => VALUE_INFO],
  12: ['output[]', () => VALUE_INFO],
  13: ['valueInfo[]', () => VALUE_INFO],
});
const OPSET = schema({ 1: ['domain', 'string'], 2: ['version', 'int'] });
const ENTRY = schema({ 1: ['key', 'string'], 2: ['value', 'string'] });
const MODEL = schema({
  1: ['irVersion', 'int'],
  2: ['producerName', 'string'],
  3: ['producerVersion', 'string'],
  7: ['graph', () => GRAPH],
  8: ['opsetImport[]', () => OPSET],
  14: ['metadataProps[]', () => ENTRY],
});

/**
 * The model in `bytes`; its byte strings are views on them.
 *
 * @param source - Name of the file, for error messages.
 * @throws KonsilError MODEL_INVALID naming `source`, and the byte offset where the bytes are malformed.
 */
export function decodeModel(bytes: Uint8Array, source: string): ModelProto & { graph: GraphProto } {
  const model = decodeMessage(bytes, MODEL, source) as ModelProto;
  if (model.graph === undefined)
    throw new KonsilError(
      'MODEL_INVALID',
      `${source}: not a valid onnx file at byte ${bytes.length}: ended without a graph`,
      { file: source, offset: bytes.length },
    );
  return model as ModelProto & { graph: GraphProto };
}

/** Wire bytes of `model`. */
export function encodeModel(model: ModelProto): Uint8Array {
  return encodeMessage(model, MODEL);
}

/** Wire bytes of `graph`, the form in which it stands in another graph's attribute. */
export function encodeGraph(graph: GraphProto): Uint8Array {
  return encodeMessage(graph, GRAPH);
}
