/**
 * Figures and curves of one class against the rest, from the sums of a site or of all sites; from a site's own rows the
 * ranking is exact.
 * @module
 */
import { cohensKappa, matthews } from './agreement.ts';
import { bootstrapValues, percentiles, resampleGroups } from './bootstrap.ts';
import { brierParts, type CalibrationBins, calibrationCurve, calibrationErrorEstimate } from './calibration.ts';
import { type BinaryCounts, f1Of } from './confusion.ts';
import { decisionCurve, rankingCurves } from './curves.ts';
import { aucEstimate } from './delong.ts';
import { BOTH_CLASSES, estimateOf, meanEstimate, shareEstimate, undefinedEstimate } from './estimate.ts';
import type { Curves, Estimate } from './groupEvaluation.ts';
import type { ScoreHistogram } from './histogram.ts';
import { f1Interval } from './intervals.ts';
import type { Parts } from './layout.ts';
import { averagePrecision, averagePrecisionOfBins, sensitivityAt, total } from './ranking.ts';

export type Figures = Record<string, Estimate>;

/** Sums of one class against the rest. */
export interface OneClass {
  /** Scores in bins. */
  readonly bins: ScoreHistogram;
  /** Groups of equal scores, at a site. */
  readonly exact?: ScoreHistogram | undefined;
  readonly calibration: CalibrationBins;
  /** Sum and sum of squares over the rows. */
  readonly brier: readonly [number, number];
  readonly logLoss: readonly [number, number];
}

/** The blocks that `oneClassParts` made. */
export function readOneClass({ counts, sums }: Parts, prefix: string, exact?: ScoreHistogram): OneClass {
  const sum = (name: string): number => sums[prefix + name]![0]!;
  return {
    bins: { negative: counts[`${prefix}negative`]!, positive: counts[`${prefix}positive`]! },
    exact,
    calibration: {
      negative: counts[`${prefix}calibrationNegative`]!,
      positive: counts[`${prefix}calibrationPositive`]!,
      probability: sums[`${prefix}probability`]!,
    },
    brier: [sum('brier'), sum('brierSquares')],
    logLoss: [sum('logLoss'), sum('logLossSquares')],
  };
}

/** Rows up to which a site draws rows again, not bins. */
const MOST_DRAWN = 10_000;
export const SENSITIVITY = 'Sensitivity at 95% specificity';

/** ROC AUC, average precision and sensitivity at 95 % specificity. @param resamples - 0 for no bootstrap. */
export function rankingFigures({ bins, exact }: OneClass, resamples: number): Figures {
  const groups = exact ?? bins;
  const isBinned = exact === undefined;
  const auc = aucEstimate(groups, isBinned);
  const precision = isBinned ? averagePrecisionOfBins(groups) : plain(averagePrecision(groups));
  const sensitivity = isBinned ? middle(sensitivityAt(groups, 0.95)) : plain(sensitivityAt(groups, 0.95)?.low ?? null);
  const isSmall = exact !== undefined && total(exact.negative) + total(exact.positive) <= MOST_DRAWN;
  const drawnFrom = isSmall ? exact : bins;
  const drawn = { precision: [] as number[], sensitivity: [] as number[] };
  if (precision && sensitivity)
    resampleGroups(drawnFrom, resamples, (draw) => {
      drawn.precision.push((isSmall ? averagePrecision(draw) : averagePrecisionOfBins(draw)!.value)!);
      const { low, high } = sensitivityAt(draw, 0.95)!;
      drawn.sensitivity.push(isSmall ? low : (low + high) / 2);
    });
  const figure = (found: Ranged | null, values: readonly number[], note: string): Estimate => {
    if (found === null) return undefinedEstimate(note);
    const { value, low, high } = found;
    const bound = Math.max(value - low, high - value);
    const spread = percentiles(values, resamples);
    // bins move the centre of the draws by no more than the bound
    const interval =
      spread &&
      ([
        Math.max(0, Math.min(value, spread.interval[0]) - bound),
        Math.min(1, Math.max(value, spread.interval[1]) + bound),
      ] as const);
    return estimateOf(value, interval, {
      method: isSmall ? 'stratified bootstrap' : 'stratified bootstrap of bins',
      ...(spread && { standardError: spread.standardError }),
      ...(isBinned && { bound, note: `from score bins, within ${bound.toPrecision(2)} of exact` }),
    });
  };
  return {
    'ROC AUC': auc,
    'Average Precision': figure(precision, drawn.precision, 'needs a row of the class'),
    [SENSITIVITY]: figure(sensitivity, drawn.sensitivity, BOTH_CLASSES),
  };
}

