/**
 * From what a model puts out to probabilities.
 * @module
 */

/** 1 / (1 + e^-x), without overflow. */
export function sigmoid(logit: number): number {
  if (logit >= 0) return 1 / (1 + Math.exp(-logit));
  const e = Math.exp(logit);
  return e / (1 + e);
}

/** ln(p / (1 - p)); ±Infinity at 1 and 0. Its sign tells p ≥ 0.5 exactly. */
export function logitOf(probability: number): number {
  return Math.log(probability / (1 - probability));
}

/** Probabilities of each row. @param logits - Shape `[rows, classes]`. */
export function softmax(logits: ArrayLike<number>, classes: number): Float64Array {
  const out = Float64Array.from(logits);
  for (let start = 0; start < out.length; start += classes) {
    const row = out.subarray(start, start + classes);
    const largest = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    let total = 0;
    for (let c = 0; c < row.length; c++) total += row[c] = Math.exp(row[c]! - largest);
    for (let c = 0; c < row.length; c++) row[c]! /= total;
  }
  return out;
}

/** Index of the largest of `values[start … start + count)`, the first of equals. */
export function argmax(values: ArrayLike<number>, start: number, count: number): number {
  let best = 0;
  for (let c = 1; c < count; c++) if (values[start + c]! > values[start + best]!) best = c;
  return best;
}
