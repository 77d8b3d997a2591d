/**
 * Figures from sums: those of one site, or of all sites together without their rows. A site that has its rows passes them
 * along, and what bins would hide is exact.
 * @module
 */
import { RESAMPLES } from './bootstrap.ts';
import { calibrationCurve, calibrationErrorEstimate } from './calibration.ts';
import {
  accuracyOf,
  type BinaryCounts,
  f1Of,
  macro,
  oneAgainstRest,
  precisionOf,
  recallOf,
  specificityOf,
} from './confusion.ts';
import { aucEstimate } from './delong.ts';
import { estimateOf, meanEstimate, shareEstimate, undefinedEstimate } from './estimate.ts';
import type { Curves, Estimate, EvaluationKind, GroupEvaluation } from './groupEvaluation.ts';
import type { ScoreHistogram } from './histogram.ts';
import {
  agreementFigures,
  countsOf,
  curvesOf,
  decisionFigures,
  type Figures,
  matrixFigure,
  type OneClass,
  probabilityFigures,
  rankingFigures,
  readOneClass,
} from './oneClass.ts';
import { total } from './ranking.ts';
import { r2Of } from './regression.ts';
import { segmentationFigures } from './segmentation.ts';
import {
  blocksOf,
  MAX_BINNED_CLASSES,
  type MetricKind,
  type Parts,
  partsOf,
  type SiteStatistics,
} from './statistics.ts';

/** A pooled metric with its 95 % interval; null where undefined. */
export type PooledMetric = Estimate;

/** What is evaluated. */
export interface EvaluationProblem<Kind extends EvaluationKind = EvaluationKind> {
  readonly kind: Kind;
  /** Names of classes or labels in order; binary: negative, positive. Empty for regression and survival. */
  readonly classes: readonly string[];
}

export interface PooledOptions {
  /** Bins of scores the statistics were made with. @default 1024 for binary, 256 a class otherwise */
  readonly bins?: number | undefined;
  /** Resamples of a bootstrap interval. @default 500 */
  readonly resamples?: number | undefined;
  /** Groups of equal scores by class, where rows are at hand: then ranking is exact. */
  readonly exact?: readonly ScoreHistogram[] | undefined;
}

/**
 * Figures of summed statistics. All but ROC AUC, Average Precision and Sensitivity at 95% specificity are those of all rows
 * in one place; these have a `bound` on the error of their bins.
 * @throws RangeError when the statistics have another layout than `problem` and `options.bins`.
 */
export function pooledEvaluation(
  problem: EvaluationProblem,
  statistics: SiteStatistics,
  options: PooledOptions = {},
): GroupEvaluation {
  const { kind, classes } = problem;
  const parts = partsOf(blocksOf(kind, classes.length, options.bins), statistics);
  switch (kind) {
    case 'binary':
      return pooledBinary(parts, options);
    case 'multiclass':
      return pooledMulticlass(parts, classes, options);
    case 'multilabel':
      return pooledMultilabel(parts, classes, options);
    case 'regression':
      return pooledRegression(parts);
    case 'segmentation':
      return segmentationFigures(parts, classes);
    case 'survival':
      return pooledSurvival(parts);
  }
}

const PLATFORM = ['Accuracy', 'Precision', 'Recall', 'F1 Score', 'ROC AUC', 'Brier Loss'];
const REGRESSION = [
  'Mean Absolute Error',
  'Mean Squared Error',
  'R2 Score',
  'Root Mean Squared Error',
  'Kolmogorov-Smirnov Test',
];
const TRAINING_METRICS = { binary: PLATFORM, multiclass: PLATFORM.slice(0, 5), regression: REGRESSION };

/** The platform's metrics of the summed statistics, by name. @param classes - Needed for multiclass. */
export function pooledMetrics(kind: MetricKind, summed: SiteStatistics, classes = 2): Record<string, PooledMetric> {
  const count = { binary: 2, multiclass: classes, regression: 0 }[kind];
  const names = Array.from({ length: count }, (_, c) => String(c));
  const { metrics } = pooledEvaluation({ kind, classes: names }, summed);
  return Object.fromEntries(TRAINING_METRICS[kind].map((name) => [name, metrics[name]!]));
}

function pooledBinary(parts: Parts, { exact, resamples = RESAMPLES }: PooledOptions): GroupEvaluation {
  const one = readOneClass(parts, '', exact?.[0]);
  const confusion = parts.counts['confusion']!;
  const counts = countsOf(confusion);
  const rows = total(confusion);
  return {
    rows,
    classRows: [counts.tn + counts.fp, counts.tp + counts.fn],
    metrics: {
      Accuracy: shareEstimate(counts.tp + counts.tn, rows),
      ...decisionFigures(counts),
      ...rankingFigures(one, resamples),
      ...probabilityFigures(one, resamples),
      ...agreementFigures(confusion, 2, resamples),
    },
    confusion: squareOf(confusion, 2),
    curves: curvesOf(one),
  };
}

