/**
 * The exponential mechanism, drawn exactly: one of some candidates, with probability proportional to exp(−rate·penalty).
 * When one unit moves every penalty by at most Δ, it is (2Δ·rate)-differentially private.
 *
 * By rejection: a candidate uniformly, kept with probability exp(−rate·(penalty − smallest)). The best one is always kept,
 * so that it takes at most as many tries as there are candidates, on average. Not constant time.
 * @source McSherry, Talwar, "Mechanism design via differential privacy" (FOCS 2007); for quantiles: Smith, "Privacy-preserving
 *   statistical estimation with optimal convergence rates" (STOC 2011).
 * @module
 */
import { isExpHead } from './exactCoins.ts';
import type { RandomWords } from './randomWords.ts';

/**
 * Index of the chosen candidate.
 * @param penalties - At least one. @param rate - As the fraction numerator/denominator, both above 0.
 */
export function chooseByPenalty(
  penalties: readonly bigint[],
  rate: { readonly numerator: bigint; readonly denominator: bigint },
  words: RandomWords,
): number {
  if (penalties.length === 0 || rate.numerator <= 0n || rate.denominator <= 0n)
    throw new RangeError('expected at least one candidate and a rate above 0');
  const smallest = penalties.reduce((a, b) => (b < a ? b : a));
  for (;;) {
    const index = words.below(penalties.length);
    if (isExpHead((penalties[index]! - smallest) * rate.numerator, rate.denominator, words)) return index;
  }
}
