/**
 * One TensorFlow.js Layers model as one byte string: what a task's model is on its way to a pod. The same model always
 * gives the same bytes. A pod reads them from a modeller it need not trust: nothing is built before everything here
 * has been checked.
 *
 *     magic "KONSILTF", version (1 byte), header length (4 bytes, big-endian),
 *     header (canonical CBOR: topology as canonical JSON, weights as [name, dims]), float32 values (little-endian)
 * @module
 */
import { decode, encode } from 'cborg';
import { bytesOf, concatBytes, float32Of, KonsilError, messageOf, u32be, utf8 } from '../../base/index.ts';

const MAGIC = utf8('KONSILTF');
const VERSION = 1;
const HEADER_AT = MAGIC.length + 5;
/** A topology is some hundred bytes a layer; one of 4 MiB is none that a person made. */
const MAX_HEADER_BYTES = 4 << 20;
const MAX_WEIGHTS = 1 << 14;
const MAX_RANK = 8;
const MAX_NAME_LENGTH = 512;
/** Nesting of JSON: a model in a model in a wrapper stays far below. */
const MAX_DEPTH = 64;

const STRICT = {
  ...{ strict: true, allowIndefinite: false, allowUndefined: false, allowNaN: false, allowInfinity: false },
  ...{ allowBigInt: false, rejectDuplicateMapKeys: true },
} as const;

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** One weight: values in C order. */
export interface TfjsWeight {
  readonly name: string;
  readonly dims: readonly number[];
  readonly values: Float32Array;
}

/** A Layers model: `topology` as in the field `modelTopology` of a model.json. */
export interface TfjsModel {
  readonly topology: JsonObject;
  readonly weights: readonly TfjsWeight[];
}

/** Whether `bytes` are a packed TensorFlow.js model, by their first bytes; no ONNX file starts like one. */
export function isTfjsModel(bytes: Uint8Array): boolean {
  return bytes.length >= MAGIC.length && MAGIC.every((byte, i) => bytes[i] === byte);
}

/** Whether `value` is a JSON object. */
export function isObject(value: unknown): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** JSON with keys in order of their UTF-16 code units and nothing that a parser may trip over. */
function canonical(value: Json, depth = 0): Json {
  if (depth > MAX_DEPTH) throw new RangeError(`topology is nested deeper than ${MAX_DEPTH}`);
  if (Array.isArray(value)) return value.map((item: Json) => canonical(item, depth + 1));
  if (!isObject(value)) return value;
  const keys = Object.keys(value).sort();
  if (keys.includes('__proto__')) throw new RangeError('topology has a key __proto__');
  return Object.fromEntries(keys.map((key) => [key, canonical(value[key]!, depth + 1)]));
}

/** The topology as text: equal topologies give equal text. */
export function topologyText(topology: JsonObject): string {
  return JSON.stringify(canonical(topology));
}

function sizeOf(dims: readonly number[]): number {
  return dims.reduce((n, dim) => n * dim, 1);
}

/** @throws RangeError when the model breaks a limit, whoever made it. */
function check({ weights }: TfjsModel): void {
  if (weights.length > MAX_WEIGHTS) throw new RangeError(`${weights.length} weights, at most ${MAX_WEIGHTS} expected`);
  const names = new Set<string>();
  for (const { name, dims, values } of weights) {
    if (name === '' || name.length > MAX_NAME_LENGTH || /\p{C}/u.test(name))
      throw new RangeError('a weight has an unreadable name');
    if (names.has(name)) throw new RangeError(`two weights are called "${name}"`);
    names.add(name);
    if (dims.length > MAX_RANK || dims.some((dim) => !Number.isSafeInteger(dim) || dim < 1))
      throw new RangeError(`weight "${name}" has shape [${dims.slice(0, MAX_RANK).join(', ')}]`);
    if (values.length !== sizeOf(dims))
      throw new RangeError(`weight "${name}" has ${values.length} values, its shape ${sizeOf(dims)}`);
    if (!values.every(Number.isFinite)) throw new RangeError(`weight "${name}" has values that are not finite`);
  }
}

