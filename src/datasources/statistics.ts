/**
 * Sums from which sites together scale their inputs alike, and the scaling.
 * @module
 */

/** Per feature, over the rows that have a value; sums of shards add up to those of the whole. */
export interface FeatureStatistics {
  readonly count: Float64Array;
  readonly sum: Float64Array;
  readonly sumSquares: Float64Array;
}

/** `(x - mean) / scale` has mean 0 and deviation 1. */
export interface Standardiser {
  readonly mean: Float32Array;
  /** Population standard deviation; 1 where a feature is constant or never seen. */
  readonly scale: Float32Array;
}

function rowsOf(x: Float32Array, width: number): number {
  // rows of nothing but images have no numbers
  if (width === 0 && x.length === 0) return 0;
  if (!Number.isSafeInteger(width) || width < 1 || x.length % width !== 0)
    throw new RangeError(`width needs an integer ≥ 1 that divides ${x.length}, got ${width}`);
  return x.length / width;
}

/** @param x - Shape `[rows, width]`; NaN is skipped. */
export function featureStatistics(x: Float32Array, width: number): FeatureStatistics {
  const rows = rowsOf(x, width);
  const [count, sum, sumSquares] = [new Float64Array(width), new Float64Array(width), new Float64Array(width)];
  for (let row = 0; row < rows; row++) {
    for (let j = 0; j < width; j++) {
      const value = x[row * width + j]!;
      if (Number.isNaN(value)) continue;
      count[j]! += 1;
      sum[j]! += value;
      sumSquares[j]! += value * value;
    }
  }
  return { count, sum, sumSquares };
}

/** Mean and scale from summed statistics. */
export function standardiser(
  statistics: {
    readonly [Key in keyof FeatureStatistics]: ArrayLike<number>;
  },
): Standardiser {
  const width = statistics.count.length;
  const [mean, scale] = [new Float32Array(width), new Float32Array(width)];
  for (let j = 0; j < width; j++) {
    const count = statistics.count[j]!;
    const average = count > 0 ? statistics.sum[j]! / count : 0;
    const meanSquare = count > 0 ? statistics.sumSquares[j]! / count : 0;
    const variance = meanSquare - average * average;
    mean[j] = average;
    // what is left of a constant after the subtraction is rounding, about 1e-16 of the mean square a row
    scale[j] = variance > 1e-12 * meanSquare ? Math.sqrt(variance) : 1;
  }
  return { mean, scale };
}

/**
 * `(x - mean) / scale`; a missing value counts as the mean, hence becomes 0. Tasks that do not standardise use
 * {@link imputeMean} instead.
 * @param x - Shape `[rows, width]`.
 */
export function applyStandardiser(
  x: Float32Array,
  width: number,
  mean: ArrayLike<number>,
  scale: ArrayLike<number>,
): Float32Array {
  rowsOf(x, width);
  return x.map((value, i) => (Number.isNaN(value) ? 0 : (value - mean[i % width]!) / scale[i % width]!));
}

/** Missing values replaced by the mean, for tasks that do not standardise. @param x - Shape `[rows, width]`. */
export function imputeMean(x: Float32Array, width: number, mean: ArrayLike<number>): Float32Array {
  rowsOf(x, width);
  return x.map((value, i) => (Number.isNaN(value) ? mean[i % width]! : value));
}