interface Ranged {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

const plain = (value: number | null): Ranged | null => (value === null ? null : { value, low: value, high: value });
const middle = (range: { readonly low: number; readonly high: number } | null): Ranged | null =>
  range && { ...range, value: (range.low + range.high) / 2 };

/** Counts of `[tn, fp, fn, tp]`. */
export function countsOf(confusion: ArrayLike<number>): BinaryCounts {
  const [tn, fp, fn, tp] = Array.from(confusion) as [number, number, number, number];
  return { tn, fp, fn, tp };
}

/** What follows from the rows called right and wrong. */
export function decisionFigures({ tp, fp, fn, tn }: BinaryCounts): Figures {
  return {
    Precision: shareEstimate(tp, tp + fp, 'nothing was called positive'),
    Recall: shareEstimate(tp, tp + fn, 'needs a row of the class'),
    'F1 Score': estimateOf(f1Of({ tp, fp, fn }), f1Interval(tp, fp + fn), { method: 'Wilson' }),
    Specificity: shareEstimate(tn, tn + fp, 'needs a row of the other class'),
  };
}

/** Agreement beyond chance. @param matrix - Shape `[classes, classes]`, true by called. */
export function agreementFigures(matrix: ArrayLike<number>, classes: number, resamples: number): Figures {
  return {
    'Matthews Correlation Coefficient': matrixFigure(matrix, classes, resamples, (cells) => matthews(cells, classes)),
    "Cohen's Kappa": matrixFigure(matrix, classes, resamples, (cells) => cohensKappa(cells, classes)),
  };
}

/** A figure of a confusion matrix; rows of each true class are drawn again. */
export function matrixFigure(
  matrix: ArrayLike<number>,
  classes: number,
  resamples: number,
  metric: (cells: ArrayLike<number>) => number | null,
): Estimate {
  const value = metric(matrix);
  if (value === null || classes > 64) return estimateOf(value);
  const rows = Array.from({ length: classes }, (_, c) => Array.from(matrix).slice(c * classes, (c + 1) * classes));
  const spread = percentiles(
    bootstrapValues(rows, resamples, (drawn) => metric(drawn.flat())),
    resamples,
  );
  if (spread === null) return estimateOf(value);
  const [low, high] = spread.interval;
  return estimateOf(value, [Math.min(low, value), Math.max(high, value)], {
    method: 'stratified bootstrap',
    standardError: spread.standardError,
  });
}

/** What judges the probabilities themselves. */
export function probabilityFigures({ calibration, brier, logLoss }: OneClass, resamples: number): Figures {
  const rows = total(calibration.negative) + total(calibration.positive);
  const parts = brierParts(calibration);
  return {
    'Brier Loss': meanEstimate(...brier, rows, [0, 1]),
    'Log Loss': meanEstimate(...logLoss, rows),
    'Expected Calibration Error': calibrationErrorEstimate(calibration, resamples),
    'Brier Reliability': estimateOf(parts && parts.reliability),
    'Brier Resolution': estimateOf(parts && parts.resolution),
    'Brier Uncertainty': estimateOf(parts && parts.uncertainty),
  };
}

export function curvesOf(one: OneClass): Curves {
  const calibration = calibrationCurve(one.calibration);
  const decision = decisionCurve(one.bins);
  return {
    ...rankingCurves(one.exact ?? one.bins),
    ...(calibration && { calibration }),
    ...(decision && { decision }),
  };
}
