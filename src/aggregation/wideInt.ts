/**
 * Exact sums of metrics inside a vector mod 2^32. A number becomes a 128-bit two's-complement integer of 2^-48 units, cut
 * into 8 digits base 2^16, one word each. Digits of up to 2^15 pods add up without wrapping (2^15·(2^16 − 1) < 2^31);
 * carries are settled when the sum is decoded.
 *
 * The pod-side conversion uses BigInt and is not constant time; its inputs are a pod's own, never keys.
 * @module
 */
import { KonsilError } from '../base/index.ts';

/** Words a wide number takes. */
export const WIDE_WORDS = 8;
const FRACTION_BITS = 48;
/** |value| < 2^64 leaves 2^15 pods inside 128 bits: 64 + 48 + 15 < 128. */
const LIMIT = 2 ** 64;

/**
 * The 8 words of `value`, lowest digit first. Exact when `value` is a multiple of 2^-48, else rounded to the nearest.
 * @throws KonsilError AGG_OVERFLOW unless |value| < 2^64.
 */
export function encodeWide(value: number, name = 'value'): Uint32Array {
  if (!(Math.abs(value) < LIMIT))
    throw new KonsilError('AGG_OVERFLOW', `${name} must be a number with magnitude below 2^64`, { name });
  let rest = BigInt.asUintN(128, BigInt(Math.round(value * 2 ** FRACTION_BITS)));
  return Uint32Array.from({ length: WIDE_WORDS }, () => {
    const digit = Number(rest & 0xffffn);
    rest >>= 16n;
    return digit;
  });
}

/** The sum of wide numbers whose words were added up; exact, then rounded once to the nearest double. */
export function decodeWide(words: Uint32Array): number {
  if (words.length !== WIDE_WORDS) throw new RangeError(`a wide number has ${WIDE_WORDS} words, got ${words.length}`);
  const total = words.reduceRight((sum, word) => (sum << 16n) + BigInt(word), 0n);
  return Number(BigInt.asIntN(128, total)) / 2 ** FRACTION_BITS;
}

/** Largest count a pod may send so that `cohort` of them fit one word. */
export function maxCount(cohort: number): number {
  return Math.floor(0xffffffff / cohort);
}

/** `count` as one word, exact in the sum. @throws KonsilError AGG_OVERFLOW unless an integer in [0, maxCount(cohort)]. */
export function encodeCount(count: number, cohort: number, name = 'count'): number {
  if (!Number.isInteger(count) || count < 0 || count > maxCount(cohort))
    throw new KonsilError('AGG_OVERFLOW', `${name} must be an integer in [0, ${maxCount(cohort)}], got ${count}`, {
      name,
    });
  return count;
}
