/**
 * Metrics of a classifier, from scores and labels of one site.
 *
 * Names are those of the platform; values agree with scikit-learn (test/fixtures/metrics). `null` means undefined.
 * @source spec/platform.md §4.7.
 * @module
 */
import { argmax } from './activations.ts';
import {
  accuracyOf,
  type BinaryCounts,
  confusionMatrix,
  f1Of,
  macro,
  oneAgainstRest,
  precisionOf,
  ratio,
  recallOf,
} from './confusion.ts';

/** Metric name to value; null where it is undefined, never NaN. */
export type Metrics = Record<string, number | null>;

/** @param scores - Shape `[rows]`, probabilities of class 1. @param labels - Shape `[rows]`, 0 or 1. */
export function evaluateBinary(scores: ArrayLike<number>, labels: ArrayLike<number>, threshold = 0.5): Metrics {
  checkLength(scores.length, labels.length);
  const counts = binaryCounts(scores, labels, threshold);
  let squares = 0;
  for (let i = 0; i < labels.length; i++) squares += (scores[i]! - labels[i]!) ** 2;
  return {
    Accuracy: ratio(counts.tp + counts.tn, labels.length),
    Precision: precisionOf(counts),
    Recall: recallOf(counts),
    'F1 Score': f1Of(counts),
    'ROC AUC': rocAuc(scores, labels),
    'Brier Loss': ratio(squares, labels.length),
  };
}

/**
 * Macro averages over all classes; ROC AUC one class against the rest.
 * @param probabilities - Shape `[rows, classes]`. @param labels - Shape `[rows]`, class indices.
 */
export function evaluateMulticlass(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
): Metrics {
  checkLength(probabilities.length, labels.length * classes);
  const predicted = Array.from(labels, (_, i) => argmax(probabilities, i * classes, classes));
  const matrix = confusionMatrix(labels, predicted, classes);
  const perClass = Array.from({ length: classes }, (_, c) => oneAgainstRest(matrix, classes, c));
  const isClass = (c: number): Uint8Array => Uint8Array.from(labels, (label) => Number(label === c));
  return {
    Accuracy: accuracyOf(matrix, classes),
    ...macroMetrics(perClass),
    'ROC AUC': meanAuc(classes, (c) => rocAuc(column(probabilities, classes, c), isClass(c))),
  };
}

/**
 * Macro averages over the labels; Accuracy is the share of rows with all labels right.
 * @param probabilities - Shape `[rows, labels]`. @param truth - Shape `[rows, labels]`, 0 or 1.
 */
export function evaluateMultilabel(
  probabilities: ArrayLike<number>,
  truth: ArrayLike<number>,
  numLabels: number,
  threshold = 0.5,
): Metrics {
  checkLength(probabilities.length, truth.length);
  const rows = truth.length / numLabels;
  const scores = Array.from({ length: numLabels }, (_, c) => column(probabilities, numLabels, c));
  const labels = Array.from({ length: numLabels }, (_, c) => column(truth, numLabels, c));
  let right = 0;
  for (let row = 0; row < rows; row++)
    right += Number(scores.every((score, c) => Number(score[row]! >= threshold) === labels[c]![row]));
  return {
    Accuracy: ratio(right, rows),
    ...macroMetrics(scores.map((score, c) => binaryCounts(score, labels[c]!, threshold))),
    'ROC AUC': meanAuc(numLabels, (c) => rocAuc(scores[c]!, labels[c]!)),
  };
}

/**
 * Probability that a random positive scores above a random negative, ties counting half; null with one class only.
 * @source Mann–Whitney U by mid-ranks.
 */
export function rocAuc(scores: ArrayLike<number>, labels: ArrayLike<number>): number | null {
  const order = Uint32Array.from(labels, (_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
  let [positives, rankSum] = [0, 0];
  for (let from = 0; from < order.length; ) {
    let to = from;
    let tied = 0;
    while (to < order.length && scores[order[to]!] === scores[order[from]!]) tied += labels[order[to++]!]!;
    if (to === from) return null; // NaN equals nothing
    rankSum += (tied * (from + to + 1)) / 2;
    positives += tied;
    from = to;
  }
  const negatives = order.length - positives;
  return ratio(rankSum - (positives * (positives + 1)) / 2, positives * negatives);
}

function binaryCounts(scores: ArrayLike<number>, labels: ArrayLike<number>, threshold: number): BinaryCounts {
  let [tp, fp, fn, tn] = [0, 0, 0, 0];
  for (let i = 0; i < labels.length; i++) {
    const isPositive = labels[i] === 1;
    if (scores[i]! >= threshold) {
      if (isPositive) tp++;
      else fp++;
    } else if (isPositive) fn++;
    else tn++;
  }
  return { tp, fp, fn, tn };
}

function macroMetrics(perClass: readonly BinaryCounts[]): Metrics {
  return {
    Precision: macro(perClass, precisionOf),
    Recall: macro(perClass, recallOf),
    'F1 Score': macro(perClass, f1Of),
  };
}

function meanAuc(count: number, aucOf: (c: number) => number | null): number | null {
  let sum = 0;
  for (let c = 0; c < count; c++) {
    const auc = aucOf(c);
    if (auc === null) return null;
    sum += auc;
  }
  return ratio(sum, count);
}

function column(values: ArrayLike<number>, width: number, c: number): Float64Array {
  return Float64Array.from({ length: values.length / width }, (_, row) => values[row * width + c]!);
}

function checkLength(got: number, expected: number): void {
  if (got !== expected) throw new RangeError(`scores need ${expected} values to match the labels, got ${got}`);
}
