/**
 * Random choices of transforms, each from a given stream and in a fixed order.
 * @module
 */
import type { Rng } from '../../base/index.ts';

/** Least and greatest value. */
export type Range = readonly [number, number];

/** Uniform in [low, high). */
export function uniform(rng: Rng, [low, high]: Range): number {
  return low + (high - low) * rng();
}

/** A whole number of [low, high], both included. */
export function integer(rng: Rng, low: number, high: number): number {
  return low + Math.floor(rng() * (high - low + 1));
}

/** A place in `weights`, as likely as its weight; the sum must be positive. */
export function weighted(rng: Rng, weights: readonly number[]): number {
  let rest = rng() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [i, weight] of weights.entries()) {
    if (weight > 0 && rest < weight) return i;
    rest -= weight;
  }
  return weights.findLastIndex((weight) => weight > 0); // rounding
}
