/**
 * Numbers and text of a file at given offsets. Every read is checked against the length, so that whatever a file says of
 * itself, a reader can only say that the file is broken.
 * @module
 */
import { KonsilError, printable } from '../../base/index.ts';

// Devices write Latin-1; windows-1252 differs from it only in what would be control characters
const latin1 = new TextDecoder('windows-1252');

/** Bytes as text of one line: cut at the first NUL, without control characters and outer blanks. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return printable(latin1.decode(end < 0 ? bytes : bytes.subarray(0, end))).trim();
}

/** Reads a file, or a part of one, little-endian unless told otherwise. */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly label: string;
  readonly #view: DataView;
  readonly #little: boolean;
  readonly #base: number;

  /**
   * @param bytes - What is read; a view, never copied.
   * @param label - The file, for messages.
   * @param base - Where `bytes` begins in the file, for messages.
   */
  constructor(bytes: Uint8Array, label: string, { bigEndian = false, base = 0 } = {}) {
    // of a Buffer, slice() would not copy
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    this.label = label;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#little = !bigEndian;
    this.#base = base;
  }

  get length(): number {
    return this.bytes.length;
  }

  /** Whether `size` bytes lie at `at`. */
  has(at: number, size: number): boolean {
    return Number.isSafeInteger(at) && Number.isSafeInteger(size) && at >= 0 && size >= 0 && at + size <= this.length;
  }

  /** An error that names the file and the place. */
  invalid(at: number, what: string): KonsilError {
    return new KonsilError('DATA_INVALID', `${this.label}: byte ${this.#base + at}: ${what}`);
  }

  #need(at: number, size: number): number {
    if (!this.has(at, size)) throw this.invalid(at, `${size} bytes expected, the file ends before`);
    return at;
  }

  u8(at: number): number {
    return this.#view.getUint8(this.#need(at, 1));
  }
  u16(at: number): number {
    return this.#view.getUint16(this.#need(at, 2), this.#little);
  }
  i16(at: number): number {
    return this.#view.getInt16(this.#need(at, 2), this.#little);
  }
  u32(at: number): number {
    return this.#view.getUint32(this.#need(at, 4), this.#little);
  }
  i32(at: number): number {
    return this.#view.getInt32(this.#need(at, 4), this.#little);
  }
  u64(at: number): bigint {
    return this.#view.getBigUint64(this.#need(at, 8), this.#little);
  }
  i64(at: number): bigint {
    return this.#view.getBigInt64(this.#need(at, 8), this.#little);
  }
  f32(at: number): number {
    return this.#view.getFloat32(this.#need(at, 4), this.#little);
  }
  f64(at: number): number {
    return this.#view.getFloat64(this.#need(at, 8), this.#little);
  }

  /** A view of `size` bytes. */
  slice(at: number, size: number): Uint8Array {
    this.#need(at, size);
    return this.bytes.subarray(at, at + size);
  }

  /** A reader of `size` bytes that begins at 0 and still names places of the file. */
  part(at: number, size: number): ByteReader {
    return new ByteReader(this.slice(at, size), this.label, { bigEndian: !this.#little, base: this.#base + at });
  }

  /** Text of a field of `size` bytes, see {@link textOf}. */
  text(at: number, size: number): string {
    return textOf(this.slice(at, size));
  }

  /** Whether the ASCII text `magic` stands at `at`; false at the end of the file. */
  startsWith(magic: string, at = 0): boolean {
    if (!this.has(at, magic.length)) return false;
    for (let i = 0; i < magic.length; i++) if (this.bytes[at + i] !== magic.charCodeAt(i)) return false;
    return true;
  }
}
