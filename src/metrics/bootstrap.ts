/**
 * Stratified bootstrap of counts: with counts of distinct outcomes, drawing rows again is drawing multinomial counts, at a
 * cost that does not grow with the rows. The same input gives the same interval.
 * @module
 */
import { normal, type Rng, seededRng } from '../base/index.ts';
import type { ScoreHistogram } from './histogram.ts';
import type { Interval } from './intervals.ts';

/** @default resamples of an interval */
export const RESAMPLES = 500;

/**
 * `metric` of `resamples` draws; each stratum keeps its number of rows. Undefined ones are left out.
 * @param strata - Counts of outcomes, one list a stratum.
 */
export function bootstrapValues(
  strata: readonly ArrayLike<number>[],
  resamples: number,
  metric: (strata: readonly number[][]) => number | null,
): number[] {
  const rng = seededRng(0, 'bootstrap');
  const values: number[] = [];
  for (let i = 0; i < resamples; i++) {
    const value = metric(strata.map((counts) => Array.from(multinomial(counts, rng))));
    if (value !== null) values.push(value);
  }
  return values;
}

/** Interval between the 2.5 % and 97.5 % quantiles, and the standard deviation. Null when fewer than half are defined. */
export function percentiles(
  values: readonly number[],
  resamples: number,
): { readonly interval: Interval; readonly standardError: number } | null {
  if (values.length < 2 || values.length < resamples / 2) return null;
  const sorted = Float64Array.from(values).sort();
  const quantile = (q: number): number => sorted[Math.round(q * (sorted.length - 1))]!;
  const mean = sorted.reduce((a, b) => a + b, 0) / sorted.length;
  const squares = sorted.reduce((a, b) => a + (b - mean) ** 2, 0);
  return {
    interval: [quantile(0.025), quantile(0.975)],
    standardError: Math.sqrt(squares / (sorted.length - 1)),
  };
}

/** Calls `each` with `resamples` draws of groups, positives and negatives apart; the arrays are used again. */
export function resampleGroups(groups: ScoreHistogram, resamples: number, each: (drawn: ScoreHistogram) => void): void {
  const rng = seededRng(0, 'bootstrap');
  const draw = [groups.negative, groups.positive].map(sampler);
  for (let i = 0; i < resamples; i++) each({ negative: draw[0]!(rng), positive: draw[1]!(rng) });
}

/** Draws from counts: row by row where groups are small, else by binomials. */
function sampler(counts: Uint32Array): (rng: Rng) => Uint32Array {
  const rows = counts.reduce((a, b) => a + b, 0);
  const drawn = new Uint32Array(counts.length);
  if (rows > 4 * counts.length)
    return (rng) => {
      drawn.set(multinomial(counts, rng));
      return drawn;
    };
  const groupOf = new Uint32Array(rows);
  let at = 0;
  counts.forEach((count, group) => {
    groupOf.fill(group, at, (at += count));
  });
  return (rng) => {
    drawn.fill(0);
    for (let i = 0; i < rows; i++) drawn[groupOf[Math.floor(rng() * rows)]!]! += 1;
    return drawn;
  };
}

/** As many draws as `counts` sum to, each cell as likely as its count says: binomials given what is left. */
function multinomial(counts: ArrayLike<number>, rng: Rng): Float64Array {
  let left = 0;
  for (let i = 0; i < counts.length; i++) left += counts[i]!;
  let weight = left;
  left = Math.round(left); // expected counts add up to whole rows but for rounding
  return Float64Array.from(counts, (count) => {
    if (count === 0) return 0;
    const drawn = weight > 0 ? binomial(left, Math.min(1, count / weight), rng) : 0;
    left -= drawn;
    weight -= count;
    return drawn;
  });
}

/** Number of successes in `n` trials: exact by gaps when few are expected, else the normal approximation. */
function binomial(n: number, p: number, rng: Rng): number {
  if (p > 0.5) return n - binomial(n, 1 - p, rng);
  if (p <= 0 || n === 0) return 0;
  if (n * p > 30) return Math.min(n, Math.max(0, Math.round(n * p + Math.sqrt(n * p * (1 - p)) * normal(rng))));
  const logMiss = Math.log1p(-p);
  let successes = 0;
  for (let trial = 0; ; successes++) {
    trial += 1 + Math.floor(Math.log(1 - rng()) / logMiss); // trials until the next success are geometric
    if (trial > n) return successes;
  }
}
