/**
 * Which optimiser, with which numbers, and whether they are possible.
 * @module
 */
import { KonsilError } from '../../base/index.ts';

/** Stochastic gradient descent. Defaults: momentum 0, dampening 0, no Nesterov, weightDecay 0 (L2, added to the gradient). */
export interface SgdSpec {
  readonly kind: 'sgd';
  readonly learningRate: number;
  readonly momentum?: number;
  /** Keeps this share of each gradient out of the momentum, in [0, 1]. */
  readonly dampening?: number;
  /** Looks ahead along the momentum; needs momentum above 0 and dampening 0. */
  readonly nesterov?: boolean;
  readonly weightDecay?: number;
}

/**
 * Adam and AdamW. Defaults: betas 0.9 and 0.999, epsilon 1e-8; weightDecay 0 for Adam, 0.01 for AdamW (decoupled); no
 * AMSGrad.
 */
export interface AdamSpec {
  readonly kind: 'adam' | 'adamw';
  readonly learningRate: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  readonly weightDecay?: number;
  /** Divides by the largest second moment so far. */
  readonly amsgrad?: boolean;
}

/** RMSprop. Defaults: alpha 0.99, epsilon 1e-8, momentum 0, not centred, weightDecay 0. */
export interface RmspropSpec {
  readonly kind: 'rmsprop';
  readonly learningRate: number;
  /** What the mean square keeps from step to step, in [0, 1). */
  readonly alpha?: number;
  readonly epsilon?: number;
  readonly momentum?: number;
  /** Divides by the deviation of the gradient instead of its root mean square. */
  readonly centered?: boolean;
  readonly weightDecay?: number;
}

/** Adagrad. Defaults: rateDecay 0, initialAccumulator 0, epsilon 1e-10, weightDecay 0. */
export interface AdagradSpec {
  readonly kind: 'adagrad';
  readonly learningRate: number;
  /** The learning rate is divided by 1 + rateDecay·(step - 1). */
  readonly rateDecay?: number;
  readonly initialAccumulator?: number;
  readonly epsilon?: number;
  readonly weightDecay?: number;
}

export type OptimiserSpec = SgdSpec | AdamSpec | RmspropSpec | AdagradSpec;

export const OPTIMISER_KINDS = ['sgd', 'adam', 'adamw', 'rmsprop', 'adagrad'] as const;

/** @throws KonsilError CONFIG_INVALID unless `value` is undefined or allowed. */
export function checkNumber(
  name: string,
  value: number | undefined,
  isAllowed: (v: number) => boolean,
  expected: string,
): void {
  if (value !== undefined && !(Number.isFinite(value) && isAllowed(value)))
    throw new KonsilError('CONFIG_INVALID', `${name} is ${value}, expected ${expected}`);
}

const isShare = (v: number): boolean => v >= 0 && v < 1;

function checkSgd({ momentum = 0, dampening = 0, nesterov = false }: SgdSpec): void {
  checkNumber('optimiser momentum', momentum, isShare, '[0, 1)');
  checkNumber('optimiser dampening', dampening, (v) => v >= 0 && v <= 1, '[0, 1]');
  if (nesterov && (momentum === 0 || dampening !== 0))
    throw new KonsilError('CONFIG_INVALID', 'optimiser nesterov needs momentum above 0 and dampening 0');
}

/** @throws KonsilError CONFIG_INVALID when the optimiser is unknown or a number is out of range. */
export function checkOptimiser(spec: OptimiserSpec): void {
  if (!OPTIMISER_KINDS.includes(spec.kind))
    throw new KonsilError('CONFIG_INVALID', `optimiser "${spec.kind}", expected one of ${OPTIMISER_KINDS.join(', ')}`);
  checkNumber('optimiser learningRate', spec.learningRate, (v) => v >= 0, '[0, ∞)');
  checkNumber('optimiser weightDecay', spec.weightDecay, (v) => v >= 0, '[0, ∞)');
  if (spec.kind === 'sgd') return checkSgd(spec);
  checkNumber('optimiser epsilon', spec.epsilon, (v) => v > 0, '(0, ∞)');
  if (spec.kind === 'rmsprop') {
    checkNumber('optimiser alpha', spec.alpha, isShare, '[0, 1)');
    checkNumber('optimiser momentum', spec.momentum, isShare, '[0, 1)');
  } else if (spec.kind === 'adagrad') {
    checkNumber('optimiser rateDecay', spec.rateDecay, (v) => v >= 0, '[0, ∞)');
    checkNumber('optimiser initialAccumulator', spec.initialAccumulator, (v) => v >= 0, '[0, ∞)');
  } else {
    checkNumber('optimiser beta1', spec.beta1, isShare, '[0, 1)');
    checkNumber('optimiser beta2', spec.beta2, isShare, '[0, 1)');
  }
}
