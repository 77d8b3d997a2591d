/**
 * ROC AUC from two histograms of scores, which sites can add up, with a bound on what the bins hide.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { logitOf, sigmoid } from './activations.ts';

/** Logits beyond ±64 (probabilities within 1e-27 of 0, or 1 in doubles) fall in the outermost bins. */
const LIMIT = 64;
/** Bins are nearly equal in logits up to about this, and widen beyond: those of overconfident models go far out. */
const KNEE = 8;
const REACH = Math.log1p(LIMIT / KNEE);
/** Default number of bins; even, so that logit 0 (probability 0.5) is exactly an edge. */
export const HISTOGRAM_BINS = 1024;

/** Probability at which bin `bin` of `bins` begins. */
export function edgeOf(bin: number, bins: number): number {
  const step = (2 * bin) / bins - 1;
  return sigmoid(Math.sign(step) * KNEE * Math.expm1(Math.abs(step) * REACH));
}

/** The edge nearest to a probability in (0, 1), never an outermost one. */
export function nearestEdge(probability: number, bins: number): number {
  return Math.min(bins - 1, Math.max(1, bins / 2 + Math.round(fromMiddle(logitOf(probability), bins))));
}

/** Bins, and parts of one, from the middle to `logit`. */
function fromMiddle(logit: number, bins: number): number {
  return (Math.sign(logit) * Math.log1p(Math.abs(logit) / KNEE) * bins) / (2 * REACH);
}

/** Counts of negatives and positives in each bin, by ascending score. */
export interface ScoreHistogram {
  readonly negative: Uint32Array;
  readonly positive: Uint32Array;
}

/**
 * @param logits - Shape `[rows]`. @param labels - Shape `[rows]`, 0 or 1.
 * @throws KonsilError TRAINING_DIVERGED when a logit is NaN.
 */
export function scoreHistogram(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  bins: number = HISTOGRAM_BINS,
): ScoreHistogram {
  if (!Number.isSafeInteger(bins) || bins < 2 || bins % 2 !== 0)
    throw new RangeError(`bins needs an even integer ≥ 2, got ${bins}`);
  const negative = new Uint32Array(bins);
  const positive = new Uint32Array(bins);
  for (let i = 0; i < labels.length; i++) {
    const logit = logits[i]!;
    if (Number.isNaN(logit)) throw new KonsilError('TRAINING_DIVERGED', 'the model puts out what is not a number');
    // the half is added last: added first it would round a tiny negative logit up to the edge
    const bin = Math.min(bins - 1, Math.max(0, bins / 2 + Math.floor(fromMiddle(logit, bins))));
    (labels[i] === 1 ? positive : negative)[bin]! += 1;
  }
  return { negative, positive };
}

/**
 * AUC with pairs of one bin counted half; the exact one lies within `bound`. Null with one class only.
 * bound = Σ_b neg_b·pos_b / (2·N·P): every pair inside a bin may be fully right or fully wrong.
 */
export function aucFromHistogram(
  negative: ArrayLike<number>,
  positive: ArrayLike<number>,
): { readonly auc: number; readonly bound: number } | null {
  let [below, positives, wins, within] = [0, 0, 0, 0];
  for (let b = 0; b < negative.length; b++) {
    const pairs = negative[b]! * positive[b]!;
    wins += positive[b]! * below + pairs / 2;
    within += pairs;
    below += negative[b]!;
    positives += positive[b]!;
  }
  const pairs = below * positives;
  return pairs === 0 ? null : { auc: wins / pairs, bound: within / (2 * pairs) };
}
