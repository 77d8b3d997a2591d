/**
 * Uniform permutations from a CSPRNG: the order of a list must tell nothing about who made it.
 * @module
 */
import type { RandomBytes } from '../crypto/index.ts';

/** Words drawn at once. */
const BATCH = 4096;

/** Uniform integers below a bound that may change from call to call. */
function uniformBelow(random: RandomBytes): (bound: number) => number {
  let words = new Uint32Array(0);
  let used = 0;
  return (bound) => {
    // the largest multiple of bound that fits; what lies above would favour small numbers
    const limit = 2 ** 32 - (2 ** 32 % bound);
    for (;;) {
      if (used === words.length) {
        words.fill(0);
        words = new Uint32Array(random(4 * BATCH).slice().buffer);
        used = 0;
      }
      const word = words[used]!;
      words[used++] = 0;
      if (word < limit) return word % bound;
    }
  };
}

/** A uniformly random permutation of 0..length-1; secret. @source Fisher–Yates, as in Knuth, TAOCP vol. 2, algorithm 3.4.2P. */
export function secretPermutation(length: number, random: RandomBytes): Uint32Array {
  const order = Uint32Array.from({ length }, (_, i) => i);
  const below = uniformBelow(random);
  for (let i = length - 1; i > 0; i--) {
    const j = below(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** Items of `width` bytes, the i-th of them taken from place `order[i]`. */
export function permuted(items: Uint8Array, width: number, order: Uint32Array): Uint8Array {
  const out = new Uint8Array(items.length);
  order.forEach((from, to) => out.set(items.subarray(from * width, (from + 1) * width), to * width));
  return out;
}