/** Packs a model. @throws KonsilError MODEL_INVALID when it breaks a limit. */
export function packTfjs(model: TfjsModel, source: string): Uint8Array {
  try {
    check(model);
    const header = encode({
      topology: topologyText(model.topology),
      weights: model.weights.map(({ name, dims }) => [name, [...dims]]),
    });
    if (header.length > MAX_HEADER_BYTES) throw new RangeError(`topology takes ${header.length} bytes`);
    return concatBytes(
      ...[MAGIC, Uint8Array.of(VERSION), u32be(header.length), header],
      ...model.weights.map(({ values }) => bytesOf(values)),
    );
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new KonsilError('MODEL_INVALID', `${source}: ${cause.message}`, { file: source }, { cause });
  }
}

interface Header {
  readonly topology: string;
  readonly weights: readonly (readonly [name: string, dims: readonly number[]])[];
}

function readHeader(bytes: Uint8Array): Header {
  const header: unknown = decode(bytes, STRICT);
  if (Buffer.compare(encode(header), bytes) !== 0) throw new RangeError('header is not canonical CBOR');
  if (!isObject(header) || Object.keys(header).sort().join() !== 'topology,weights')
    throw new RangeError('header has other fields than topology and weights');
  const { topology, weights } = header;
  const isEntry = (entry: Json): boolean =>
    Array.isArray(entry) && entry.length === 2 && typeof entry[0] === 'string' && isNumbers(entry[1]);
  if (typeof topology !== 'string' || !Array.isArray(weights) || !weights.every(isEntry))
    throw new RangeError('header has a field of the wrong type');
  return header as unknown as Header;
}

function isNumbers(value: Json): boolean {
  return Array.isArray(value) && value.every((item: Json) => typeof item === 'number');
}

function readTopology(text: string): JsonObject {
  const topology: unknown = JSON.parse(text);
  if (!isObject(topology)) throw new RangeError('topology is not an object');
  if (topologyText(topology) !== text) throw new RangeError('topology is not canonical JSON');
  return topology;
}

/**
 * Reads what {@link packTfjs} wrote. Untrusted bytes: sizes are checked before anything is allocated for them.
 *
 * @param source - Name of the model, for error messages.
 * @throws KonsilError MODEL_INVALID naming what is wrong.
 */
export function unpackTfjs(bytes: Uint8Array, source: string): TfjsModel {
  try {
    if (!isTfjsModel(bytes) || bytes.length < HEADER_AT)
      throw new RangeError('too short, or not a TensorFlow.js model');
    if (bytes[MAGIC.length] !== VERSION)
      throw new RangeError(`format version is ${bytes[MAGIC.length]}, expected ${VERSION}`);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const headerBytes = view.getUint32(HEADER_AT - 4);
    const dataAt = HEADER_AT + headerBytes;
    if (headerBytes > MAX_HEADER_BYTES || dataAt > bytes.length)
      throw new RangeError(`header of ${headerBytes} bytes announced`);
    const { topology, weights } = readHeader(bytes.subarray(HEADER_AT, dataAt));
    const announced = weights.reduce((n, [, dims]) => n + 4 * sizeOf(dims), 0);
    if (announced !== bytes.length - dataAt)
      throw new RangeError(`weights take ${announced} bytes, ${bytes.length - dataAt} are there`);
    let at = dataAt;
    const model = {
      topology: readTopology(topology),
      weights: weights.map(([name, dims]) => {
        const from = at;
        at += 4 * sizeOf(dims);
        return { name, dims, values: float32Of(bytes.subarray(from, at)) };
      }),
    };
    check(model);
    return model;
  } catch (cause) {
    // cborg and JSON throw errors of their own
    throw new KonsilError(
      'MODEL_INVALID',
      `${source}: not a sound TensorFlow.js model: ${messageOf(cause)}`,
      { file: source },
      { cause },
    );
  }
}
