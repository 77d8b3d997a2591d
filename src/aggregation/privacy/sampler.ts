/**
 * Draws integer noise exactly: every value has precisely the probability of its distribution, given uniform bits.
 *
 * Rejection from a staircase (Devroye, "A simple generator for discrete log-concave distributions", 1987): with w such that
 * f(w) ≤ f(0)/2, log-concavity gives f(y) ≤ f(0)·2^−⌊y/w⌋. A stair b with probability 2^−(b+1) and a place on it cost
 * random bits only; y is then kept with probability p = 2^b·f(y)/f(0) ≤ 1, about every second time.
 *
 * The decision "is the uniform number U below p" is taken on doubles only when the digits drawn of U so far and the error
 * bound of p leave no doubt; otherwise (about once in 2^43 decisions) p is computed in integers and U drawn to as many more
 * digits as it takes. So no rounding error shows in any probability, and nothing has to be charged to δ.
 *
 * Not constant time: how long a draw took says something about it to whoever can time a single one.
 * @module
 */
import type { RandomBytes } from '../../crypto/index.ts';
import { distributionOf, FILTER_ERROR, type IntegerDistribution, type IntegerNoise } from './distributions.ts';
import { RandomWords } from './randomWords.ts';

/** How many digits of U the exact comparison starts with, and how many more it draws when they are not enough. */
const EXACT_BITS = 128;
const MORE_BITS = 64;

/** A source of independent numbers of one distribution; the same random bytes give the same numbers. */
export class NoiseSampler {
  readonly #distribution: IntegerDistribution;
  readonly #words: RandomWords;

  /** @throws RangeError when the variance is out of range. */
  constructor(noise: IntegerNoise, variance: number, randomBytes: RandomBytes) {
    this.#distribution = distributionOf(noise, variance);
    this.#words = new RandomWords(randomBytes);
  }

  /** One number. Secret until it is masked or summed. */
  draw(): number {
    const words = this.#words;
    const { halfWidth } = this.#distribution;
    for (;;) {
      let word = words.next();
      const isNegative = (word & 1) === 1;
      word >>>= 1;
      let stair = Math.clz32(word) - 1;
      while (word === 0) {
        word = words.next();
        stair += Math.clz32(word);
      }
      const y = stair * halfWidth + words.below(halfWidth);
      if (y === 0) {
        if (isNegative) continue; // or 0 would come twice as often
        return 0;
      }
      if (keeps(this.#distribution, y, stair, words)) return isNegative ? -y : y;
    }
  }

  /** Adds one number to each of `target`, in place; doubles are exact up to 2^53, 32-bit words wrap. */
  addTo(target: Int32Array | Float64Array): void {
    for (let i = 0; i < target.length; i++) target[i] = target[i]! + this.draw();
  }

  /** Forgets the random bytes fetched and not yet used. */
  wipe(): void {
    this.#words.wipe();
  }
}

/** Whether a uniform U in [0, 1) is below p = 2^stair·f(y)/f(0); decided without error. */
export function keeps(distribution: IntegerDistribution, y: number, stair: number, words: RandomWords): boolean {
  const p = distribution.ratio(y) * 2 ** stair;
  const first = words.next();
  if ((first + 1) * 2 ** -32 <= p - FILTER_ERROR) return true;
  if (first * 2 ** -32 >= p + FILTER_ERROR) return false;
  const second = words.next();
  const u = first * 2 ** -32 + (second >>> 11) * 2 ** -53; // exact: 53 digits
  if (u + 2 ** -53 <= p - FILTER_ERROR) return true;
  if (u >= p + FILTER_ERROR) return false;
  let bits = 64;
  let digits = (BigInt(first) << 32n) | BigInt(second);
  const more = (count: number): void => {
    for (; count > 0; count -= 32, bits += 32) digits = (digits << 32n) | BigInt(words.next());
  };
  more(EXACT_BITS - bits);
  for (;;) {
    // U is in [digits, digits + 1]/2^bits, p in [exact − 2, exact + 2]/2^bits
    const exact = distribution.exactRatio(y, bits + stair);
    if (digits + 1n <= exact - 2n) return true;
    if (digits >= exact + 2n) return false;
    more(MORE_BITS);
  }
}
