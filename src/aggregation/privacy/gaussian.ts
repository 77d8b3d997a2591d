/**
 * The Gaussian mechanism, exactly: of all bounds on ε at a δ the smallest that is true.
 * @module
 * @source Balle, Wang, "Improving the Gaussian mechanism for differential privacy" (ICML 2018), theorem 8.
 */
import { logNormalAbove, normalAbove, solveDecreasing } from './special.ts';

/** Far more than any ε that means something; searches end here. */
const LARGEST_EPSILON = 1e6;

/**
 * δ(ε) of the Gaussian mechanism with noise of `noiseMultiplier` sensitivities.
 * @param noiseMultiplier - z > 0. @param epsilon - ≥ 0.
 */
export function gaussianDelta(noiseMultiplier: number, epsilon: number): number {
  const z = noiseMultiplier;
  const above = normalAbove(epsilon * z - 1 / (2 * z));
  return Math.max(0, above - Math.exp(epsilon + logNormalAbove(epsilon * z + 1 / (2 * z))));
}

/** Smallest ε ≥ 0 with δ(ε) ≤ `delta`; infinite without noise. @param delta - In (0, 1). */
export function gaussianEpsilon(noiseMultiplier: number, delta: number): number {
  if (!(noiseMultiplier > 0)) return Number.POSITIVE_INFINITY;
  const epsilon = solveDecreasing((e) => gaussianDelta(noiseMultiplier, e), delta, 0, LARGEST_EPSILON);
  return epsilon === LARGEST_EPSILON ? Number.POSITIVE_INFINITY : epsilon;
}

/** Several Gaussian mechanisms together are one with z = (Σ z_i^-2)^-1/2: privacy losses of normal noise add up as normals. */
export function composedMultiplier(multipliers: Iterable<number>): number {
  let sum = 0;
  for (const z of multipliers) sum += 1 / (z * z);
  return 1 / Math.sqrt(sum);
}
