/**
 * Bytes of a given length whose fields are set by offset, for files that tests write.
 * @module
 */

/** Little-endian unless told otherwise; what is not set is 0. */
export class ByteWriter {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #little: boolean;

  constructor(size: number, { bigEndian = false } = {}) {
    this.bytes = new Uint8Array(size);
    this.#view = new DataView(this.bytes.buffer);
    this.#little = !bigEndian;
  }

  u8(at: number, value: number): this {
    this.#view.setUint8(at, value);
    return this;
  }
  u16(at: number, ...values: readonly number[]): this {
    values.forEach((value, i) => this.#view.setUint16(at + 2 * i, value, this.#little));
    return this;
  }
  /** Negative values are stored as two's complement. */
  u32(at: number, ...values: readonly number[]): this {
    values.forEach((value, i) => this.#view.setUint32(at + 4 * i, value, this.#little));
    return this;
  }
  u64(at: number, ...values: readonly bigint[]): this {
    values.forEach((value, i) => this.#view.setBigUint64(at + 8 * i, value, this.#little));
    return this;
  }
  f32(at: number, ...values: readonly number[]): this {
    values.forEach((value, i) => this.#view.setFloat32(at + 4 * i, value, this.#little));
    return this;
  }
  f64(at: number, ...values: readonly number[]): this {
    values.forEach((value, i) => this.#view.setFloat64(at + 8 * i, value, this.#little));
    return this;
  }
  /** Latin-1 text, not terminated. */
  text(at: number, text: string): this {
    return this.put(at, Buffer.from(text, 'latin1'));
  }
  put(at: number, bytes: Uint8Array): this {
    this.bytes.set(bytes, at);
    return this;
  }
}

/** Days since 1899-12-30 of a date `YYYY-MM-DD`. */
export function oleDaysOf(date: string): number {
  return (Date.parse(date) - Date.UTC(1899, 11, 30)) / 86_400_000;
}

/** 100 ns since 1601 of an ISO time. */
export function fileTimeOf(time: string): bigint {
  return BigInt(Date.parse(time) - Date.UTC(1601, 0, 1)) * 10_000n;
}
