/**
 * Metrics of a numeric prediction, from predictions and targets of one site.
 * @source spec/platform.md §4.7.
 * @module
 */
import type { Metrics } from './classification.ts';
import { ratio } from './confusion.ts';

/** @param predictions - Shape `[rows]`. @param targets - Shape `[rows]`. */
export function evaluateRegression(predictions: ArrayLike<number>, targets: ArrayLike<number>): Metrics {
  const rows = targets.length;
  if (predictions.length !== rows) throw new RangeError(`predictions need ${rows} values, got ${predictions.length}`);
  const mean = Array.from(targets).reduce((sum, target) => sum + target, 0) / rows;
  let [absolute, squares, spread] = [0, 0, 0];
  for (let i = 0; i < rows; i++) {
    const error = predictions[i]! - targets[i]!;
    absolute += Math.abs(error);
    squares += error * error;
    spread += (targets[i]! - mean) ** 2;
  }
  const mse = ratio(squares, rows);
  return {
    'Mean Absolute Error': ratio(absolute, rows),
    'Mean Squared Error': mse,
    'R2 Score': r2Of(squares, spread),
    'Root Mean Squared Error': mse === null ? null : Math.sqrt(mse),
    'Kolmogorov-Smirnov Test': rows === 0 ? null : kolmogorovSmirnov(predictions, targets),
  };
}

/** 1 - residual / total sum of squares; null for one row or constant targets. */
export function r2Of(residual: number, total: number): number | null {
  return total > 0 ? 1 - residual / total : null;
}

/** Largest distance between the two empirical distribution functions, in [0, 1]. */
function kolmogorovSmirnov(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [x, y] = [Float64Array.from(a).sort(), Float64Array.from(b).sort()];
  let [i, j, largest] = [0, 0, 0];
  while (i < x.length && j < y.length) {
    const at = Math.min(x[i]!, y[j]!);
    while (i < x.length && x[i]! <= at) i++;
    while (j < y.length && y[j]! <= at) j++;
    largest = Math.max(largest, Math.abs(i / x.length - j / y.length));
  }
  return largest;
}
