/**
 * Losses as a task names them: what each is for, and its options.
 * @module
 */
import { z } from 'zod';
import type { ProblemKind } from '../datasources/index.ts';
import type { LossKind } from '../training/index.ts';
import type { Path, Problem } from './configFile.ts';
import { FILLED_IN } from './keys.ts';

export const LOSSES = [
  ...(['cross_entropy', 'bce_with_logits'] as const),
  ...(['mse', 'mae', 'huber', 'smooth_l1'] as const),
  ...(['dice', 'bce_dice', 'cox'] as const),
] as const satisfies readonly LossKind[];
export type Loss = (typeof LOSSES)[number];

export const lossOptions = z.strictObject({
  class_weights: z
    .array(z.number().min(0).max(1e6))
    .min(2)
    .max(10_000)
    .meta({ [FILLED_IN]: true })
    .optional()
    .meta({
      description:
        'Only for cross_entropy: weight of each class, in the order of categories, or `statistics` for what weighs all classes alike. Default: all 1.',
    }),
  label_smoothing: z.number().min(0).lt(1).optional().meta({
    description: 'Only for cross_entropy: share of the target spread over all classes. Default 0.',
  }),
  positive_weight: z.number().positive().max(1e6).optional().meta({
    description: 'Only for bce_with_logits: factor on the loss of positive rows. Default 1.',
  }),
  delta: z.number().positive().max(1e6).optional().meta({
    description: 'Only for huber: errors above it count linearly. Default 1.',
  }),
  beta: z.number().positive().max(1e6).optional().meta({
    description: 'Only for smooth_l1: errors above it count linearly. Default 1.',
  }),
  smooth: z.number().positive().max(1e6).optional().meta({
    description: 'Only for dice and bce_dice: added to both parts of the overlap. Default 1.',
  }),
});

/** What a loss is for. */
export interface Target {
  readonly kind: ProblemKind;
  readonly classes: readonly string[];
}

/** Losses that fit, the default first. */
export function lossesFor({ kind, classes }: Target): readonly Loss[] {
  switch (kind) {
    case 'regression':
      return ['mse', 'mae', 'huber', 'smooth_l1'];
    case 'multiclass':
      return ['cross_entropy'];
    case 'binary':
      return ['bce_with_logits', 'cross_entropy'];
    case 'multilabel':
      return ['bce_with_logits'];
    case 'survival':
      return ['cox'];
    case 'segmentation':
      return classes.length === 2 ? ['cross_entropy', 'bce_with_logits', 'dice', 'bce_dice'] : ['cross_entropy'];
  }
}

/** Options of the file, and what the program calls them. */
export const LOSS_OPTIONS = {
  class_weights: 'classWeights',
  label_smoothing: 'labelSmoothing',
  positive_weight: 'posWeight',
  delta: 'delta',
  beta: 'beta',
  smooth: 'smooth',
};

/** Options that belong to some losses only. */
export const LOSS_KEYS = {
  class_weights: ['cross_entropy'],
  label_smoothing: ['cross_entropy'],
  positive_weight: ['bce_with_logits'],
  delta: ['huber'],
  beta: ['smooth_l1'],
  smooth: ['dice', 'bce_dice'],
} as const;

/** @param path - Of the hyperparameters. */
export function checkClassWeights(
  weights: readonly number[] | undefined,
  path: Path,
  classes: number | undefined,
): Problem[] {
  if (weights === undefined || !classes) return [];
  const at = [...path, 'loss_options', 'class_weights'];
  if (weights.length !== classes)
    return [{ path: at, message: `expected one for each of the ${classes} classes, got ${weights.length}` }];
  return weights.some((weight) => weight > 0) ? [] : [{ path: at, message: 'expected one above 0' }];
}
