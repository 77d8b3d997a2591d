/**
 * How many pods must agree, answer and be summed. Complete graph: every pod shares with every other.
 * @source Bonawitz et al., "Practical Secure Aggregation for Privacy-Preserving Machine Learning" (CCS 2017), §6.2 and
 *   Theorem 6.5 (active adversary).
 * @module
 */
import { KonsilError } from '../../base/index.ts';

/** Fewer than three pods cannot hide an input: each of two would subtract its own. */
export const MIN_COHORT = 3;
/** The complete graph's messages grow with n²; above this a sparse neighbour graph is the right engine. */
export const MAX_COHORT = 32;

/** The public numbers of one cohort size; all counts of pods. */
export interface Thresholds {
  /** Cohort size, pods in the roster. */
  readonly n: number;
  /** Pods assumed to collude with the coordinator at worst. */
  readonly colluding: number;
  /**
   * Shares that rebuild a secret, and signatures that prove one survivor list. 2t > n + c: each honest pod answers one
   * list and one kind of share, so no coordinator with c pods can get t answers twice.
   */
  readonly t: number;
  /** Fewest inputs a sum may have; c + 2 leaves at least two honest ones in it. */
  readonly minSurvivors: number;
}

/**
 * Thresholds of a cohort of `n` pods.
 * @throws KonsilError CONFIG_INVALID outside [{@link MIN_COHORT}, {@link MAX_COHORT}].
 */
export function thresholdsFor(n: number): Thresholds {
  if (!Number.isInteger(n) || n < MIN_COHORT || n > MAX_COHORT)
    throw new KonsilError(
      'CONFIG_INVALID',
      `secure aggregation needs between ${MIN_COHORT} and ${MAX_COHORT} pods, got ${n}`,
      { n },
    );
  const colluding = Math.floor((n - 1) / 3);
  const t = Math.floor((n + colluding) / 2) + 1;
  return { n, colluding, t, minSurvivors: Math.max(3, t, colluding + 2) };
}
