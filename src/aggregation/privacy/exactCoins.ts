/**
 * Coins and dice whose probabilities are exact, from random words and integers only: what pure ε-privacy is drawn with.
 * @source Canonne, Kamath, Steinke, "The discrete Gaussian for differential privacy" (NeurIPS 2020), section 5.1.
 * @module
 */
import type { RandomWords } from './randomWords.ts';

/** Uniform integer in [0, limit). @param limit - ≥ 1. */
export function uniformBelow(limit: bigint, words: RandomWords): bigint {
  if (limit <= 1n << 32n) return BigInt(words.below(Number(limit)));
  const bits = (limit - 1n).toString(2).length;
  const surplus = BigInt((32 - (bits % 32)) % 32);
  for (;;) {
    let value = 0n;
    for (let drawn = 0; drawn < bits; drawn += 32) value = (value << 32n) | BigInt(words.next());
    value >>= surplus;
    if (value < limit) return value;
  }
}

/** True with probability exp(−numerator/denominator) exactly (algorithm 1). @param numerator - ≥ 0. @param denominator - > 0. */
export function isExpHead(numerator: bigint, denominator: bigint, words: RandomWords): boolean {
  // one coin for each whole unit of the exponent: all must show heads, and most do not get far
  for (let whole = numerator / denominator; whole > 0n; whole--) if (!isSmallExpHead(1n, 1n, words)) return false;
  return isSmallExpHead(numerator % denominator, denominator, words);
}

/** For exponents in [0, 1]: the first k with a tail at probability γ/k is odd with probability exp(−γ). */
function isSmallExpHead(numerator: bigint, denominator: bigint, words: RandomWords): boolean {
  for (let k = 1n; ; k++) if (uniformBelow(denominator * k, words) >= numerator) return k % 2n === 1n;
}
