/**
 * Differentially private training: what it is asked for.
 * @module
 * @source Abadi et al., "Deep learning with differential privacy" (2016), algorithm 1.
 */
import { KonsilError } from '../../base/index.ts';

/** DP-SGD. The accounting of (ε, δ) over steps is not done here. */
export interface PrivacySpec {
  /** Largest L2 norm of one row's gradient, in (0, ∞): the sum of gradients changes by at most this when a row is left out. */
  readonly clipNorm: number;
  /** Deviation of the noise on that sum, in units of `clipNorm`, in [0, ∞). */
  readonly noiseMultiplier: number;
}

/** @throws KonsilError CONFIG_INVALID when a number is out of range. */
export function checkPrivacy({ clipNorm, noiseMultiplier }: PrivacySpec): void {
  if (!(Number.isFinite(clipNorm) && clipNorm > 0))
    throw new KonsilError('CONFIG_INVALID', `privacy clipNorm is ${clipNorm}, expected (0, ∞)`);
  if (!(Number.isFinite(noiseMultiplier) && noiseMultiplier >= 0))
    throw new KonsilError('CONFIG_INVALID', `privacy noiseMultiplier is ${noiseMultiplier}, expected [0, ∞)`);
}
