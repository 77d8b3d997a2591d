/**
 * Byte strings: joining, text forms, and the length-prefixed framing that every hash and KDF input uses, so that no two
 * different lists of fields ever give the same bytes.
 * @module
 */

const encoder = new TextEncoder();

/** UTF-8 bytes of `text`. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Text of another party as a terminal may show it: without control characters, which could rewrite the screen. */
export function printable(text: string): string {
  return text.replace(/\p{C}/gu, ' ');
}

/** The parts one after another, copied. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Big-endian unsigned integer of 4 bytes. @throws RangeError outside [0, 2^32). */
export function u32be(value: number): Uint8Array {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff)
    throw new RangeError(`u32 needs an integer in [0, 2^32), got ${value}`);
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/**
 * Injective framing of a list of fields: each as 4-byte big-endian length and bytes; text as UTF-8, numbers as u32.
 * Two different lists never frame to the same bytes.
 */
export function frame(...fields: readonly (Uint8Array | string | number)[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const field of fields) {
    const bytes = typeof field === 'string' ? utf8(field) : typeof field === 'number' ? u32be(field) : field;
    parts.push(u32be(bytes.length), bytes);
  }
  return concatBytes(...parts);
}

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

/** Base64url without padding. */
export function toBase64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url');
}

/** Strict inverse of {@link toBase64Url}. @throws RangeError when `text` is not canonical base64url. */
export function fromBase64Url(text: string): Uint8Array {
  const bytes = new Uint8Array(Buffer.from(text, 'base64url'));
  if (toBase64Url(bytes) !== text) throw new RangeError('expected unpadded base64url');
  return bytes;
}

/** Whether two public byte strings are equal. Not constant time: for secrets use `equalSecret` of crypto. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** The bytes behind a typed array, little-endian as every supported platform stores them; a view, not a copy. */
export function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** Float32 values of little-endian `bytes`, copied (so that any byte offset is fine). @throws RangeError unless a multiple of 4. */
export function float32Of(bytes: Uint8Array): Float32Array {
  if (bytes.length % 4 !== 0) throw new RangeError(`float32 bytes need a multiple of 4, got ${bytes.length}`);
  // not bytes.slice(), which of a Buffer is a view on the same memory
  return new Float32Array(new Uint8Array(bytes).buffer);
}
