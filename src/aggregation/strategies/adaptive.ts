/**
 * What FedAdagrad, FedYogi and FedAdam share: m ← β₁·m + (1 − β₁)·Δ, a second moment v by a rule of its own, and
 * x ← x + η·m/(√v + τ). v begins with τ². There is no bias correction, as in the paper.
 * @source Reddi et al., "Adaptive Federated Optimization" (ICLR 2021), alg. 2; v₋₁ ≥ τ² from its theorem 1.
 * @module
 */
import type { ServerRule } from './serverOptimiser.ts';

export interface AdaptiveOptions {
  /** η. */
  readonly serverLearningRate: number;
  /** β₁ in [0, 1). */
  readonly beta1: number;
  /** τ > 0: how adaptive a step is; the smaller, the more. */
  readonly tau: number;
}

/** @param second - v after a round, from v before and Δ². */
export function adaptive(
  { serverLearningRate: rate, beta1, tau }: AdaptiveOptions,
  second: (v: number, square: number) => number,
): ServerRule {
  return {
    start: { m: 0, v: tau * tau },
    move: ({ m, v }, i, delta) => {
      m![i] = beta1 * m![i]! + (1 - beta1) * delta;
      v![i] = second(v![i]!, delta * delta);
      return (rate * m![i]) / (Math.sqrt(v![i]) + tau);
    },
  };
}
