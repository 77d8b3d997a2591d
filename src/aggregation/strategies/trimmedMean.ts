/**
 * The coordinate-wise trimmed mean: of each coordinate the share β of the largest and the share β of the smallest values are
 * left out. Every pod counts alike.
 * @source Yin et al., "Byzantine-Robust Distributed Learning: Towards Optimal Statistical Rates" (ICML 2018), definition 2.
 * @module
 */
import { perCoordinate, type Update } from './collected.ts';

/**
 * Values left out at each end: β·n rounded up, so that few pods are protected too (β = 0.2 of four pods leaves out one, not
 * none), but never all of them. Tiny excesses of products such as 0.1·30 are not rounded up.
 */
export function trimmedAtEnds(pods: number, trim: number): number {
  return Math.min(Math.ceil(trim * pods - 1e-9), Math.floor((pods - 1) / 2));
}

/** @param trim - β in [0, 0.5). */
export function trimmedMean(updates: readonly Update[], trim: number): Float64Array {
  const out = trimmedAtEnds(updates.length, trim);
  return perCoordinate(updates, (sorted) => {
    const kept = sorted.subarray(out, sorted.length - out);
    return kept.reduce((sum, value) => sum + value, 0) / kept.length;
  });
}
