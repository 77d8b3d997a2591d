/**
 * Mask streams: a 32-byte key stretched to lanes uniform modulo their width, added to or subtracted from a vector in
 * place. Byte i of the stream is byte i of AES-256-CTR(key, zero initial counter block) and belongs to byte i of the vector.
 *
 * A key must mask one vector only; every caller derives a fresh one (HKDF over a context) for each mask.
 * Chunks are 16 KiB: larger outputs of `update()` leave glibc's small-block path and cost twice as much a word.
 * @module
 */
import { createCipheriv } from 'node:crypto';
import { type LaneBits, type MaskKey, runBytes, type VectorShape } from './lanes.ts';
import { wipe } from './primitives.ts';

const CHUNK_BYTES = 16_384;
const ZERO_COUNTER = new Uint8Array(16);
const ZEROS = new Uint8Array(CHUNK_BYTES);

function lanesOf({ buffer, byteOffset, length }: Uint8Array, bits: LaneBits): Uint8Array | Uint16Array | Uint32Array {
  if (bits === 8) return new Uint8Array(buffer, byteOffset, length);
  return bits === 16
    ? new Uint16Array(buffer, byteOffset, length / 2)
    : new Uint32Array(buffer, byteOffset, length / 4);
}

/** `target += source`, lane by lane modulo 2^bits, in place. Both of one length, aligned to 4 bytes. */
export function addLanes(target: Uint8Array, source: Uint8Array, bits: LaneBits, sign: 1 | -1 = 1): void {
  const [into, from] = [lanesOf(target, bits), lanesOf(source, bits)];
  for (let i = 0; i < into.length; i++) into[i] = into[i]! + sign * from[i]!; // typed arrays wrap modulo their width
}

/** `target += source` for whole vectors of one shape, in place. */
export function addVectors(target: Uint8Array, source: Uint8Array, shape: VectorShape): void {
  let at = 0;
  for (const run of shape) {
    const end = at + runBytes(run);
    addLanes(target.subarray(at, end), source.subarray(at, end), run.bits);
    at = end;
  }
}

/**
 * Applies masks to a vector, in place, chunk by chunk so that it stays in cache.
 * @param vector `shapeBytes(shape)` bytes, aligned to 4.
 */
export function applyMasks(vector: Uint8Array, shape: VectorShape, masks: readonly MaskKey[]): void {
  const streams = masks.map(({ key, sign }) => ({ cipher: createCipheriv('aes-256-ctr', key, ZERO_COUNTER), sign }));
  let at = 0;
  for (const run of shape)
    for (const end = at + runBytes(run); at < end; at += Math.min(CHUNK_BYTES, end - at)) {
      const chunk = vector.subarray(at, Math.min(at + CHUNK_BYTES, end));
      for (const { cipher, sign } of streams) {
        const bytes = cipher.update(ZEROS.subarray(0, chunk.length));
        const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
        addLanes(chunk, aligned, run.bits, sign);
        wipe(bytes, aligned);
      }
    }
}

/** `words[i] += mask[i] mod 2^32`, in place. `key`: 32 bytes, secret, for this vector only. */
export function addMask(words: Uint32Array, key: Uint8Array): void {
  maskWords(words, { key, sign: 1 });
}

/** The inverse of {@link addMask} under the same key. */
export function subtractMask(words: Uint32Array, key: Uint8Array): void {
  maskWords(words, { key, sign: -1 });
}

function maskWords(words: Uint32Array, mask: MaskKey): void {
  if (words.length === 0) return;
  const shape: VectorShape = [{ bits: 32, length: words.length }];
  const padded = new Uint32Array(runBytes(shape[0]!) / 4);
  padded.set(words);
  applyMasks(new Uint8Array(padded.buffer), shape, [mask]);
  words.set(padded.subarray(0, words.length));
}