function squareOf(matrix: ArrayLike<number>, classes: number): number[][] {
  return Array.from({ length: classes }, (_, c) => Array.from(matrix).slice(c * classes, (c + 1) * classes));
}

/** Most classes whose ranking is resampled; more would take seconds. */
const MOST_RESAMPLED = 10;

/** Of each class or label by name: its figures, curves and sums. */
function classFigures(
  counts: readonly BinaryCounts[],
  ones: readonly OneClass[],
  classes: readonly string[],
  resamples: number,
): { readonly perClass: Record<string, Figures>; readonly classCurves?: Record<string, Curves> } {
  const draws = classes.length <= MOST_RESAMPLED ? resamples : 0;
  const perClass = classes.map((name, c): readonly [string, Figures] => {
    const one = ones[c];
    const scored = one && { ...rankingFigures(one, draws), ...probabilityFigures(one, draws) };
    return [name, { ...decisionFigures(counts[c]!), ...scored }];
  });
  return {
    perClass: Object.fromEntries(perClass),
    ...(ones.length > 0 && { classCurves: Object.fromEntries(ones.map((one, c) => [classes[c]!, curvesOf(one)])) }),
  };
}

function pooledMulticlass(parts: Parts, classes: readonly string[], options: PooledOptions): GroupEvaluation {
  const { exact, resamples = RESAMPLES } = options;
  const matrix = parts.counts['confusion']!;
  const size = classes.length;
  const rows = total(matrix);
  const hits = Math.round((accuracyOf(matrix, size) ?? 0) * rows);
  const ones = size <= MAX_BINNED_CLASSES ? classes.map((_, c) => readOneClass(parts, `${c}.`, exact?.[c])) : [];
  const countsPerClass = (cells: ArrayLike<number>): BinaryCounts[] =>
    classes.map((_, c) => oneAgainstRest(cells, size, c));
  const macroFigure = (metric: (counts: BinaryCounts) => number | null): Estimate =>
    matrixFigure(matrix, size, resamples, (cells) => macro(countsPerClass(cells), metric));
  const { perClass, classCurves } = classFigures(countsPerClass(matrix), ones, classes, resamples);
  const top = {
    negative: parts.counts['wrong']!,
    positive: parts.counts['right']!,
    probability: parts.sums['confidence']!,
  };
  const sum = (name: string): number => parts.sums[name]![0]!;
  const calibration = calibrationCurve(top);
  return {
    rows,
    classRows: squareOf(matrix, size).map((row) => total(row)),
    metrics: {
      Accuracy: shareEstimate(hits, rows),
      Precision: macroFigure(precisionOf),
      Recall: macroFigure(recallOf),
      'F1 Score': macroFigure(f1Of),
      Specificity: macroFigure(specificityOf),
      ...averagedRanking(ones, perClass, classes),
      'Brier Loss': meanEstimate(sum('brier'), sum('brierSquares'), rows, [0, 2]),
      'Log Loss': meanEstimate(sum('logLoss'), sum('logLossSquares'), rows),
      'Expected Calibration Error': calibrationErrorEstimate(top, resamples),
      ...agreementFigures(matrix, size, resamples),
    },
    perClass,
    confusion: squareOf(matrix, size),
    ...(calibration && { curves: { calibration } }),
    ...(classCurves && { classCurves }),
  };
}

function pooledMultilabel(parts: Parts, classes: readonly string[], options: PooledOptions): GroupEvaluation {
  const { exact, resamples = RESAMPLES } = options;
  const rows = parts.counts['rows']![0]!;
  const counts = classes.map((_, c) => countsOf(parts.counts[`${c}.confusion`]!));
  const ones = classes.map((_, c) => readOneClass(parts, `${c}.`, exact?.[c]));
  const { perClass, classCurves } = classFigures(counts, ones, classes, resamples);
  const all = counts.reduce((a, b) => ({ tp: a.tp + b.tp, fp: a.fp + b.fp, fn: a.fn + b.fn, tn: a.tn + b.tn }), NONE);
  const mean = (name: string): Estimate => averageOf(classes.map((c) => perClass[c]![name]!));
  const NO_INTERVAL = { note: 'labels of a row depend on each other: no interval' };
  return {
    rows,
    classRows: counts.map(({ tp, fn }) => tp + fn),
    metrics: {
      Accuracy: shareEstimate(parts.counts['rowsRight']![0]!, rows),
      Precision: estimateOf(macro(counts, precisionOf), null, NO_INTERVAL),
      Recall: estimateOf(macro(counts, recallOf), null, NO_INTERVAL),
      'F1 Score': estimateOf(macro(counts, f1Of), null, NO_INTERVAL),
      Specificity: estimateOf(macro(counts, specificityOf), null, NO_INTERVAL),
      'Micro Precision': estimateOf(precisionOf(all), null, NO_INTERVAL),
      'Micro Recall': estimateOf(recallOf(all), null, NO_INTERVAL),
      'Micro F1 Score': estimateOf(f1Of(all), null, NO_INTERVAL),
      ...averagedRanking(ones, perClass, classes),
      'Brier Loss': mean('Brier Loss'),
      'Log Loss': mean('Log Loss'),
      'Expected Calibration Error': mean('Expected Calibration Error'),
    },
    perClass,
    ...(classCurves && { classCurves }),
  };
}

