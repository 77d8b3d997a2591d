/**
 * FedAvgM: momentum at the server, v ← β·v + Δ, x ← x + η·v.
 * @source Hsu, Qi, Brown, "Measuring the Effects of Non-Identical Data Distribution for Federated Visual Classification"
 *   (2019), section 4.3: β = 0.9, and v ← βv + Δw with w ← w − v, where Δw has the sign turned.
 * @module
 */
import type { ServerRule } from './serverOptimiser.ts';
import type { StrategySettings } from './strategy.ts';

type Settings = Extract<StrategySettings, { name: 'FedAvgM' }>;

export function fedAvgM({ momentum, serverLearningRate: rate }: Omit<Settings, 'name'>): ServerRule {
  return {
    start: { v: 0 },
    move: ({ v }, i, delta) => {
      v![i] = momentum * v![i]! + delta;
      return rate * v![i];
    },
  };
}
