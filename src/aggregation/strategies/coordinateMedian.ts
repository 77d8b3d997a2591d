/**
 * The coordinate-wise median: each coordinate is right as long as fewer than half of the pods lie. Every pod counts alike.
 * @source Yin et al., "Byzantine-Robust Distributed Learning: Towards Optimal Statistical Rates" (ICML 2018), definition 1.
 * @module
 */
import { perCoordinate, type Update } from './collected.ts';

/** With an even number of updates, the mean of the middle two. */
export function coordinateMedian(updates: readonly Update[]): Float64Array {
  const middle = updates.length / 2;
  const [low, high] = [Math.ceil(middle) - 1, Math.floor(middle)];
  return perCoordinate(updates, (sorted) => (sorted[low]! + sorted[high]!) / 2);
}
