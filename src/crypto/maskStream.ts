/**
 * Mask streams: a 32-byte key stretched to words uniform on Z_2^32, added to or subtracted from a vector in place.
 * Word i is the little-endian u32 at byte 4i of AES-256-CTR(key, zero initial counter block).
 *
 * A key must mask one vector only; every caller derives a fresh one (HKDF over a context) for each mask.
 * Chunks are 16 KiB: larger outputs of `update()` leave glibc's small-block path and cost twice as much a word.
 * @module
 */
import { createCipheriv } from 'node:crypto';
import { wipe } from './primitives.ts';

const CHUNK_WORDS = 4096;
const ZERO_COUNTER = new Uint8Array(16);
const ZEROS = new Uint8Array(4 * CHUNK_WORDS);

function forEachChunk(key: Uint8Array, length: number, visit: (chunk: Uint32Array, at: number) => void): void {
  const cipher = createCipheriv('aes-256-ctr', key, ZERO_COUNTER);
  for (let at = 0; at < length; at += CHUNK_WORDS) {
    const bytes = cipher.update(ZEROS.subarray(0, 4 * Math.min(CHUNK_WORDS, length - at)));
    const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
    visit(new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4), at);
    wipe(bytes, aligned);
  }
}

/** `words[i] += mask[i] mod 2^32`, in place. `key`: 32 bytes, secret, for this vector only. */
export function addMask(words: Uint32Array, key: Uint8Array): void {
  forEachChunk(key, words.length, (chunk, at) => {
    for (let i = 0; i < chunk.length; i++) words[at + i] = (words[at + i]! + chunk[i]!) | 0;
  });
}

/** `words[i] -= mask[i] mod 2^32`, in place; the inverse of {@link addMask} under the same key. */
export function subtractMask(words: Uint32Array, key: Uint8Array): void {
  forEachChunk(key, words.length, (chunk, at) => {
    for (let i = 0; i < chunk.length; i++) words[at + i] = (words[at + i]! - chunk[i]!) | 0;
  });
}
