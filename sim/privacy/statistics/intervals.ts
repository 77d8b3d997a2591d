/**
 * Confidence intervals of attacks: of a share of hits, of an area under a ROC curve, of a mean; and what a test with an
 * interval would have detected.
 * @module
 */
import { solveDecreasing } from '../../../src/aggregation/privacy/special.ts';
import { betaBelow, binomialAtLeast, normalQuantile, studentQuantile } from './special.ts';

/** A number with the ends of its interval. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** Confidence of the interval, in (0, 1). */
  readonly confidence: number;
  /** Independent games or rows behind it. */
  readonly n: number;
}

/** Probability with which a deviation of the size that is called detectable is detected. */
export const POWER = 0.95;

/** Exact interval of a share `hits / all`. @source Clopper and Pearson (1934). */
export function shareInterval(hits: number, all: number, confidence: number): Estimate {
  const tail = (1 - confidence) / 2;
  // Pr[X ≤ hits] falls with p, Pr[X < hits] too
  const low = hits === 0 ? 0 : solveDecreasing((p) => 1 - betaBelow(p, hits, all - hits + 1), 1 - tail, 0, 1);
  const high = hits === all ? 1 : solveDecreasing((p) => betaBelow(1 - p, all - hits, hits + 1), tail, 0, 1);
  return { value: hits / all, low, high, confidence, n: all };
}

/** Smallest accuracy above one half that `all` games show with probability {@link POWER}, when an interval of that confidence must leave out one half. */
export function detectableAccuracy(all: number, confidence: number): number {
  const tail = (1 - confidence) / 2;
  let hits = Math.ceil(all / 2);
  while (hits <= all && binomialAtLeast(hits, all, 0.5) > tail) hits++;
  if (hits > all) return 1;
  return solveDecreasing((p) => 1 - binomialAtLeast(hits, all, p), 1 - POWER, 0.5, 1);
}

/** Share of pairs that `positives` and `negatives` order rightly, ties a half; and each score's share of the others. */
function placements(
  positives: readonly number[],
  negatives: readonly number[],
): { auc: number; ofPositives: number[]; ofNegatives: number[] } {
  const above = (a: number, b: number): number => (a > b ? 1 : a === b ? 0.5 : 0);
  const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
  const ofPositives = positives.map((x) => mean(negatives.map((y) => above(x, y))));
  const ofNegatives = negatives.map((y) => mean(positives.map((x) => above(x, y))));
  return { auc: mean(ofPositives), ofPositives, ofNegatives };
}

function variance(values: readonly number[]): number {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / Math.max(1, values.length - 1);
}

/**
 * Area under the ROC curve with DeLong's interval. Where all pairs are ordered alike his variance is zero; the interval
 * is then that of min(m, n) independent pairs, all ordered alike.
 * @source DeLong, DeLong, Clarke-Pearson (1988).
 */
export function aucInterval(positives: readonly number[], negatives: readonly number[], confidence: number): Estimate {
  const [m, n] = [positives.length, negatives.length];
  const { auc, ofPositives, ofNegatives } = placements(positives, negatives);
  const common = { value: auc, confidence, n: m + n };
  const error = Math.sqrt(variance(ofPositives) / m + variance(ofNegatives) / n);
  if (error === 0 && (auc === 0 || auc === 1)) {
    const pairs = Math.min(m, n);
    const { low, high } = shareInterval(auc * pairs, pairs, confidence);
    return { ...common, low, high };
  }
  const half = normalQuantile((1 - confidence) / 2) * error;
  return { ...common, low: Math.max(0, auc - half), high: Math.min(1, auc + half) };
}

/** Smallest area above one half that would be seen with probability {@link POWER}; the variance is that of no ordering at all. */
export function detectableAuc(positives: number, negatives: number, confidence: number): number {
  const error = Math.sqrt((positives + negatives + 1) / (12 * positives * negatives));
  return Math.min(1, 0.5 + (normalQuantile((1 - confidence) / 2) + normalQuantile(1 - POWER)) * error);
}

/** Mean of `values` with Student's interval. */
export function meanInterval(values: readonly number[], confidence: number): Estimate {
  const n = values.length;
  const mean = values.reduce((sum, x) => sum + x, 0) / n;
  const half = studentQuantile((1 - confidence) / 2, n - 1) * Math.sqrt(variance(values) / n);
  return { value: mean, low: mean - half, high: mean + half, confidence, n };
}

/** Smallest mean away from zero that would be seen with probability {@link POWER}, in the values' unit. */
export function detectableMean(values: readonly number[], confidence: number): number {
  const n = values.length;
  return (studentQuantile((1 - confidence) / 2, n - 1) + normalQuantile(1 - POWER)) * Math.sqrt(variance(values) / n);
}

/**
 * The area with the interval of scores that say nothing: its width does not depend on the scores, so that it is as wide as
 * it says far out in the tails too.
 * @source Mann and Whitney (1947).
 */
export function nullAucInterval(
  positives: readonly number[],
  negatives: readonly number[],
  confidence: number,
): Estimate {
  const [m, n] = [positives.length, negatives.length];
  const { auc: value } = placements(positives, negatives);
  const half = normalQuantile((1 - confidence) / 2) * Math.sqrt((m + n + 1) / (12 * m * n));
  return { value, low: Math.max(0, value - half), high: Math.min(1, value + half), confidence, n: m + n };
}
