/**
 * Discrete Laplace noise: integers y with probability proportional to exp(−|y|/scale), drawn exactly. A whole number that
 * one unit moves by at most Δ is (Δ/scale)-differentially private with it, whatever its size (Ghosh, Roughgarden,
 * Sundararajan 2012).
 *
 * Not constant time: how long a draw took says something about it to whoever can time a single one.
 * @module
 */
import type { RandomBytes } from '../../crypto/index.ts';
import { isExpHead, uniformBelow } from './exactCoins.ts';
import { RandomWords } from './randomWords.ts';

/** A scale as an exact fraction of two integers above 0. */
export interface ExactScale {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** A source of independent numbers; the same random bytes give the same numbers. */
export class DiscreteLaplace {
  readonly #scale: ExactScale;
  readonly #words: RandomWords;

  /** @throws RangeError for a scale that is not above 0. */
  constructor(scale: ExactScale, randomBytes: RandomBytes) {
    if (scale.numerator <= 0n || scale.denominator <= 0n) throw new RangeError('scale must be above 0');
    this.#scale = scale;
    this.#words = new RandomWords(randomBytes);
  }

  /**
   * One number. Secret until it is added.
   * @source Canonne, Kamath, Steinke 2020, algorithm 2: a geometric number of steps of 1/numerator, divided down.
   */
  draw(): bigint {
    const { numerator, denominator } = this.#scale;
    const words = this.#words;
    for (;;) {
      const rest = uniformBelow(numerator, words);
      if (!isExpHead(rest, numerator, words)) continue;
      let whole = 0n;
      while (isExpHead(1n, 1n, words)) whole++;
      const y = (rest + numerator * whole) / denominator;
      const isNegative = (words.next() & 1) === 1;
      if (y === 0n && isNegative) continue; // or 0 would come twice as often
      return isNegative ? -y : y;
    }
  }

  /** Forgets the random bytes fetched and not yet used. */
  wipe(): void {
    this.#words.wipe();
  }
}

/** Pr[y ≥ t] for whole t ≥ 1: q^t/(1 + q) with q = exp(−1/scale). */
export function laplaceTail(scale: number, t: number): number {
  return Math.exp(-t / scale) / (1 + Math.exp(-1 / scale));
}
