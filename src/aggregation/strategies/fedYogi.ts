/**
 * FedYogi: v ← v − (1 − β₂)·Δ²·sign(v − Δ²), which falls more slowly than FedAdam's where updates become small.
 * @source Reddi et al., "Adaptive Federated Optimization" (ICLR 2021), alg. 2.
 * @module
 */
import { type AdaptiveOptions, adaptive } from './adaptive.ts';
import type { ServerRule } from './serverOptimiser.ts';

export function fedYogi({ beta2, ...options }: AdaptiveOptions & { readonly beta2: number }): ServerRule {
  return adaptive(options, (v, square) => v - (1 - beta2) * square * Math.sign(v - square));
}
