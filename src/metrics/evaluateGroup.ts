/**
 * Everything about a model on a group of rows that are at hand.
 * @module
 */

import { seededRng } from '../base/index.ts';
import { percentiles, RESAMPLES } from './bootstrap.ts';
import { estimateOf } from './estimate.ts';
import type { EvaluationKind, GroupEvaluation } from './groupEvaluation.ts';
import { checkLabels, checkLength, checkNumbers, checkProbabilities, column, type Numbers } from './inputs.ts';
import { type EvaluationProblem, pooledEvaluation } from './pooled.ts';
import { scoreGroups } from './ranking.ts';
import { evaluateRegression } from './regression.ts';
import { imageStatistics } from './segmentation.ts';
import {
  addStatistics,
  binaryStatistics,
  blocksOf,
  isClass,
  multiclassStatistics,
  multilabelStatistics,
  regressionStatistics,
  type SiteStatistics,
  type StatisticsKind,
  statisticsOf,
} from './statistics.ts';

/** What each kind of problem is evaluated on. */
export interface EvaluationInputs {
  /** Probabilities of class 1, shape `[rows]`; labels 0 or 1. */
  readonly binary: { readonly predictions: Numbers; readonly targets: Numbers };
  /** Probabilities, shape `[rows, classes]`; class indices `[rows]`. */
  readonly multiclass: { readonly predictions: Numbers; readonly targets: Numbers };
  /** Probabilities and 0 or 1, both of shape `[rows, labels]`. */
  readonly multilabel: { readonly predictions: Numbers; readonly targets: Numbers };
  /** Values, shape `[rows]`. */
  readonly regression: { readonly predictions: Numbers; readonly targets: Numbers };
  /** One entry an image, see {@link imageStatistics}. */
  readonly segmentation: { readonly predictions: readonly Numbers[]; readonly targets: readonly Numbers[] };
}

export interface GroupOptions {
  /** A row is called positive at or above this probability; binary and multilabel. @default 0.5 */
  readonly threshold?: number;
  /** Bins of scores, even. @default 1024 for binary, 256 a class otherwise */
  readonly bins?: number;
  /** Resamples of a bootstrap interval. @default 500 */
  readonly resamples?: number;
}

/**
 * The sums of a group of rows, to be added up over sites and given to `pooledEvaluation`. Arguments as for
 * {@link evaluateGroup}.
 */
export function groupStatistics<Kind extends StatisticsKind>(
  problem: EvaluationProblem<Kind>,
  predictions: EvaluationInputs[Kind]['predictions'],
  targets: EvaluationInputs[Kind]['targets'],
  options: GroupOptions = {},
): SiteStatistics {
  return STATISTICS[problem.kind](problem.classes.length, predictions, targets, options);
}

type ToStatistics<Kind extends StatisticsKind> = (
  classes: number,
  predictions: EvaluationInputs[Kind]['predictions'],
  targets: EvaluationInputs[Kind]['targets'],
  options: GroupOptions,
) => SiteStatistics;

const STATISTICS: { readonly [Kind in StatisticsKind]: ToStatistics<Kind> } = {
  binary: (_, p, y, { threshold = 0.5, bins }) => {
    checkLength(p.length, y.length);
    checkProbabilities(p, y.length);
    checkLabels(y, 2);
    return binaryStatistics(p, y, { isPositive: (row) => p[row]! >= threshold, bins });
  },
  multiclass: (classes, p, y, { bins }) => {
    checkLength(p.length, y.length * classes);
    checkProbabilities(p, y.length);
    checkLabels(y, classes);
    return multiclassStatistics(p, p, y, classes, bins);
  },
  multilabel: (labels, p, y, { threshold = 0.5, bins }) => {
    checkLength(p.length, y.length);
    checkProbabilities(p, y.length / labels);
    checkLabels(y, 2);
    return multilabelStatistics(p, y, labels, { threshold, bins });
  },
  regression: (_, p, y) => {
    checkNumbers(p, y.length);
    return regressionStatistics(p, y);
  },
  segmentation: (classes, p, y) => {
    checkLength(p.length, y.length);
    const { counts, sums } = blocksOf('segmentation', classes);
    const zeros = (length: number): Uint32Array => new Uint32Array(length);
    const none = statisticsOf(
      { counts, sums },
      {
        counts: Object.fromEntries(counts.map(([name, length]) => [name, zeros(length)])),
        sums: Object.fromEntries(sums.map(([name, length]) => [name, zeros(length)])),
      },
    );
    return addStatistics([none, ...y.map((target, i) => imageStatistics(p[i]!, target, classes, i))]);
  },
};

