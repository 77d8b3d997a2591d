/**
 * Krum: the one update that is closest to its n − f − 2 nearest others, by the sum of squared distances; it stands as long as
 * n ≥ 2f + 3 pods take part and at most f of them lie. Multi-Krum: the mean of the m updates with the best scores. Every pod
 * counts alike; of equal scores the pod first by name is taken.
 * @source Blanchard et al., "Machine Learning with Adversaries: Byzantine Tolerant Gradient Descent" (NIPS 2017), section 4;
 *   Multi-Krum is from its section 5, with m = n − f in the experiments.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import type { Update } from './collected.ts';

/** Largest f that Krum withstands among `pods` pods. */
export function mostByzantine(pods: number): number {
  return Math.max(0, Math.floor((pods - 3) / 2));
}

function squaredDistance(a: Update, b: Update): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return sum;
}

/** For each update the sum of squared distances to its n − f − 2 nearest others. */
function scores(updates: readonly Update[], byzantine: number): number[] {
  const n = updates.length;
  const distances = updates.map(() => new Float64Array(n));
  for (let i = 0; i < n; i++)
    for (let j = i + 1; j < n; j++) {
      distances[i]![j] = squaredDistance(updates[i]!, updates[j]!);
      distances[j]![i] = distances[i]![j]!;
    }
  return distances.map((row, i) => {
    const others = row.filter((_, j) => j !== i).sort();
    return others.subarray(0, n - byzantine - 2).reduce((sum, distance) => sum + distance, 0);
  });
}

/** What Krum and Multi-Krum take. */
export interface KrumOptions {
  /** f. @default as many as the updates allow */
  readonly byzantine?: number | undefined;
  /** m, at most n − f. @default n − f */
  readonly selected?: number | undefined;
}

/**
 * Multi-Krum; Krum with `selected: 1`.
 * @throws KonsilError AGG_TOO_FEW_SURVIVORS for fewer than 2f + 3 updates.
 */
export function multiKrum(updates: readonly Update[], options: KrumOptions): Float64Array {
  const n = updates.length;
  const { byzantine = mostByzantine(n) } = options;
  if (n < 2 * byzantine + 3)
    throw new KonsilError(
      'AGG_TOO_FEW_SURVIVORS',
      `Krum with ${byzantine} byzantine pods needs ${2 * byzantine + 3} updates, got ${n}`,
    );
  const selected = Math.min(options.selected ?? n, n - byzantine);
  const scored = scores(updates, byzantine).map((score, pod) => ({ score, pod }));
  const best = scored.sort((a, b) => a.score - b.score || a.pod - b.pod).slice(0, selected);
  const mean = new Float64Array(updates[0]!.length);
  for (const { pod } of best.sort((a, b) => a.pod - b.pod))
    for (let i = 0; i < mean.length; i++) mean[i] = mean[i]! + updates[pod]![i]! / selected;
  return mean;
}
