/**
 * Losses that the true probability minimises.
 * @module
 */

/** Probabilities below count as this, as in scikit-learn's log_loss before version 1.3. */
const LEAST = 1e-15;

/** -ln of the probability that was given to what happened; at most 34.5. */
export function logLossOf(probability: number): number {
  return -Math.log(Math.min(1 - LEAST, Math.max(LEAST, probability)));
}
