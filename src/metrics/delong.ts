/**
 * Standard error and interval of an AUC without assumptions on the distribution of scores.
 * @module
 */
import { BOTH_CLASSES, estimateOf, undefinedEstimate } from './estimate.ts';
import type { Estimate } from './groupEvaluation.ts';
import { aucFromHistogram, type ScoreHistogram } from './histogram.ts';
import { aucInterval, type Interval, Z } from './intervals.ts';
import { total } from './ranking.ts';

/**
 * DeLong's variance of the AUC of groups of tied scores; null with fewer than two rows of a class.
 *
 * The component of a positive is the share of negatives below it (ties half), of a negative the share of positives above;
 * mid-ranks make it one pass over sorted scores.
 * @source DeLong et al., Biometrics 44 (1988); Sun and Xu, IEEE Signal Processing Letters 21 (2014) for the ranks.
 */
export function delongVariance({ negative, positive }: ScoreHistogram): number | null {
  const [negatives, positives] = [total(negative), total(positive)];
  if (negatives < 2 || positives < 2) return null;
  const auc = aucFromHistogram(negative, positive)!.auc;
  let [below, above, ofPositives, ofNegatives] = [0, positives, 0, 0];
  for (let g = 0; g < positive.length; g++) {
    above -= positive[g]!;
    ofPositives += positive[g]! * ((below + negative[g]! / 2) / negatives - auc) ** 2;
    ofNegatives += negative[g]! * ((above + positive[g]! / 2) / positives - auc) ** 2;
    below += negative[g]!;
  }
  return ofPositives / ((positives - 1) * positives) + ofNegatives / ((negatives - 1) * negatives);
}

/**
 * ROC AUC of groups with its interval: DeLong's error on the logit scale, which keeps the ends in (0, 1); Newcombe's where
 * that error is 0 or unknown.
 * @param isBinned - Whether rows of a group may differ in score: then the figure has a bound and the interval is wider by it.
 * @source Pepe, The Statistical Evaluation of Medical Tests (2003), §5.2.4 for the logit scale.
 */
export function aucEstimate(groups: ScoreHistogram, isBinned: boolean): Estimate {
  const found = aucFromHistogram(groups.negative, groups.positive);
  if (found === null) return undefinedEstimate(BOTH_CLASSES);
  const { auc } = found;
  const bound = isBinned ? found.bound : 0;
  const binned = isBinned && { bound, note: `from score bins, within ${bound.toPrecision(2)} of exact` };
  const variance = delongVariance(groups);
  if (variance === null || variance < 1e-15 || auc <= 0 || auc >= 1) {
    const interval = aucInterval(auc, total(groups.negative), total(groups.positive), bound);
    return estimateOf(auc, interval, { method: 'Newcombe', ...binned });
  }
  const standardError = Math.sqrt(variance);
  const [low, high] = logitInterval(auc, standardError);
  const interval = [Math.max(0, low - bound), Math.min(1, high + bound)] as const;
  return estimateOf(auc, interval, { method: 'DeLong', standardError, ...binned });
}

/** Interval of a share with a standard error, symmetric in its log-odds. @param share - In (0, 1). */
export function logitInterval(share: number, standardError: number): Interval {
  const half = (Z * standardError) / (share * (1 - share));
  const odds = share / (1 - share);
  const back = (by: number): number => (by === Number.POSITIVE_INFINITY ? 1 : (odds * by) / (1 + odds * by));
  return [back(Math.exp(-half)), back(Math.exp(half))];
}
