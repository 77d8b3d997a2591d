/**
 * FedAdagrad: v ← v + Δ².
 * @source Reddi et al., "Adaptive Federated Optimization" (ICLR 2021), alg. 2; β₁ = 0 as in its experiments.
 * @module
 */
import { type AdaptiveOptions, adaptive } from './adaptive.ts';
import type { ServerRule } from './serverOptimiser.ts';

export function fedAdagrad(options: AdaptiveOptions): ServerRule {
  return adaptive(options, (v, square) => v + square);
}
