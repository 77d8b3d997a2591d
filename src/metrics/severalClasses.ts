/**
 * Figures of problems with several classes or labels, from sums: of each against the rest, and their means.
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
import type { Curves, Estimate, GroupEvaluation } from './groupEvaluation.ts';
import type { ScoreHistogram } from './histogram.ts';
import { MAX_BINNED_CLASSES, type Parts } from './layout.ts';
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

export interface PooledOptions {
  /** Bins of scores the statistics were made with. @default 1024 for binary, 256 a class otherwise */
  readonly bins?: number | undefined;
  /** Resamples of a bootstrap interval. @default 500 */
  readonly resamples?: number | undefined;
  /** Groups of equal scores by class, where rows are at hand: then ranking is exact. */
  readonly exact?: readonly ScoreHistogram[] | undefined;
}

export function squareOf(matrix: ArrayLike<number>, classes: number): number[][] {
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

export function pooledMulticlass(parts: Parts, classes: readonly string[], options: PooledOptions): GroupEvaluation {
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

export function pooledMultilabel(parts: Parts, classes: readonly string[], options: PooledOptions): GroupEvaluation {
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
