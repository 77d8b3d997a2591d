/**
 * Optimisers as graph nodes, with PyTorch's update rules. What changes per step but is the same for all parameters
 * (learning rate, bias corrections) is fed as scalars, so the graph holds no step counter.
 * @module
 */

import { adam } from './adam.ts';
import { adagrad, rmsprop } from './adaptive.ts';
import type { Optimiser } from './rule.ts';
import { sgd } from './sgd.ts';
import { checkOptimiser, type OptimiserSpec } from './spec.ts';

export type { Optimiser } from './rule.ts';
export type { OptimiserSpec } from './spec.ts';

/** The optimiser for `spec`. @throws KonsilError CONFIG_INVALID when a number is out of range. */
export function createOptimiser(spec: OptimiserSpec): Optimiser {
  checkOptimiser(spec);
  switch (spec.kind) {
    case 'sgd':
      return sgd(spec);
    case 'rmsprop':
      return rmsprop(spec);
    case 'adagrad':
      return adagrad(spec);
    default:
      return adam(spec);
  }
}
