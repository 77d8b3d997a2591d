/**
 * Checks of predictions and targets. Messages name the row, never a value.
 * @module
 */
import { KonsilError } from '../base/index.ts';

export type Numbers = ArrayLike<number>;

export function checkLength(got: number, expected: number): void {
  if (got !== expected) throw new RangeError(`outputs need ${expected} values to match the labels, got ${got}`);
}

/** @throws KonsilError TRAINING_DIVERGED naming the first row with a number that is not finite. */
export function checkNumbers(outputs: Numbers, rows: number): void {
  for (let i = 0; i < outputs.length; i++) {
    if (Number.isFinite(outputs[i])) continue;
    throw new KonsilError(
      'TRAINING_DIVERGED',
      `the model puts out what is not a finite number, at row ${rowOf(i, outputs.length, rows)}`,
    );
  }
}

/** @throws KonsilError as {@link checkNumbers}; MODEL_MISMATCH naming the first row with a number outside [0, 1]. */
export function checkProbabilities(outputs: Numbers, rows: number): void {
  checkNumbers(outputs, rows);
  for (let i = 0; i < outputs.length; i++) {
    if (outputs[i]! >= 0 && outputs[i]! <= 1) continue;
    const row = rowOf(i, outputs.length, rows);
    throw new KonsilError('MODEL_MISMATCH', `expected probabilities in [0, 1], row ${row} has another number`);
  }
}

function rowOf(index: number, values: number, rows: number): number {
  return rows > 0 ? Math.floor(index / (values / rows)) : index;
}

/** @throws RangeError naming the first row whose label is no class. */
export function checkLabels(y: Numbers, classes: number): void {
  for (let i = 0; i < y.length; i++) {
    if (!Number.isInteger(y[i]) || y[i]! < 0 || y[i]! >= classes)
      throw new RangeError(`labels need integers in [0, ${classes}), row ${i} has another`);
  }
}

/** Column `c` of `[rows, width]`. */
export function column(values: Numbers, width: number, c: number): Float64Array {
  return Float64Array.from({ length: values.length / width }, (_, row) => values[row * width + c]!);
}
