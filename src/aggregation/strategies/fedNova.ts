/**
 * FedNova: normalised averaging. A site that takes more steps than others would pull the mean its way, and the model would
 * minimise another objective than the weighted sum of the sites'. So a pod divides its update by aᵢ, how far its steps go
 * for a constant gradient, and the server multiplies the mean by the mean of the aᵢ:
 *
 *     x ← x + η · (Σ pᵢ·aᵢ) · Σ pᵢ·Δᵢ/aᵢ,   pᵢ = nᵢ/n
 *
 * Both sums are sums over pods, so masks are no obstacle: Σ nᵢ·aᵢ is one more slot. Running statistics are no sum of steps
 * and are averaged as they are.
 * @source Wang et al., "Tackling the Objective Inconsistency Problem in Heterogeneous Federated Optimization" (NeurIPS 2020),
 *   eq. 8 and 9, ‖aᵢ‖₁ of section 4; τ_eff = Σ pᵢ·‖aᵢ‖₁.
 * @module
 */
import { applyDelta, type FedAvgOptions, fedAvg } from './fedAvg.ts';
import type { ServerHalf } from './strategy.ts';

export function fedNova({ serverLearningRate = 1, ...options }: FedAvgOptions): ServerHalf {
  return {
    ...fedAvg({ name: 'FedNova' }),
    step: (parameters, mean, { meanSteps } = {}) => {
      if (!(meanSteps !== undefined && meanSteps > 0 && Number.isFinite(meanSteps)))
        throw new RangeError(`mean steps are ${meanSteps}, expected (0, ∞)`);
      return applyDelta(parameters, mean, { rate: serverLearningRate * meanSteps, trained: options.trained });
    },
  };
}

/** How a site has trained with SGD. */
export interface LocalSteps {
  /** Steps taken, ≥ 1. */
  readonly steps: number;
  /** Sum of their learning rates, in units of the task's learning rate: `steps` when it is constant. */
  readonly rates: number;
  readonly learningRate: number;
  /** @default 0 */
  readonly momentum?: number | undefined;
  /** @default false */
  readonly nesterov?: boolean | undefined;
  /** Proximal μ. @default 0 */
  readonly mu?: number | undefined;
}

/**
 * ‖aᵢ‖₁: how far the steps go for a constant gradient of 1, in learning rates; `steps` for plain SGD. A schedule counts with
 * its mean rate, which is exact without momentum and proximal term.
 */
export function normaliser(local: LocalSteps): number {
  const { steps, rates, learningRate, momentum = 0, nesterov = false, mu = 0 } = local;
  const rate = rates / steps;
  let [way, velocity] = [0, 0];
  for (let step = 0; step < steps; step++) {
    // the proximal term pulls back by μ times the way so far, which is in learning rates
    const gradient = 1 - mu * learningRate * way;
    velocity = momentum * velocity + gradient;
    way += rate * (nesterov ? gradient + momentum * velocity : velocity);
  }
  return way;
}
