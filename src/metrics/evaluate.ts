/**
 * All metrics of a model's raw outputs, by kind of problem.
 * @module
 */
import { argmax, sigmoid, softmax } from './activations.ts';
import { evaluateBinary, evaluateMulticlass, type Metrics } from './classification.ts';
import type { MetricKind } from './layout.ts';
import { evaluateRegression } from './regression.ts';

/**
 * Metrics with the platform's names (spec §4.7).
 *
 * @param outputs - Raw outputs, row-major: one or two logits a row (binary), `classes` logits (multiclass), a number.
 * @param y - Shape `[rows]`: class indices, or targets for regression.
 */
export function evaluate(kind: MetricKind, outputs: Float32Array, y: ArrayLike<number>, classes: number): Metrics {
  if (kind === 'regression') return evaluateRegression(outputs, y);
  if (kind === 'multiclass') return evaluateMulticlass(softmax(outputs, classes), y, classes);
  return evaluateBinary(Float64Array.from(binaryLogits(outputs, y.length), sigmoid), y);
}

/** Rows whose most likely class is the true one; 0 for regression. Arguments as for {@link evaluate}. */
export function countHits(kind: MetricKind, outputs: Float32Array, y: ArrayLike<number>, classes: number): number {
  if (kind === 'regression') return 0;
  const logits = kind === 'binary' ? binaryLogits(outputs, y.length) : null;
  let hits = 0;
  for (let row = 0; row < y.length; row++) {
    const called = logits ? Number(logits[row]! >= 0) : argmax(outputs, row * classes, classes);
    hits += Number(called === y[row]);
  }
  return hits;
}

/** Log-odds of class 1 from one logit a row, or from two. */
function binaryLogits(outputs: Float32Array, rows: number): ArrayLike<number> {
  if (outputs.length === rows) return outputs;
  if (outputs.length !== 2 * rows)
    throw new RangeError(`binary outputs need ${rows} or ${2 * rows} values, got ${outputs.length}`);
  return Float64Array.from({ length: rows }, (_, row) => outputs[2 * row + 1]! - outputs[2 * row]!);
}
