/**
 * The random numbers of stochastic rounding: AES-256-CTR under a key derived from a seed that the pod draws and keeps.
 * Whoever knew them could tell where between two levels a coordinate lay, so the seed is as secret as the update; the same
 * seed gives the same words again, so that a resent vector is the same vector.
 * @module
 */
import { createCipheriv } from 'node:crypto';
import { hkdf, wipe } from '../crypto/index.ts';
import type { RandomWords } from './quantise.ts';

const SEED_BYTES = 32;
const LABEL = 'konsil/quantise/rounding/v1';

/** A stream of uniform words for one vector. `seed`: 32 bytes, secret, for this vector only. */
export function roundingWords(seed: Uint8Array): RandomWords {
  if (seed.length !== SEED_BYTES) throw new RangeError(`a rounding seed has ${SEED_BYTES} bytes, got ${seed.length}`);
  const key = hkdf(seed, new Uint8Array(0), LABEL, 32);
  const cipher = createCipheriv('aes-256-ctr', key, new Uint8Array(16));
  wipe(key);
  let zeros = new Uint8Array(0);
  return {
    next(count) {
      if (zeros.length < 4 * count) zeros = new Uint8Array(4 * count);
      const bytes = cipher.update(zeros.subarray(0, 4 * count));
      return bytes.byteOffset % 4 === 0
        ? new Uint32Array(bytes.buffer, bytes.byteOffset, count)
        : new Uint32Array(new Uint8Array(bytes).buffer);
    },
  };
}
