/**
 * How well scores order positives before negatives, from groups of rows by ascending score: rows of one score at a
 * site (exact), rows of one bin over sites (with a bound on what the bins hide).
 * @module
 */
import type { ScoreHistogram } from './histogram.ts';
import { digammaDifference } from './special.ts';

/** Groups of equal scores, ascending. @param scores - Shape `[rows]`, no NaN. @param labels - Shape `[rows]`, 0 or 1. */
export function scoreGroups(scores: ArrayLike<number>, labels: ArrayLike<number>): ScoreHistogram {
  const order = Uint32Array.from(labels, (_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
  const negative = new Uint32Array(order.length);
  const positive = new Uint32Array(order.length);
  let groups = 0;
  for (let i = 0; i < order.length; i++) {
    if (i === 0 || scores[order[i]!] !== scores[order[i - 1]!]) groups++;
    (labels[order[i]!] === 1 ? positive : negative)[groups - 1]! += 1;
  }
  return { negative: negative.subarray(0, groups), positive: positive.subarray(0, groups) };
}

/** Sum of counts. */
export function total(counts: ArrayLike<number>, from = 0, to = counts.length): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += counts[i]!;
  return sum;
}

/**
 * Average precision, Σ (Rₙ - Rₙ₋₁)·Pₙ over descending scores, rows of a group being tied. Null without a positive.
 * @source as scikit-learn's average_precision_score.
 */
export function averagePrecision({ negative, positive }: ScoreHistogram): number | null {
  let [tp, fp, sum] = [0, 0, 0];
  for (let g = positive.length - 1; g >= 0; g--) {
    tp += positive[g]!;
    fp += negative[g]!;
    if (positive[g]! > 0) sum += (positive[g]! * tp) / (tp + fp);
  }
  return tp > 0 ? sum / tp : null;
}

/**
 * Average precision when the order inside each bin is not known; the exact one lies in [low, high], which are reached.
 *
 * Above a bin of p positives and n negatives lie t positives and f negatives. The precision at its i-th positive from
 * above is at least (t+i) / (t+i+f+n), all negatives of the bin before it, and at most (t+p) / (t+p+f), all positives
 * tied before any negative. The value takes the mean number of negatives before it in a random order, n·i / (p+1).
 * @source own derivation.
 */
export function averagePrecisionOfBins(bins: ScoreHistogram): {
  readonly value: number;
  readonly low: number;
  readonly high: number;
} | null {
  let [tp, fp, value, low, high] = [0, 0, 0, 0, 0];
  for (let b = bins.positive.length - 1; b >= 0; b--) {
    const [p, n] = [bins.positive[b]!, bins.negative[b]!];
    if (p > 0) {
      value += precisionSum(p, tp, tp + fp, 1 + n / (p + 1));
      low += precisionSum(p, tp, tp + fp + n, 1);
      high += (p * (tp + p)) / (tp + p + fp);
    }
    tp += p;
    fp += n;
  }
  return tp > 0 ? { value: value / tp, low: low / tp, high: high / tp } : null;
}

/** Below this many terms a sum is added up, above it its closed form costs less. */
const FEW = 32;

/** Σ (t+i) / (a + b·i) for i = 1…p, as p/b + (t - a/b)/b · (ψ(p+1+a/b) - ψ(1+a/b)) where p is large. */
function precisionSum(p: number, t: number, a: number, b: number): number {
  if (p > FEW) return p / b + ((t - a / b) / b) * digammaDifference(1 + a / b, p);
  let sum = 0;
  for (let i = 1; i <= p; i++) sum += (t + i) / (a + b * i);
  return sum;
}

/**
 * Largest sensitivity of a threshold whose specificity is at least `specificity`; from bins, it lies in [low, high].
 * Null with one class only.
 */
export function sensitivityAt(
  { negative, positive }: ScoreHistogram,
  specificity: number,
): { readonly low: number; readonly high: number } | null {
  const [negatives, positives] = [total(negative), total(positive)];
  if (negatives === 0 || positives === 0) return null;
  // whole rows: 5 % of 100 rows are 5 whatever 1 - 0.95 is in binary
  const allowed = Math.floor(negatives * (1 - specificity) + 1e-9);
  let [tp, fp] = [0, 0];
  for (let g = positive.length - 1; g >= 0; g--) {
    if (fp + negative[g]! > allowed) return { low: tp / positives, high: (tp + positive[g]!) / positives };
    tp += positive[g]!;
    fp += negative[g]!;
  }
  return { low: 1, high: 1 };
}

/** Adjacent groups merged until each has at least `rows` rows, from the highest scores down; the last may lack some. */
export function mergeGroups({ negative, positive }: ScoreHistogram, rows: number): ScoreHistogram {
  const merged: [number, number][] = [];
  let [n, p] = [0, 0];
  for (let g = positive.length - 1; g >= 0; g--) {
    n += negative[g]!;
    p += positive[g]!;
    if (n + p >= rows || (g === 0 && n + p > 0)) {
      merged.push([n, p]);
      [n, p] = [0, 0];
    }
  }
  merged.reverse();
  return { negative: Uint32Array.from(merged, ([x]) => x), positive: Uint32Array.from(merged, ([, x]) => x) };
}
