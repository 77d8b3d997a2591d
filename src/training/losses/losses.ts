/**
 * Losses as graph nodes: the weighted mean over samples, and its gradient with respect to the model's output in closed
 * form. Sample weights let a short batch be padded: a row of weight 0 changes neither loss nor gradient.
 * @module
 */
import { cox } from './cox.ts';
import { crossEntropy } from './crossEntropy.ts';
import { bceDice, dice } from './dice.ts';
import { bceWithLogits, huber, meanAbsoluteError, meanSquaredError } from './elementwise.ts';
import { outputLoss } from './output.ts';
import type { LossRule } from './rule.ts';
import type { LossOptions } from './spec.ts';

/** The rule for `options` as `resolveLoss` gives them, on batches of `batchSize`. */
export function createLoss(options: LossOptions, batchSize: number): LossRule {
  switch (options.kind) {
    case 'cross_entropy':
      return crossEntropy(options);
    case 'bce_with_logits':
      return bceWithLogits(options);
    case 'mse':
      return meanSquaredError;
    case 'mae':
      return meanAbsoluteError;
    case 'huber':
      return huber(options.delta ?? 1, 1);
    case 'smooth_l1':
      return huber(options.beta ?? 1, options.beta ?? 1);
    case 'dice':
      return dice(options.smooth ?? 1);
    case 'bce_dice':
      return bceDice(options.smooth ?? 1);
    case 'cox':
      return cox;
    case 'output':
      return outputLoss(batchSize);
  }
}
