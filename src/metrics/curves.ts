/**
 * Curves over the threshold of one class against the rest, each point with a 95 % band for its own threshold.
 * @module
 */
import type { Band, Curves } from './groupEvaluation.ts';
import { edgeOf, type ScoreHistogram } from './histogram.ts';
import { type Interval, wilsonInterval, Z } from './intervals.ts';
import { mergeGroups, total } from './ranking.ts';

/** A curve of more points than this is not seen to differ from one of so many. */
const MOST_POINTS = 200;

const bandOf = (intervals: readonly Interval[]): Band => ({
  low: intervals.map(([low]) => low),
  high: intervals.map(([, high]) => high),
});

/** Rows called positive at a threshold. */
export interface OperatingPoint {
  readonly tp: number;
  readonly fp: number;
}

/** At each threshold that groups allow, from the highest threshold down. */
function operatingPoints(groups: ScoreHistogram): OperatingPoint[] {
  const rows = total(groups.negative) + total(groups.positive);
  const { negative, positive } = mergeGroups(groups, Math.max(1, Math.ceil(rows / MOST_POINTS)));
  const points: OperatingPoint[] = [];
  let [tp, fp] = [0, 0];
  for (let g = positive.length - 1; g >= 0; g--) {
    tp += positive[g]!;
    fp += negative[g]!;
    points.push({ tp, fp });
  }
  return points;
}

/** ROC and precision-recall curve; each passes through exact points, whether or not groups are bins. */
export function rankingCurves(groups: ScoreHistogram): Pick<Curves, 'roc' | 'precisionRecall'> {
  return curvesThrough(operatingPoints(groups), total(groups.negative), total(groups.positive));
}

/** The curves through these points and (0, 0). @param points - Ascending, the last with all rows. */
export function curvesThrough(
  points: readonly OperatingPoint[],
  negatives: number,
  positives: number,
): Pick<Curves, 'roc' | 'precisionRecall'> {
  if (positives === 0) return {};
  const precisionRecall = {
    recall: points.map(({ tp }) => tp / positives),
    precision: points.map(({ tp, fp }) => tp / (tp + fp)),
    band: bandOf(points.map(({ tp, fp }) => wilsonInterval(tp, tp + fp))),
  };
  if (negatives === 0) return { precisionRecall };
  const all = [{ tp: 0, fp: 0 }, ...points];
  const roc = {
    falsePositiveRate: all.map(({ fp }) => fp / negatives),
    sensitivity: all.map(({ tp }) => tp / positives),
    band: bandOf(all.map(({ tp }) => wilsonInterval(tp, positives))),
  };
  return { roc, precisionRecall };
}

const THRESHOLDS = [0.01, 0.02, 0.05, ...Array.from({ length: 17 }, (_, i) => (i + 2) / 20), 0.95, 0.98, 0.99];

/**
 * Net benefit, tp/n - fp/n · t/(1-t), of treating those at or above each threshold t. Thresholds are edges of the bins near
 * round ones, so the figures are exact. The band is normal, from the multinomial variance.
 * @source Vickers and Elkin, Medical Decision Making 26 (2006); band as in Vickers et al., BMC Med Inform 8 (2008).
 */
export function decisionCurve({ negative, positive }: ScoreHistogram): Curves['decision'] {
  const [bins, rows, positives] = [positive.length, total(negative) + total(positive), total(positive)];
  if (rows === 0 || positives === 0 || positives === rows) return undefined;
  const edges = [...new Set(THRESHOLDS.map((t) => nearestEdge(t, bins)))];
  const points = edges.map((edge) => {
    const threshold = edgeOf(edge, bins);
    const odds = threshold / (1 - threshold);
    const [tp, fp] = [total(positive, edge) / rows, total(negative, edge) / rows];
    const benefit = tp - fp * odds;
    const half = Z * Math.sqrt(Math.max(0, tp + fp * odds * odds - benefit * benefit) / rows);
    const prevalence = positives / rows;
    return {
      threshold,
      benefit,
      treatAll: prevalence - (1 - prevalence) * odds,
      interval: [benefit - half, benefit + half] as const,
    };
  });
  return {
    threshold: points.map(({ threshold }) => threshold),
    netBenefit: points.map(({ benefit }) => benefit),
    treatAll: points.map(({ treatAll }) => treatAll),
    band: bandOf(points.map(({ interval }) => interval)),
  };
}

/** Never an end, where the odds would be infinite or the curve ends. */
function nearestEdge(threshold: number, bins: number): number {
  let best = 1;
  for (let bin = 2; bin < bins; bin++)
    if (Math.abs(edgeOf(bin, bins) - threshold) < Math.abs(edgeOf(best, bins) - threshold)) best = bin;
  return best;
}
