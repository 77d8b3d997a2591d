/**
 * 95 % intervals of pooled metrics.
 * @module
 */
import { normal, type Rng, seededRng } from '../base/index.ts';

/** 97.5 % quantile of the standard normal distribution. */
const Z = 1.959963984540054;

/** Both ends of an interval. */
export type Interval = readonly [low: number, high: number];

/** Interval of a share `hits / all`. @source Wilson (1927); stays inside [0, 1] and is sound for small `all`. */
export function wilsonInterval(hits: number, all: number): Interval {
  const share = hits / all;
  const centre = (share + (Z * Z) / (2 * all)) / (1 + (Z * Z) / all);
  const half = (Z * Math.sqrt((share * (1 - share)) / all + (Z * Z) / (4 * all * all))) / (1 + (Z * Z) / all);
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

/**
 * Interval of an F1 score: F1 = 2s / (1 + s) grows with the share s = TP / (TP + FP + FN) of a binomial count, so
 * Wilson's limits of s carry over, also when every row is right. Null when there is nothing to count.
 */
export function f1Interval(truePositives: number, errors: number): Interval | null {
  if (truePositives + errors === 0) return null;
  const [low, high] = wilsonInterval(truePositives, truePositives + errors);
  return [(2 * low) / (1 + low), (2 * high) / (1 + high)];
}

/** Standard error of an AUC. @source Hanley and McNeil, Radiology 143 (1982), equation 1. */
function aucStandardError(auc: number, negatives: number, positives: number): number {
  const q1 = auc / (2 - auc);
  const q2 = (2 * auc * auc) / (1 + auc);
  const variance = auc * (1 - auc) + (positives - 1) * (q1 - auc * auc) + (negatives - 1) * (q2 - auc * auc);
  return Math.sqrt(Math.max(0, variance) / (negatives * positives));
}

/**
 * Interval of an AUC, widened by `bound`, inside [0, 1]: the areas whose own standard error makes `auc` plausible. Unlike
 * `auc` ± its error, it has a width when every pair was ordered rightly.
 * @source Newcombe, Statistics in Medicine 25 (2006), method 5.
 */
export function aucInterval(auc: number, negatives: number, positives: number, bound = 0): Interval {
  const plausible = (area: number): boolean => Math.abs(auc - area) <= Z * aucStandardError(area, negatives, positives);
  /** The last plausible area on the way from `auc` to `end`; bisection to 1e-6. */
  const limit = (end: number): number => {
    if (plausible(end)) return end;
    let [inside, outside] = [auc, end];
    while (Math.abs(outside - inside) > 1e-6) {
      const middle = (inside + outside) / 2;
      if (plausible(middle)) inside = middle;
      else outside = middle;
    }
    return inside;
  };
  return [Math.max(0, limit(0) - bound), Math.min(1, limit(1) + bound)];
}

/** Normal interval of a mean from `count` values with this sum and sum of squares; null for fewer than two. */
export function meanInterval(sum: number, sumSquares: number, count: number): Interval | null {
  if (count < 2) return null;
  const mean = sum / count;
  const variance = Math.max(0, sumSquares - count * mean * mean) / (count - 1);
  const half = Z * Math.sqrt(variance / count);
  return [mean - half, mean + half];
}

const RESAMPLES = 1000;

/**
 * Percentile interval of `metric` over multinomial resamples of `counts`; the same input gives the same interval. Null
 * when the metric is undefined in more than half of the resamples.
 */
export function bootstrapInterval(
  counts: ArrayLike<number>,
  metric: (counts: Float64Array) => number | null,
): Interval | null {
  const rng = seededRng(0, 'bootstrap');
  const values: number[] = [];
  for (let i = 0; i < RESAMPLES; i++) {
    const value = metric(multinomial(counts, rng));
    if (value !== null) values.push(value);
  }
  if (values.length < RESAMPLES / 2) return null;
  values.sort((a, b) => a - b);
  const quantile = (q: number): number => values[Math.round(q * (values.length - 1))]!;
  return [quantile(0.025), quantile(0.975)];
}

/** As many draws as `counts` sum to, each cell as likely as its count says: binomials given what is left. */
function multinomial(counts: ArrayLike<number>, rng: Rng): Float64Array {
  let left = 0;
  for (let i = 0; i < counts.length; i++) left += counts[i]!;
  let weight = left;
  return Float64Array.from(counts, (count) => {
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
