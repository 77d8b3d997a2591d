/**
 * From an update to the words a pod may give away: clipped to a length, rounded so that the length stays bounded, noised.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import type { RandomBytes } from '../../crypto/index.ts';
import { clipFactor, normOf } from './clipping.ts';
import { RandomWords } from './randomWords.ts';
import { NoiseSampler } from './sampler.ts';
import type { NoisePlan } from './sensitivity.ts';

/** Good roundings come at least 39 times of 100, so 200 bad ones in a row (1e-43) mean a broken generator. */
const MOST_ROUNDINGS = 200;

/** A site's words before noise. */
export interface RoundedUpdate {
  /** Whole numbers whose squares sum to at most the plan's `maxSquare`. */
  readonly words: Int32Array;
  /** L2 norm of the update as given. */
  readonly norm: number;
}

/**
 * Clips to `clipNorm` and rounds each coordinate up or down at random, unbiased, again and again until the rounded vector
 * is short enough. The bound is checked on the integers that go out: no rounding error can break it.
 * @param update - Of the plan's dimension; not changed. @throws KonsilError AGG_OVERFLOW naming the first number not finite.
 */
export function roundUpdate(
  update: Float32Array | Float64Array,
  clipNorm: number,
  plan: NoisePlan,
  randomBytes: RandomBytes,
): RoundedUpdate {
  if (update.length !== plan.dimension)
    throw new RangeError(`update must have ${plan.dimension} coordinates, got ${update.length}`);
  const norm = normOf(update);
  if (!Number.isFinite(norm)) {
    const index = update.findIndex((value) => !Number.isFinite(value));
    throw new KonsilError('AGG_OVERFLOW', `update is not finite at index ${index}`, { index });
  }
  const scale = clipFactor(norm, clipNorm) * (plan.levels / clipNorm);
  const random = new RandomWords(randomBytes);
  const words = new Int32Array(update.length);
  for (let tries = 0; tries < MOST_ROUNDINGS; tries++) {
    let square = 0;
    for (let i = 0; i < words.length; i++) {
      const word = Math.floor(update[i]! * scale + random.next() * 2 ** -32);
      words[i] = word;
      square += word * word; // whole and below 2^53: levels are at most 2^20
    }
    if (square <= plan.maxSquare) {
      random.wipe();
      return { words, norm };
    }
  }
  throw new KonsilError('AGG_OVERFLOW', `update could not be rounded within its bound in ${MOST_ROUNDINGS} tries`);
}

/** Adds this pod's share of the noise to `words`, in place. */
export function addNoiseShare(words: Int32Array, plan: NoisePlan, randomBytes: RandomBytes): void {
  const sampler = new NoiseSampler(plan.noise, plan.shareVariance, randomBytes);
  sampler.addTo(words);
  sampler.wipe();
}