const NONE: BinaryCounts = { tp: 0, fp: 0, fn: 0, tn: 0 };

/** Means over the classes of what ranks one class against the rest, and the area over all decisions at once. */
function averagedRanking(
  ones: readonly OneClass[],
  perClass: Readonly<Record<string, Figures>>,
  classes: readonly string[],
): Figures {
  if (ones.length === 0) {
    const none = undefinedEstimate(`not pooled for more than ${MAX_BINNED_CLASSES} classes`);
    return { 'ROC AUC': none, 'Average Precision': none, 'Micro ROC AUC': none };
  }
  const mean = (name: string): Estimate =>
    averageOf(
      classes.map((c) => perClass[c]![name]!),
      'needs rows of every class',
    );
  const bins = {
    negative: addAll(ones.map((one) => one.bins.negative)),
    positive: addAll(ones.map((one) => one.bins.positive)),
  };
  // bins at a site too: scores of classes are not comparable to the last digit
  const { value, bound } = aucEstimate(bins, true);
  const note = 'over all pairs of row and class, from score bins; decisions on a row depend on each other: no interval';
  return {
    'ROC AUC': mean('ROC AUC'),
    'Average Precision': mean('Average Precision'),
    'Micro ROC AUC': estimateOf(value, null, { note, ...(bound !== undefined && { bound }) }),
  };
}

function addAll(lists: readonly ArrayLike<number>[]): Uint32Array {
  const sum = new Uint32Array(lists[0]!.length);
  for (const list of lists) for (let i = 0; i < sum.length; i++) sum[i]! += list[i]!;
  return sum;
}

/** Mean over classes; the interval is the mean of theirs, the error too, which are never too small. */
function averageOf(each: readonly Estimate[], note?: string): Estimate {
  if (each.length === 0 || each.some(({ value }) => value === null)) return undefinedEstimate(note);
  const mean = (key: 'value' | 'low' | 'high' | 'bound' | 'standardError'): number =>
    each.reduce((sum, estimate) => sum + (estimate[key] ?? 0), 0) / each.length;
  const hasAll = (key: 'low' | 'standardError' | 'bound'): boolean => each.every((one) => typeof one[key] === 'number');
  return estimateOf(mean('value'), hasAll('low') ? [mean('low'), mean('high')] : null, {
    method: 'mean of the intervals of classes',
    ...(hasAll('standardError') && { standardError: mean('standardError') }),
    ...(hasAll('bound') && { bound: mean('bound'), note: 'one class against the rest, from score bins' }),
  });
}

function pooledRegression(parts: Parts): GroupEvaluation {
  const rows = parts.counts['rows']![0]!;
  const sum = (name: string): number => parts.sums[name]![0]!;
  const [squares, target, targetSquares] = [sum('squares'), sum('target'), sum('targetSquares')];
  const spread = rows > 0 ? targetSquares - (target * target) / rows : 0;
  // what rounding leaves of a constant target is no spread
  const r2 = rows > 1 && spread > 1e-12 * targetSquares ? r2Of(squares, spread) : null;
  const mse = meanEstimate(squares, sum('fourths'), rows);
  return {
    rows,
    metrics: {
      'Mean Absolute Error': meanEstimate(sum('absolute'), squares, rows),
      'Mean Squared Error': mse,
      'R2 Score': estimateOf(r2, null, { note: 'no interval from sums' }),
      'Root Mean Squared Error': rootOf(mse),
      'Kolmogorov-Smirnov Test': undefinedEstimate('needs the values themselves; only for one site'),
      'Mean Error': biasOf(sum('error'), squares, rows),
    },
  };
}

function pooledSurvival({ counts }: Parts): GroupEvaluation {
  const classRows = [counts['censored']![0]!, counts['events']![0]!];
  const none = undefinedEstimate('needs pairs of rows across sites; only for each site');
  return {
    rows: total(classRows),
    classRows,
    metrics: { 'Concordance Index': none, 'Integrated Brier Score': none },
  };
}

/** The root of a mean square, its interval the roots of the ends. */
export function rootOf({ value, low, high, standardError, ...rest }: Estimate): Estimate {
  const root = (x: number | null): number | null => (x === null ? null : Math.sqrt(x));
  const error = standardError !== undefined && value !== null && value > 0 && standardError / (2 * Math.sqrt(value));
  return {
    ...rest,
    ...{ value: root(value), low: root(low), high: root(high) },
    ...(typeof error === 'number' && { standardError: error }),
  };
}

function biasOf(error: number, squares: number, rows: number): Estimate {
  return meanEstimate(error, squares, rows, [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
}
