/**
 * FedAdam: v ← β₂·v + (1 − β₂)·Δ².
 * @source Reddi et al., "Adaptive Federated Optimization" (ICLR 2021), alg. 2.
 * @module
 */
import { type AdaptiveOptions, adaptive } from './adaptive.ts';
import type { ServerRule } from './serverOptimiser.ts';

export function fedAdam({ beta2, ...options }: AdaptiveOptions & { readonly beta2: number }): ServerRule {
  return adaptive(options, (v, square) => beta2 * v + (1 - beta2) * square);
}
