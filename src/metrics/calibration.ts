/**
 * Whether probabilities are what happens: ten bins of equal width on the predicted probability, which sites can add up
 * exactly (rows by outcome, and the sum of probabilities of each bin).
 * @module
 */
import { bootstrapValues, percentiles } from './bootstrap.ts';
import { estimateOf, undefinedEstimate } from './estimate.ts';
import type { Curves, Estimate } from './groupEvaluation.ts';
import { wilsonInterval } from './intervals.ts';
import { total } from './ranking.ts';

/** Bins of width 0.1; the last includes 1. */
export const CALIBRATION_BINS = 10;

/** Sums of rows by bin of probability. */
export interface CalibrationBins {
  readonly negative: ArrayLike<number>;
  readonly positive: ArrayLike<number>;
  /** Sum of probabilities. */
  readonly probability: ArrayLike<number>;
}

/** @param probabilities - Shape `[rows]`, in [0, 1]. @param labels - Shape `[rows]`, 0 or 1. */
export function calibrationBins(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
): { readonly negative: Uint32Array; readonly positive: Uint32Array; readonly probability: Float64Array } {
  const negative = new Uint32Array(CALIBRATION_BINS);
  const positive = new Uint32Array(CALIBRATION_BINS);
  const probability = new Float64Array(CALIBRATION_BINS);
  for (let i = 0; i < labels.length; i++) {
    const p = probabilities[i]!;
    const bin = Math.min(CALIBRATION_BINS - 1, Math.floor(p * CALIBRATION_BINS));
    (labels[i] === 1 ? positive : negative)[bin]! += 1;
    probability[bin]! += p;
  }
  return { negative, positive, probability };
}

/** Σ |predicted - observed| · rows / all rows. @source Naeini et al., AAAI (2015). */
function calibrationError({ negative, positive, probability }: CalibrationBins): number | null {
  let [gap, rows] = [0, 0];
  for (let b = 0; b < positive.length; b++) {
    gap += Math.abs(probability[b]! - positive[b]!);
    rows += negative[b]! + positive[b]!;
  }
  return rows > 0 ? gap / rows : null;
}

/**
 * Expected calibration error with a basic (reflected) bootstrap interval, given the scores: outcomes of each bin are drawn
 * again as often as they were observed. Reflected because the error is biased upwards, and resamples are more so; widened to
 * hold the value where the bias is larger than the spread.
 */
export function calibrationErrorEstimate(bins: CalibrationBins, resamples: number): Estimate {
  const value = calibrationError(bins);
  if (value === null) return undefinedEstimate();
  const strata = Array.from({ length: bins.positive.length }, (_, b) => [bins.negative[b]!, bins.positive[b]!]);
  const drawn = bootstrapValues(strata, resamples, (counts) =>
    calibrationError({ ...bins, negative: counts.map(([n]) => n!), positive: counts.map(([, p]) => p!) }),
  );
  const found = percentiles(drawn, resamples);
  if (found === null) return estimateOf(value);
  const [low, high] = found.interval;
  return estimateOf(value, [Math.min(value, Math.max(0, 2 * value - high)), Math.max(value, 2 * value - low)], {
    method: 'basic bootstrap of bins',
    standardError: found.standardError,
  });
}

/**
 * Murphy's parts of the Brier loss on the bins: reliability (0 is best) - resolution (more is better) + uncertainty is the
 * loss up to what differs inside bins.
 * @source Murphy, Journal of Applied Meteorology 12 (1973); Stephenson et al., Weather and Forecasting 23 (2008) for bins.
 */
export function brierParts({ negative, positive, probability }: CalibrationBins): {
  readonly reliability: number;
  readonly resolution: number;
  readonly uncertainty: number;
} | null {
  const rows = total(negative) + total(positive);
  if (rows === 0) return null;
  const prevalence = total(positive) / rows;
  let [reliability, resolution] = [0, 0];
  for (let b = 0; b < positive.length; b++) {
    const inBin = negative[b]! + positive[b]!;
    if (inBin === 0) continue;
    reliability += (probability[b]! - positive[b]!) ** 2 / inBin / rows;
    resolution += (inBin * (positive[b]! / inBin - prevalence) ** 2) / rows;
  }
  return { reliability, resolution, uncertainty: prevalence * (1 - prevalence) };
}

/** Mean probability beside the share of positives, one point a bin that has rows; Wilson's band. */
export function calibrationCurve({ negative, positive, probability }: CalibrationBins): Curves['calibration'] {
  const filled = Array.from({ length: positive.length }, (_, b) => b).filter((b) => negative[b]! + positive[b]! > 0);
  if (filled.length === 0) return undefined;
  const rows = filled.map((b) => negative[b]! + positive[b]!);
  const band = filled.map((b, i) => wilsonInterval(positive[b]!, rows[i]!));
  return {
    predicted: filled.map((b, i) => probability[b]! / rows[i]!),
    observed: filled.map((b, i) => positive[b]! / rows[i]!),
    rows,
    band: { low: band.map(([low]) => low), high: band.map(([, high]) => high) },
  };
}
