/**
 * Which loss, with which options, and whether they are possible.
 * @module
 */
import { KonsilError } from '../../base/index.ts';

/** Names as task files use them. */
export const LOSS_KINDS = [
  'cross_entropy',
  'bce_with_logits',
  'mse',
  'mae',
  'huber',
  'smooth_l1',
  'dice',
  'bce_dice',
  'cox',
  'output',
] as const;
export type LossKind = (typeof LOSS_KINDS)[number];

/** Softmax cross-entropy over axis 1 against class indices. */
export interface CrossEntropySpec {
  readonly kind: 'cross_entropy';
  /** One per class, in [0, ∞), not all 0. The mean is Σ w·l / Σ w over samples, w the weight of a sample's class. @default all 1 */
  readonly classWeights?: readonly number[];
  /** Share of the target spread evenly over all classes, in [0, 1). @default 0 */
  readonly labelSmoothing?: number;
  /** A class index that counts for nothing. @default none: every index must be a class */
  readonly ignoreIndex?: number;
}

/** Sigmoid cross-entropy per output against targets in [0, 1]; several outputs make a multi-label problem. */
export interface BceSpec {
  readonly kind: 'bce_with_logits';
  /** Factor on the positive part, in (0, ∞): one for all outputs, or one for each index of axis 1. @default 1 */
  readonly posWeight?: number | readonly number[];
}

/** Absolute errors above `delta` count linearly. `smooth_l1` is the same divided by its `beta`. */
export interface HuberSpec {
  readonly kind: 'huber';
  /** In (0, ∞). @default 1 */
  readonly delta?: number;
}
export interface SmoothL1Spec {
  readonly kind: 'smooth_l1';
  /** In (0, ∞). @default 1 */
  readonly beta?: number;
}

/** Overlap of sigmoid(output) with a mask, per sample; `bce_dice` adds the sigmoid cross-entropy. */
export interface DiceSpec {
  readonly kind: 'dice' | 'bce_dice';
  /** Added to numerator and denominator, in (0, ∞). @default 1 */
  readonly smooth?: number;
}

/** The model's output already is the loss: one number, or one per sample. */
export interface OutputSpec {
  readonly kind: 'output';
  /** The model's input that takes the targets. @default none: there are no targets */
  readonly targetInput?: string;
}

export type LossOptions =
  | CrossEntropySpec
  | BceSpec
  | { readonly kind: 'mse' | 'mae' | 'cox' }
  | HuberSpec
  | SmoothL1Spec
  | DiceSpec
  | OutputSpec;

/** A loss by name, with defaults, or with options. */
export type LossSpec = LossKind | LossOptions;

function check(name: string, values: readonly number[], isAllowed: (v: number) => boolean, expected: string): void {
  const bad = values.find((value) => !(Number.isFinite(value) && isAllowed(value)));
  if (bad !== undefined) throw new KonsilError('CONFIG_INVALID', `loss ${name} is ${bad}, expected ${expected}`);
}

const isPositive = (v: number): boolean => v > 0;

function checkCrossEntropy({ classWeights, labelSmoothing = 0, ignoreIndex = 0 }: CrossEntropySpec): void {
  check('classWeights', classWeights ?? [], (v) => v >= 0, '[0, ∞)');
  if (classWeights?.every((v) => v === 0))
    throw new KonsilError('CONFIG_INVALID', 'loss classWeights are all 0, expected one above 0');
  check('labelSmoothing', [labelSmoothing], (v) => v >= 0 && v < 1, '[0, 1)');
  check('ignoreIndex', [ignoreIndex], (v) => Number.isInteger(v) && Math.abs(v) < 2 ** 31, 'an integer of 32 bits');
}

/** `spec` with its kind spelled out. @throws KonsilError CONFIG_INVALID when the loss or an option is not possible. */
export function resolveLoss(spec: LossSpec): LossOptions {
  const given = typeof spec === 'string' ? ({ kind: spec } as LossOptions) : spec;
  if (!LOSS_KINDS.includes(given.kind))
    throw new KonsilError('CONFIG_INVALID', `loss "${given.kind}", expected one of ${LOSS_KINDS.join(', ')}`);
  if (given.kind === 'cross_entropy') checkCrossEntropy(given);
  if (given.kind === 'bce_with_logits' && given.posWeight !== undefined)
    check('posWeight', [given.posWeight].flat(), isPositive, '(0, ∞)');
  if (given.kind === 'huber') check('delta', [given.delta ?? 1], isPositive, '(0, ∞)');
  if (given.kind === 'smooth_l1') check('beta', [given.beta ?? 1], isPositive, '(0, ∞)');
  if (given.kind === 'dice' || given.kind === 'bce_dice') check('smooth', [given.smooth ?? 1], isPositive, '(0, ∞)');
  return given;
}
