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
 * Expected calibration error. It is biased upwards, and resamples of it more so, hence an interval of its own: rows of each
 * bin and outcome are drawn again; the high end is the resamples' quantile, the low end its reflection at the value, or 0
 * when outcomes drawn with the predicted probabilities give an error as large.
 * @source Davison and Hinkley, Bootstrap Methods (1997), §5.2.1 (reflection); Bröcker and Smith, Weather and Forecasting 22
 * (2007) (outcomes drawn with the predictions).
 */
export function calibrationErrorEstimate(bins: CalibrationBins, resamples: number): Estimate {
  const value = calibrationError(bins);
  if (value === null) return undefinedEstimate();
  const count = bins.positive.length;
  const rows = Array.from({ length: count }, (_, b) => bins.negative[b]! + bins.positive[b]!);
  const mean = rows.map((inBin, b) => (inBin > 0 ? bins.probability[b]! / inBin : 0));
  const errorOf = (negative: readonly number[], positive: readonly number[]): number | null =>
    calibrationError({ negative, positive, probability: mean.map((p, b) => p * (negative[b]! + positive[b]!)) });
  const cells = [...Array.from(bins.negative), ...Array.from(bins.positive)];
  const found = percentiles(
    bootstrapValues([cells], resamples, ([drawn]) => errorOf(drawn!.slice(0, count), drawn!.slice(count))),
    resamples,
  );
  const asPredicted = percentiles(
    bootstrapValues(
      rows.map((inBin, b) => [inBin * (1 - mean[b]!), inBin * mean[b]!]),
      resamples,
      (drawn) =>
        errorOf(
          drawn.map(([negative]) => negative!),
          drawn.map(([, positive]) => positive!),
        ),
    ),
    resamples,
  );
  if (found === null || asPredicted === null) return estimateOf(value);
  const high = Math.max(value, found.interval[1]);
  const low = value <= asPredicted.interval[1] ? 0 : Math.max(0, 2 * value - high);
  return estimateOf(value, [low, high], { method: 'reflected bootstrap of bins', standardError: found.standardError });
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
