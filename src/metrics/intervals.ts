/**
 * 95 % intervals in closed form.
 * @module
 */
/** 97.5 % quantile of the standard normal distribution. */
export const Z = 1.959963984540054;

/** Both ends of an interval. */
export type Interval = readonly [low: number, high: number];

/** Interval of a share `hits / all`. @source Wilson (1927); stays inside [0, 1] and is sound for small `all`. */
export function wilsonInterval(hits: number, all: number): Interval {
  const share = hits / all;
  const centre = (share + (Z * Z) / (2 * all)) / (1 + (Z * Z) / all);
  const half = (Z * Math.sqrt((share * (1 - share)) / all + (Z * Z) / (4 * all * all))) / (1 + (Z * Z) / all);
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

/**
 * Interval of an F1 score: F1 = 2s / (1 + s) grows with the share s = TP / (TP + FP + FN) of a binomial count, so
 * Wilson's limits of s carry over, also when every row is right. Null when there is nothing to count.
 */
export function f1Interval(truePositives: number, errors: number): Interval | null {
  if (truePositives + errors === 0) return null;
  const [low, high] = wilsonInterval(truePositives, truePositives + errors);
  return [(2 * low) / (1 + low), (2 * high) / (1 + high)];
}

/** Standard error of an AUC. @source Hanley and McNeil, Radiology 143 (1982), equation 1. */
function aucStandardError(auc: number, negatives: number, positives: number): number {
  const q1 = auc / (2 - auc);
  const q2 = (2 * auc * auc) / (1 + auc);
  const variance = auc * (1 - auc) + (positives - 1) * (q1 - auc * auc) + (negatives - 1) * (q2 - auc * auc);
  return Math.sqrt(Math.max(0, variance) / (negatives * positives));
}

/**
 * Interval of an AUC, widened by `bound`, inside [0, 1]: the areas whose own standard error makes `auc` plausible. Unlike
 * `auc` ± its error, it has a width when every pair was ordered rightly.
 * @source Newcombe, Statistics in Medicine 25 (2006), method 5.
 */
export function aucInterval(auc: number, negatives: number, positives: number, bound = 0): Interval {
  const plausible = (area: number): boolean => Math.abs(auc - area) <= Z * aucStandardError(area, negatives, positives);
  /** The last plausible area on the way from `auc` to `end`; bisection to 1e-6. */
  const limit = (end: number): number => {
    if (plausible(end)) return end;
    let [inside, outside] = [auc, end];
    while (Math.abs(outside - inside) > 1e-6) {
      const middle = (inside + outside) / 2;
      if (plausible(middle)) inside = middle;
      else outside = middle;
    }
    return inside;
  };
  return [Math.max(0, limit(0) - bound), Math.min(1, limit(1) + bound)];
}

/** Normal interval of a mean from `count` values with this sum and sum of squares; null for fewer than two. */
export function meanInterval(sum: number, sumSquares: number, count: number): Interval | null {
  if (count < 2) return null;
  const mean = sum / count;
  const variance = Math.max(0, sumSquares - count * mean * mean) / (count - 1);
  const half = Z * Math.sqrt(variance / count);
  return [mean - half, mean + half];
}
