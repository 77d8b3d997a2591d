/**
 * Writes the Protocol Buffers wire format, driven by the tables of `wire.ts`.
 * @module
 * @source Protocol Buffers encoding, https://protobuf.dev/programming-guides/encoding/
 */
import { type Bag, BYTES, type Field, type FieldType, fieldNumber, type Message, type Schema, wireOf } from './wire.ts';

const utf8Encoder = new TextEncoder();

/** Bytes that a block of small fields is written to; longer byte strings are only referred to until the end. */
const BLOCK = 1 << 14;
const LONG = 1 << 10;

/** Writes from the last byte to the first: the length of a nested message, which stands before it, is known by then. */
class Writer {
  /** From the last to the first. */
  readonly #chunks: Uint8Array[] = [];
  #block = new Uint8Array(BLOCK);
  #view = new DataView(this.#block.buffer);
  #at = BLOCK;
  length = 0;

  /** Makes room for `count` bytes, at most {@link LONG}, and gives where they go. */
  #take(count: number): number {
    if (this.#at < count) {
      this.#flush();
      this.#block = new Uint8Array(BLOCK);
      this.#view = new DataView(this.#block.buffer);
      this.#at = BLOCK;
    }
    this.#at -= count;
    this.length += count;
    return this.#at;
  }

  #flush(): void {
    this.#chunks.push(this.#block.subarray(this.#at));
    this.#block = this.#block.subarray(0, this.#at);
  }

  bytes(value: Uint8Array): void {
    if (value.length <= LONG) {
      const at = this.#take(value.length);
      return this.#block.set(value, at);
    }
    this.#flush();
    this.#chunks.push(value);
    this.length += value.length;
  }

  varint(value: bigint | number): void {
    if (typeof value === 'bigint' || value < 0 || value > 0x7fff_ffff) return this.#wideVarint(BigInt(value));
    const count = value < 0x80 ? 1 : Math.ceil((32 - Math.clz32(value)) / 7);
    let at = this.#take(count);
    let rest = value;
    for (; rest > 0x7f; rest >>>= 7) this.#block[at++] = (rest & 0x7f) | 0x80;
    this.#block[at] = rest;
  }

  #wideVarint(value: bigint): void {
    const out: number[] = [];
    let rest = BigInt.asUintN(64, value);
    if (rest <= 0x7fff_ffffn) return this.varint(Number(rest));
    for (; rest > 0x7fn; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80);
    out.push(Number(rest));
    this.bytes(Uint8Array.from(out));
  }

  float(value: number): void {
    const at = this.#take(4);
    this.#view.setFloat32(at, value, true);
  }

  double(value: number): void {
    const at = this.#take(8);
    this.#view.setFloat64(at, value, true);
  }

  text(value: string): void {
    // nearly all of it is names in ASCII
    if (value.length > LONG || /[^\0-\x7f]/.test(value)) return this.bytes(utf8Encoder.encode(value));
    const at = this.#take(value.length);
    for (let i = 0; i < value.length; i++) this.#block[at + i] = value.charCodeAt(i);
  }

  finish(): Uint8Array {
    this.#flush();
    const out = new Uint8Array(this.length);
    let at = 0;
    for (const chunk of this.#chunks.toReversed()) {
      out.set(chunk, at);
      at += chunk.length;
    }
    return out;
  }
}

function writeScalar(out: Writer, type: FieldType, value: unknown): void {
  if (type === 'float') out.float(value as number);
  else if (type === 'double') out.double(value as number);
  else out.varint(value as bigint | number);
}

function writeDelimited(out: Writer, number: number, write: () => void): void {
  const end = out.length;
  write();
  out.varint(out.length - end);
  out.varint((number << 3) | BYTES);
}

function writeBody(out: Writer, type: FieldType, value: unknown): void {
  if (typeof type === 'function') writeMessage(out, value as Bag, type());
  else if (type === 'string') out.text(value as string);
  else out.bytes(value as Uint8Array);
}

/** Values from the last to the first. */
function writeField(out: Writer, number: number, { type, packed }: Field, values: readonly unknown[]): void {
  if (packed && values.length > 0)
    writeDelimited(out, number, () => {
      for (let i = values.length - 1; i >= 0; i--) writeScalar(out, type, values[i]);
    });
  if (packed) return;
  const wire = wireOf(type);
  for (let i = values.length - 1; i >= 0; i--) {
    if (wire === BYTES) writeDelimited(out, number, () => writeBody(out, type, values[i]));
    else {
      writeScalar(out, type, values[i]);
      out.varint((number << 3) | wire);
    }
  }
}

function writeMessage(out: Writer, message: Bag, fields: Schema): void {
  // protoc writes fields by number; doing the same gives its files back byte for byte
  const raws = message.unknown.map((bytes) => ({ number: fieldNumber(bytes), bytes }));
  const numbers = raws.length === 0 ? fields.keys() : new Set([...fields.keys(), ...raws.map(({ number }) => number)]);
  for (const number of [...numbers].sort((a, b) => b - a)) {
    for (const raw of raws.toReversed()) if (raw.number === number) out.bytes(raw.bytes);
    const field = fields.get(number);
    const value = field && message[field.name];
    if (field !== undefined && value !== undefined)
      writeField(out, number, field, field.repeated ? (value as readonly unknown[]) : [value]);
  }
}

/** Wire bytes of `message`, fields in the order of their numbers. */
export function encodeMessage(message: Message, fields: Schema): Uint8Array {
  const out = new Writer();
  writeMessage(out, message as Bag, fields);
  return out.finish();
}
