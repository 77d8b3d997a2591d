/**
 * Figures from sums: those of one site, or of all sites together without their rows. A site that has its rows passes them
 * along, and what bins would hide is exact.
 * @module
 */
import { RESAMPLES } from './bootstrap.ts';
import { estimateOf, meanEstimate, shareEstimate, undefinedEstimate } from './estimate.ts';
import type { Estimate, EvaluationKind, GroupEvaluation } from './groupEvaluation.ts';
import { blocksOf, type Parts, partsOf, type SiteStatistics } from './layout.ts';
import {
  agreementFigures,
  countsOf,
  curvesOf,
  decisionFigures,
  probabilityFigures,
  rankingFigures,
  readOneClass,
} from './oneClass.ts';
import { total } from './ranking.ts';
import { r2Of } from './regression.ts';
import { segmentationFigures } from './segmentation.ts';
import { type PooledOptions, pooledMulticlass, pooledMultilabel, squareOf } from './severalClasses.ts';
import { concordanceEstimate } from './survival.ts';

export type { PooledOptions } from './severalClasses.ts';

/** A pooled metric with its 95 % interval; null where undefined. */
export type PooledMetric = Estimate;

/** What is evaluated. */
export interface EvaluationProblem<Kind extends EvaluationKind = EvaluationKind> {
  readonly kind: Kind;
  /** Names of classes or labels in order; binary: negative, positive. Empty for regression and survival. */
  readonly classes: readonly string[];
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
/** Names of the metrics of a training, by kind of problem. */
export const TRAINING_METRICS: Readonly<Record<EvaluationKind, readonly string[]>> = {
  binary: PLATFORM,
  multiclass: PLATFORM.slice(0, 5),
  multilabel: PLATFORM.slice(0, 5),
  regression: REGRESSION,
  segmentation: ['Dice Score', 'Image IoU', 'Dice Coefficients', 'IoU'],
  survival: ['Concordance Index'],
};

/** The metrics of a training from summed statistics, by name. @param classes - Or labels; not needed for numbers and times. */
export function pooledMetrics(kind: EvaluationKind, summed: SiteStatistics, classes = 2): Record<string, PooledMetric> {
  const names = Array.from({ length: classes }, (_, c) => String(c));
  // none of a binary problem's has a bootstrap interval
  const { metrics } = pooledEvaluation({ kind, classes: names }, summed, kind === 'binary' ? { resamples: 0 } : {});
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

function pooledSurvival({ counts, sums }: Parts): GroupEvaluation {
  const classRows = [counts['censored']![0]!, counts['events']![0]!];
  return {
    rows: total(classRows),
    classRows,
    metrics: {
      'Concordance Index': concordanceEstimate((name) => sums[name]![0]!),
      'Integrated Brier Score': undefinedEstimate('needs the censoring of all sites together; only for each site'),
    },
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
