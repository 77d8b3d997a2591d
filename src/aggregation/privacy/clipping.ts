/**
 * Bounding an update's length, and finding a good bound privately while training.
 * @module
 */

/** L2 norm of an update. */
export function normOf(update: Float32Array | Float64Array): number {
  let sum = 0;
  for (let i = 0; i < update.length; i++) sum += update[i]! * update[i]!;
  return Math.sqrt(sum);
}

/** Factor in (0, 1] that brings a vector of length `norm` to at most `clipNorm`. */
export function clipFactor(norm: number, clipNorm: number): number {
  return norm > clipNorm ? clipNorm / norm : 1;
}

/** How the clip norm follows the updates. */
export interface AdaptiveClip {
  /** γ: share of updates that should lie below the clip norm, in (0, 1). @default 0.5 */
  readonly quantile: number;
  /** η: the norm changes by at most a factor e^η a round, > 0. @default 0.2 */
  readonly rate: number;
  /** Share of the budget (of Σ z^-2) that the estimate of the quantile takes, in (0, 1). @default 0.1 */
  readonly budgetShare: number;
}

/**
 * z of the update and of the indicator, such that both together cost what one release with `noiseMultiplier` does.
 * @source Andrew, Thakkar, McMahan, Ramaswamy, "Differentially private learning with adaptive clipping" (NeurIPS 2021),
 *   theorem 1: z^-2 = z_Δ^-2 + z_b^-2. There the indicator's noise is given, here its share.
 */
export function splitMultiplier(
  noiseMultiplier: number,
  budgetShare: number,
): { readonly update: number; readonly indicator: number } {
  return { update: noiseMultiplier / Math.sqrt(1 - budgetShare), indicator: noiseMultiplier / Math.sqrt(budgetShare) };
}

/** Share of updates below the clip norm, as the noisy sum of ±`units` of `pods` pods says; in [0, 1]. */
export function shareBelow(sum: number, pods: number, units: number): number {
  return Math.min(1, Math.max(0, 0.5 + sum / (2 * units * pods)));
}

/** The next clip norm, C·exp(−η·(share below − γ)) (Andrew et al. 2021, algorithm 1). */
export function nextClip(clipNorm: number, below: number, { quantile, rate }: AdaptiveClip): number {
  return clipNorm * Math.exp(-rate * (below - quantile));
}
