/**
 * Random numbers for differential privacy: from the system's cryptographic generator, never from a seed.
 *
 * Limits of floating point: a sum of doubles plus Box-Muller noise in double is not exactly Gaussian, and its lowest bits
 * can tell more than the proof allows. Here the noisy sum is rounded to float32 before anyone sees it, which hides most
 * of that, but is no proof. Time is not constant either.
 * @module
 * @source Mironov, "On significance of the least significant bits for differential privacy" (2012).
 */
import { randomFillSync } from 'node:crypto';
import type { Rng } from '../../base/index.ts';

/** Words fetched from the system at once. */
const WORDS = 8192;

/** Uniform multiples of 2^-53 in [0, 1) from the system's cryptographic generator. */
export function secureRng(): Rng {
  const words = new Uint32Array(WORDS);
  let at = WORDS;
  return () => {
    if (at === WORDS) {
      randomFillSync(words);
      at = 0;
    }
    const [high, low] = [words[at]! >>> 5, words[at + 1]! >>> 6];
    at += 2;
    return (high * 0x400_0000 + low) / 2 ** 53;
  };
}

/** Adds an independent normal number of mean 0 and deviation `deviation` to each element of `sum`, by Box-Muller. */
export function addGaussian(sum: Float64Array, deviation: number, rng: Rng): void {
  if (deviation === 0) return;
  for (let i = 0; i < sum.length; i += 2) {
    // 1 - u is in (0, 1], so the logarithm is finite
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - rng()));
    const angle = 2 * Math.PI * rng();
    sum[i]! += radius * Math.cos(angle);
    if (i + 1 < sum.length) sum[i + 1]! += radius * Math.sin(angle);
  }
}

/** Row numbers of one batch after another, each row in each batch with probability `rate` on its own. */
export function* poissonBatches(rows: number, rate: number, rng: Rng): Generator<Uint32Array, never> {
  for (;;) {
    const batch: number[] = [];
    for (let row = 0; row < rows; row++) if (rng() < rate) batch.push(row);
    yield Uint32Array.from(batch);
  }
}