/**
 * Figures of a group of rows that are at hand; what sums would hide is exact.
 * @throws KonsilError TRAINING_DIVERGED or MODEL_MISMATCH naming the row of a prediction that is no finite number or no
 * probability. RangeError when shapes or labels do not fit.
 */
export function evaluateGroup<Kind extends StatisticsKind>(
  problem: EvaluationProblem<Kind>,
  predictions: EvaluationInputs[Kind]['predictions'],
  targets: EvaluationInputs[Kind]['targets'],
  options: GroupOptions = {},
): GroupEvaluation {
  const statistics = groupStatistics(problem, predictions, targets, options);
  const exact = EXACT_GROUPS[problem.kind]?.(problem.classes.length, predictions as Numbers, targets as Numbers);
  const group = pooledEvaluation(problem, statistics, { ...options, exact });
  return problem.kind === 'regression'
    ? exactRegression(group, predictions as Numbers, targets as Numbers, options.resamples ?? RESAMPLES)
    : group;
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

const EXACT_GROUPS: Partial<
  Record<EvaluationKind, (classes: number, p: Numbers, y: Numbers) => ReturnType<typeof scoreGroups>[]>
> = {
  binary: (_, p, y) => [scoreGroups(p, y)],
  multiclass: (classes, p, y) => range(classes).map((c) => scoreGroups(column(p, classes, c), isClass(y, c))),
  multilabel: (labels, p, y) => range(labels).map((c) => scoreGroups(column(p, labels, c), column(y, labels, c))),
};

/** Rows times resamples up to which R² is resampled. */
const MOST_DRAWN = 1e7;

/** The figures that sums lose digits of, or do not give. */
function exactRegression(group: GroupEvaluation, p: Numbers, y: Numbers, resamples: number): GroupEvaluation {
  const exact = evaluateRegression(p, y);
  const r2 = exact['R2 Score']!;
  const draws = group.rows * resamples <= MOST_DRAWN ? resamples : 0;
  const spread = r2 === null ? null : percentiles(resampledR2(p, y, draws), draws);
  const r2Estimate = estimateOf(
    r2,
    spread && spread.interval,
    spread ? { method: 'bootstrap', standardError: spread.standardError } : {},
  );
  return {
    ...group,
    metrics: {
      ...group.metrics,
      'R2 Score': r2Estimate,
      'Kolmogorov-Smirnov Test': estimateOf(exact['Kolmogorov-Smirnov Test']!),
    },
  };
}

function resampledR2(p: Numbers, y: Numbers, resamples: number): number[] {
  const rng = seededRng(0, 'bootstrap');
  const rows = y.length;
  const centre = Array.from(y).reduce((a, b) => a + b, 0) / rows;
  const values: number[] = [];
  for (let draw = 0; draw < resamples; draw++) {
    let [squares, sum, sumSquares] = [0, 0, 0];
    for (let i = 0; i < rows; i++) {
      const row = Math.floor(rng() * rows);
      const target = y[row]! - centre;
      squares += (p[row]! - y[row]!) ** 2;
      sum += target;
      sumSquares += target * target;
    }
    const total = sumSquares - (sum * sum) / rows;
    if (total > 0) values.push(1 - squares / total);
  }
  return values;
}
