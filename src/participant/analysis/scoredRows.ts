/**
 * Rows that a model has seen, with the truth about them: what any group of them adds to sums, and its figures.
 * @module
 */
import {
  addStatistics,
  type EvaluationInputs,
  type EvaluationKind,
  type EvaluationProblem,
  evaluateGroup,
  type GroupEvaluation,
  groupStatistics,
  pooledEvaluation,
  type SiteStatistics,
} from '../../metrics/index.ts';

/** Rows by their numbers from 0. */
export interface ScoredRows {
  readonly rows: number;
  /** How many of `rows` are of each class, as guards count: for labels those without, too. None for numbers. */
  readonly classRows: (rows: readonly number[]) => readonly number[];
  readonly statistics: (rows: readonly number[]) => SiteStatistics;
  readonly figures: (rows: readonly number[]) => GroupEvaluation;
  /** Of two classes: the probability of class 1 of each row, and its label. */
  readonly exact?: { readonly scores: ArrayLike<number>; readonly labels: ArrayLike<number> };
}

/** Rows of which a model has seen everything. */
export interface Seen {
  readonly scored: ScoredRows;
  /** Their numbers among the rows that were asked for. */
  readonly kept: Uint32Array;
}

const countIn = (rows: readonly number[], holds: (row: number) => boolean): number =>
  rows.reduce((sum, row) => sum + Number(holds(row)), 0);

/** `rows` of `[all, width]`. */
function picked(values: Float64Array, width: number, rows: readonly number[]): Float64Array {
  const out = new Float64Array(rows.length * width);
  rows.forEach((row, i) => out.set(values.subarray(row * width, (row + 1) * width), i * width));
  return out;
}

function scoredBy<Kind extends EvaluationKind>(
  problem: EvaluationProblem<Kind>,
  { rows, classRows }: Pick<ScoredRows, 'rows' | 'classRows'>,
  pick: (
    rows: readonly number[],
  ) => readonly [EvaluationInputs[Kind]['predictions'], EvaluationInputs[Kind]['targets']],
): ScoredRows {
  return {
    ...{ rows, classRows },
    statistics: (group) => groupStatistics(problem, ...pick(group)),
    figures: (group) => evaluateGroup(problem, ...pick(group)),
  };
}

/** Predictions and truth of one class or number a row; predictions of several classes are `[rows, classes]`. */
export function scoredTargets(
  { kind, classes }: EvaluationProblem<'binary' | 'multiclass' | 'regression'>,
  predictions: Float64Array,
  targets: ArrayLike<number>,
): ScoredRows {
  const width = kind === 'multiclass' ? classes.length : 1;
  const classRows = (rows: readonly number[]): number[] =>
    classes.map((_, c) => countIn(rows, (row) => targets[row] === c));
  const scored = scoredBy({ kind, classes }, { rows: targets.length, classRows }, (rows) => [
    picked(predictions, width, rows),
    rows.map((row) => targets[row]!),
  ]);
  return kind === 'binary' ? { ...scored, exact: { scores: predictions, labels: targets } } : scored;
}

/** Probabilities and labels of 0 and 1, both `[rows, labels]`. */
export function scoredLabels(classes: readonly string[], predictions: Float64Array, truth: Float64Array): ScoredRows {
  const width = classes.length;
  const classRows = (rows: readonly number[]): number[] =>
    classes.flatMap((_, c) => [0, 1].map((label) => countIn(rows, (row) => truth[row * width + c] === label)));
  return scoredBy({ kind: 'multilabel', classes }, { rows: truth.length / width, classRows }, (rows) => [
    picked(predictions, width, rows),
    picked(truth, width, rows),
  ]);
}

/**
 * Times and events `[rows, 2]`, with risks `[rows]` or the probability of no event by `times`, `[rows, times]`: then the
 * risk is that of the event by then, averaged over the times.
 */
export function scoredSurvival(
  predictions: Float64Array,
  truth: Float64Array,
  times: readonly number[] | undefined,
): ScoredRows {
  const width = times?.length ?? 1;
  const classRows = (rows: readonly number[]): number[] =>
    [0, 1].map((event) => countIn(rows, (row) => truth[2 * row + 1] === event));
  return scoredBy({ kind: 'survival', classes: [] }, { rows: truth.length / 2, classRows }, (rows) => {
    const given = picked(predictions, width, rows);
    const targets = { times: rows.map((row) => truth[2 * row]!), events: rows.map((row) => truth[2 * row + 1]!) };
    if (times === undefined) return [{ risk: given }, targets];
    const risk = rows.map((_, i) => {
      const survives = given.subarray(i * width, (i + 1) * width);
      return 1 - survives.reduce((sum, share) => sum + share, 0) / width;
    });
    return [{ risk, survival: { times, probabilities: given } }, targets];
  });
}

/** Images of which only their sums are kept: they are too large to have all in memory. One entry an image. */
export function scoredImages(classes: readonly string[], images: readonly SiteStatistics[]): ScoredRows {
  const problem = { kind: 'segmentation', classes } as const;
  const none = groupStatistics(problem, [], []);
  const statistics = (rows: readonly number[]): SiteStatistics =>
    addStatistics([none, ...rows.map((row) => images[row]!)]);
  const figures = (rows: readonly number[]): GroupEvaluation => pooledEvaluation(problem, statistics(rows));
  return { rows: images.length, statistics, figures, classRows: (rows) => figures(rows).classRows! };
}
