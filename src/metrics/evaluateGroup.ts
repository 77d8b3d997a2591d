/**
 * Everything about a model on a group of rows that are at hand.
 * @module
 */

import { seededRng } from '../base/index.ts';
import { percentiles, RESAMPLES } from './bootstrap.ts';
import { estimateOf } from './estimate.ts';
import type { Estimate, EvaluationKind, GroupEvaluation } from './groupEvaluation.ts';
import type { ScoreHistogram } from './histogram.ts';
import { checkLabels, checkLength, checkNumbers, checkProbabilities, column, type Numbers } from './inputs.ts';
import { addStatistics, blocksOf, type SiteStatistics, statisticsOf } from './layout.ts';
import { type EvaluationProblem, pooledEvaluation } from './pooled.ts';
import { scoreGroups } from './ranking.ts';
import { evaluateRegression } from './regression.ts';
import { imageStatistics } from './segmentation.ts';
import {
  binaryStatistics,
  isClass,
  multiclassStatistics,
  multilabelStatistics,
  regressionStatistics,
  survivalStatistics,
} from './statistics.ts';
import { type SurvivalPredictions, type SurvivalTargets, survivalFigures } from './survival.ts';

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
  readonly survival: { readonly predictions: SurvivalPredictions; readonly targets: SurvivalTargets };
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
export function groupStatistics<Kind extends EvaluationKind>(
  problem: EvaluationProblem<Kind>,
  predictions: EvaluationInputs[Kind]['predictions'],
  targets: EvaluationInputs[Kind]['targets'],
  options: GroupOptions = {},
): SiteStatistics {
  return STATISTICS[problem.kind](problem.classes.length, predictions, targets, options);
}

type ToStatistics<Kind extends EvaluationKind> = (
  classes: number,
  predictions: EvaluationInputs[Kind]['predictions'],
  targets: EvaluationInputs[Kind]['targets'],
  options: GroupOptions,
) => SiteStatistics;

const STATISTICS: { readonly [Kind in EvaluationKind]: ToStatistics<Kind> } = {
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
  survival: (_, p, y) => survivalStatistics(p.risk, y),
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
export function evaluateGroup<Kind extends EvaluationKind>(
  problem: EvaluationProblem<Kind>,
  predictions: EvaluationInputs[Kind]['predictions'],
  targets: EvaluationInputs[Kind]['targets'],
  options: GroupOptions = {},
): GroupEvaluation {
  const statistics = groupStatistics(problem, predictions, targets, options);
  const at = FROM_ROWS[problem.kind];
  const exact = at.groups?.(problem.classes.length, predictions, targets);
  const group = pooledEvaluation(problem, statistics, { ...options, exact });
  const more = at.metrics?.(predictions, targets, options.resamples ?? RESAMPLES);
  return more ? { ...group, metrics: { ...group.metrics, ...more } } : group;
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** What rows tell beyond their sums. */
interface FromRows<Kind extends EvaluationKind> {
  readonly groups?: (
    classes: number,
    predictions: EvaluationInputs[Kind]['predictions'],
    targets: EvaluationInputs[Kind]['targets'],
  ) => ScoreHistogram[];
  readonly metrics?: (
    predictions: EvaluationInputs[Kind]['predictions'],
    targets: EvaluationInputs[Kind]['targets'],
    resamples: number,
  ) => Readonly<Record<string, Estimate>>;
}

const FROM_ROWS: { readonly [Kind in EvaluationKind]: FromRows<Kind> } = {
  binary: { groups: (_, p, y) => [scoreGroups(p, y)] },
  multiclass: {
    groups: (classes, p, y) => range(classes).map((c) => scoreGroups(column(p, classes, c), isClass(y, c))),
  },
  multilabel: {
    groups: (labels, p, y) => range(labels).map((c) => scoreGroups(column(p, labels, c), column(y, labels, c))),
  },
  regression: { metrics: regressionFromRows },
  survival: { metrics: survivalFigures },
  segmentation: {},
};

/** Rows times resamples up to which R² is resampled. */
const MOST_DRAWN = 1e7;

/** The figures that sums lose digits of, or do not give. */
function regressionFromRows(p: Numbers, y: Numbers, resamples: number): Readonly<Record<string, Estimate>> {
  const { 'R2 Score': r2 = null, 'Kolmogorov-Smirnov Test': distance = null } = evaluateRegression(p, y);
  const draws = y.length * resamples <= MOST_DRAWN ? resamples : 0;
  const spread = r2 === null ? null : percentiles(resampledR2(p, y, draws), draws);
  return {
    'R2 Score': estimateOf(r2, spread && spread.interval, {
      ...(spread ? { method: 'bootstrap', standardError: spread.standardError } : { note: 'no interval' }),
    }),
    'Kolmogorov-Smirnov Test': estimateOf(distance),
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
