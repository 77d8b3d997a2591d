/**
 * All metrics of a model's raw outputs, by kind of problem.
 * @module
 */
import { argmax, sigmoid, softmax } from './activations.ts';
import { evaluateBinary, evaluateMulticlass, evaluateMultilabel, type Metrics } from './classification.ts';
import type { EvaluationKind } from './groupEvaluation.ts';
import { evaluateRegression } from './regression.ts';
import { concordanceEstimate, pairSums, type SurvivalTargets } from './survival.ts';

/** Kinds of problem whose rows have outputs that are in memory together. */
export type RowKind = Exclude<EvaluationKind, 'segmentation'>;

/**
 * Metrics with the platform's names (spec §4.7).
 *
 * @param outputs - Raw outputs, row-major: one or two logits a row (binary), a logit a class or label, a number, a risk.
 * @param y - Shape `[rows]`: class indices, or targets for regression; `[rows, labels]`: 0 or 1; `[rows, 2]`: time and event.
 */
export function evaluate(kind: RowKind, outputs: Float32Array, y: ArrayLike<number>, classes: number): Metrics {
  switch (kind) {
    case 'regression':
      return evaluateRegression(outputs, y);
    case 'multiclass':
      return evaluateMulticlass(softmax(outputs, classes), y, classes);
    case 'binary':
      return evaluateBinary(Float64Array.from(binaryLogits(outputs, y.length), sigmoid), y);
    case 'multilabel':
      return evaluateMultilabel(Float64Array.from(outputs, sigmoid), y, classes);
    case 'survival': {
      const sums = pairSums(outputs, survivalTargets(y));
      return { 'Concordance Index': concordanceEstimate((name) => sums[name]).value };
    }
  }
}

/** Whether a row's outputs are right or wrong as a whole. */
export function hasHits(kind: EvaluationKind): boolean {
  return kind === 'binary' || kind === 'multiclass' || kind === 'multilabel';
}

/** Rows whose most likely class, or every label, is the true one; 0 without classes. Arguments as for {@link evaluate}. */
export function countHits(kind: RowKind, outputs: Float32Array, y: ArrayLike<number>, classes: number): number {
  if (!hasHits(kind)) return 0;
  const width = kind === 'multilabel' ? classes : 1;
  const rows = y.length / width;
  const logits = kind === 'binary' ? binaryLogits(outputs, rows) : null;
  let hits = 0;
  for (let row = 0; row < rows; row++)
    if (kind === 'multilabel') {
      let right = 1;
      for (let i = row * width; i < (row + 1) * width; i++) if (Number(outputs[i]! >= 0) !== y[i]) right = 0;
      hits += right;
    } else {
      const called = logits ? Number(logits[row]! >= 0) : argmax(outputs, row * classes, classes);
      hits += Number(called === y[row]);
    }
  return hits;
}

/** Times and events from rows of both. @param y - Shape `[rows, 2]`. */
export function survivalTargets(y: ArrayLike<number>): SurvivalTargets {
  const rows = y.length / 2;
  return {
    times: Float64Array.from({ length: rows }, (_, row) => y[2 * row]!),
    events: Float64Array.from({ length: rows }, (_, row) => y[2 * row + 1]!),
  };
}

/** Log-odds of class 1 from one logit a row, or from two. */
function binaryLogits(outputs: Float32Array, rows: number): ArrayLike<number> {
  if (outputs.length === rows) return outputs;
  if (outputs.length !== 2 * rows)
    throw new RangeError(`binary outputs need ${rows} or ${2 * rows} values, got ${outputs.length}`);
  return Float64Array.from({ length: rows }, (_, row) => outputs[2 * row + 1]! - outputs[2 * row]!);
}
