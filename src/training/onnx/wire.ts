/**
 * Reads the Protocol Buffers wire format, driven by a table per message. Fields that a table does not name are kept as raw bytes,
 * so a file survives decode and encode even if it is newer than this code.
 * @module
 * @source Protocol Buffers encoding, https://protobuf.dev/programming-guides/encoding/
 */
import { KonsilError } from '../../base/index.ts';

/** What a field holds. `int` is an int64 that must be a safe integer; `bigint` any int64. */
export type FieldType = 'int' | 'bigint' | 'float' | 'double' | 'bytes' | 'string' | (() => Schema);

/** One known field: property name, type, and whether it repeats (then the property is an array, empty when absent). */
export interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly repeated: boolean;
  /** Whether a repeated number is written packed; both forms are read. */
  readonly packed: boolean;
}

/** Known fields of a message by field number. */
export type Schema = ReadonlyMap<number, Field>;

/** Every decoded message: `unknown` holds the unnamed fields, each with its tag, in the order read. */
export interface Message {
  unknown: Uint8Array[];
}

/** A message by the names of its fields. */
export type Bag = Record<string, unknown> & Message;

const VARINT = 0;
const FIXED64 = 1;
/** Wire type of strings, bytes, messages and packed lists. */
export const BYTES = 2;
const FIXED32 = 5;

const utf8Decoder = new TextDecoder('utf-8', { fatal: true });

/** Builds a {@link Schema} from `{number: [name, type]}`; a name ending in `[]` repeats, in `[packed]` packed. */
export function schema(fields: Readonly<Record<number, readonly [string, FieldType]>>): Schema {
  return new Map(
    Object.entries(fields).map(([number, [name, type]]) => [
      Number(number),
      { name: name.replace(/\[.*/, ''), type, repeated: name.endsWith(']'), packed: name.endsWith('[packed]') },
    ]),
  );
}

/** A cursor over `bytes`; every failure is MODEL_INVALID with the file's name and the absolute byte offset. */
class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #source: string;
  at = 0;

  constructor(bytes: Uint8Array, source: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#source = source;
  }

  fail(what: string, at = this.at): never {
    throw new KonsilError('MODEL_INVALID', `${this.#source}: not a valid onnx file at byte ${at}: ${what}`, {
      file: this.#source,
      offset: at,
    });
  }

  need(count: number, end: number): void {
    if (count > end - this.at) this.fail(`needs ${count} bytes, ${end - this.at} are left`);
  }

  varint(end: number): bigint {
    const start = this.at;
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      this.need(1, end);
      const byte = this.#bytes[this.at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return this.fail('varint is longer than 10 bytes', start);
  }

  /** A varint used as a length or tag. */
  size(end: number): number {
    const start = this.at;
    const value = this.varint(end);
    return value > 0xffff_ffffn ? this.fail('length or tag is out of range', start) : Number(value);
  }

  slice(count: number, end: number): Uint8Array {
    this.need(count, end);
    this.at += count;
    return this.#bytes.subarray(this.at - count, this.at);
  }

  raw(from: number): Uint8Array {
    return this.#bytes.subarray(from, this.at);
  }

  float(end: number): number {
    this.need(4, end);
    this.at += 4;
    return this.#view.getFloat32(this.at - 4, true);
  }

  double(end: number): number {
    this.need(8, end);
    this.at += 8;
    return this.#view.getFloat64(this.at - 8, true);
  }
}

/** Wire type of a field that is not packed. */
export function wireOf(type: FieldType): number {
  if (type === 'int' || type === 'bigint') return VARINT;
  if (type === 'float') return FIXED32;
  return type === 'double' ? FIXED64 : BYTES;
}

function readScalar(reader: Reader, type: FieldType, end: number): unknown {
  const start = reader.at;
  if (type === 'float') return reader.float(end);
  if (type === 'double') return reader.double(end);
  const value = BigInt.asIntN(64, reader.varint(end));
  if (type === 'bigint') return value;
  return Number.isSafeInteger(Number(value)) ? Number(value) : reader.fail('integer is out of range', start);
}

function readLengthDelimited(reader: Reader, field: Field, end: number): unknown {
  const count = reader.size(end);
  reader.need(count, end);
  if (typeof field.type === 'function') return readMessage(reader, field.type(), reader.at + count);
  const start = reader.at;
  const bytes = reader.slice(count, end);
  if (field.type === 'bytes') return bytes;
  try {
    return utf8Decoder.decode(bytes);
  } catch {
    return reader.fail(`"${field.name}" is not valid utf-8`, start);
  }
}

function skip(reader: Reader, wire: number, end: number): void {
  if (wire === VARINT) reader.varint(end);
  else if (wire === FIXED64) reader.double(end);
  else if (wire === FIXED32) reader.float(end);
  else if (wire === BYTES) {
    const count = reader.size(end);
    reader.need(count, end);
    reader.at += count;
  } else reader.fail(`wire type ${wire} does not exist in onnx files`);
}

function readField(reader: Reader, field: Field, wire: number, end: number): unknown[] {
  const expected = wireOf(field.type);
  if (wire === expected) {
    return [expected === BYTES ? readLengthDelimited(reader, field, end) : readScalar(reader, field.type, end)];
  }
  if (wire !== BYTES || !field.repeated) reader.fail(`field "${field.name}" has wire type ${wire}`);
  const packed: unknown[] = [];
  const count = reader.size(end);
  reader.need(count, end);
  const stop = reader.at + count;
  while (reader.at < stop) packed.push(readScalar(reader, field.type, stop));
  return packed;
}

function readMessage(reader: Reader, fields: Schema, end: number): Bag {
  const out: Bag = { unknown: [] };
  for (const field of fields.values()) if (field.repeated) out[field.name] = [];
  while (reader.at < end) {
    const start = reader.at;
    const tag = reader.size(end);
    const field = fields.get(tag >>> 3);
    if (tag >>> 3 === 0) reader.fail('field number 0', start);
    if (field === undefined) {
      skip(reader, tag & 7, end);
      out.unknown.push(reader.raw(start));
      continue;
    }
    const values = readField(reader, field, tag & 7, end);
    if (field.repeated) for (const value of values) (out[field.name] as unknown[]).push(value);
    else out[field.name] = values[0];
  }
  return out;
}

/**
 * The message in `bytes`. Byte strings, which hold a model's weights, are views on `bytes`: the file is in memory once.
 *
 * @param source - Name of the file, for error messages.
 * @throws KonsilError MODEL_INVALID naming `source` and the byte offset when `bytes` is malformed.
 */
export function decodeMessage(bytes: Uint8Array, fields: Schema, source: string): Message {
  return readMessage(new Reader(bytes, source), fields, bytes.length);
}

/** Field number of a raw field, from the tag it starts with. */
export function fieldNumber(raw: Uint8Array): number {
  return Number(new Reader(raw, '').varint(raw.length) >> 3n);
}
