/**
 * Metrics of a confusion matrix. `null` means undefined: nothing to divide by.
 * @module
 */

/** Counts of a two-class decision. */
export interface BinaryCounts {
  readonly tp: number;
  readonly fp: number;
  readonly fn: number;
  readonly tn: number;
}

export function ratio(part: number, whole: number): number | null {
  return whole > 0 ? part / whole : null;
}

export function precisionOf({ tp, fp }: Pick<BinaryCounts, 'tp' | 'fp'>): number | null {
  return ratio(tp, tp + fp);
}

export function recallOf({ tp, fn }: Pick<BinaryCounts, 'tp' | 'fn'>): number | null {
  return ratio(tp, tp + fn);
}

export function specificityOf({ tn, fp }: Pick<BinaryCounts, 'tn' | 'fp'>): number | null {
  return ratio(tn, tn + fp);
}

export function f1Of({ tp, fp, fn }: Pick<BinaryCounts, 'tp' | 'fp' | 'fn'>): number | null {
  return ratio(2 * tp, 2 * tp + fp + fn);
}

/** `matrix[true * classes + predicted]`. Throws nothing: labels must lie in [0, classes). */
export function confusionMatrix(truth: ArrayLike<number>, predicted: ArrayLike<number>, classes: number): Uint32Array {
  const matrix = new Uint32Array(classes * classes);
  for (let i = 0; i < truth.length; i++) matrix[truth[i]! * classes + predicted[i]!]! += 1;
  return matrix;
}

/** Counts of one class against the rest. */
export function oneAgainstRest(matrix: ArrayLike<number>, classes: number, label: number): BinaryCounts {
  let [all, row, column] = [0, 0, 0];
  for (let i = 0; i < matrix.length; i++) all += matrix[i]!;
  for (let c = 0; c < classes; c++) {
    row += matrix[label * classes + c]!;
    column += matrix[c * classes + label]!;
  }
  const tp = matrix[label * classes + label]!;
  return { tp, fp: column - tp, fn: row - tp, tn: all - row - column + tp };
}

/** Share on the diagonal. */
export function accuracyOf(matrix: ArrayLike<number>, classes: number): number | null {
  let [hits, all] = [0, 0];
  for (let i = 0; i < matrix.length; i++) {
    all += matrix[i]!;
    if (i % (classes + 1) === 0) hits += matrix[i]!;
  }
  return ratio(hits, all);
}

/**
 * Mean of a metric over the classes; a class for which it is undefined counts as 0, as scikit-learn's
 * `average="macro", zero_division=0` over all classes has it. Null without any row.
 */
export function macro(
  perClass: readonly BinaryCounts[],
  metric: (counts: BinaryCounts) => number | null,
): number | null {
  const first = perClass[0];
  if (first === undefined || first.tp + first.fp + first.fn + first.tn === 0) return null;
  return perClass.reduce((sum, counts) => sum + (metric(counts) ?? 0), 0) / perClass.length;
}
