/**
 * Learning-rate schedules: a factor on the learning rate as a function of the step alone, so that a federated round
 * goes on where the one before stopped, and no graph knows of it.
 * @module
 * @source torch.optim.lr_scheduler: ConstantLR, StepLR, CosineAnnealingLR, LinearLR, SequentialLR; Loshchilov and Hutter,
 * "SGDR" (2017), eq. 5; Goyal et al., "Accurate, large minibatch SGD" (2017), §2.2, for the warm-up.
 */
import { KonsilError } from '../../base/index.ts';
import { checkNumber } from './spec.ts';

/** The factor rises in a straight line from `warmupStart` to 1 over the first steps; the schedule begins after them. */
interface WarmUp {
  /** Steps, in [0, ∞). @default 0 */
  readonly warmupSteps?: number;
  /** In [0, 1]. @default 1/3, as PyTorch's LinearLR */
  readonly warmupStart?: number;
}

export type ScheduleSpec = WarmUp &
  (
    | { readonly kind: 'constant' }
    /** Times `gamma`, in (0, 1], every `stepSize` steps. */
    | { readonly kind: 'step'; readonly stepSize: number; readonly gamma: number }
    /** Half a cosine from 1 to `minimum`, in [0, 1], over `totalSteps` steps after the warm-up; then `minimum`. */
    | { readonly kind: 'cosine'; readonly totalSteps: number; readonly minimum?: number }
  );

export const SCHEDULE_KINDS = ['constant', 'step', 'cosine'] as const;

const isCount = (v: number): boolean => Number.isInteger(v) && v >= 1;

/** @throws KonsilError CONFIG_INVALID when the schedule is unknown or a number is out of range. */
export function checkSchedule(spec: ScheduleSpec): void {
  if (!SCHEDULE_KINDS.includes(spec.kind))
    throw new KonsilError('CONFIG_INVALID', `schedule "${spec.kind}", expected one of ${SCHEDULE_KINDS.join(', ')}`);
  const isShare = (v: number): boolean => v >= 0 && v <= 1;
  checkNumber('schedule warmupSteps', spec.warmupSteps, (v) => v === 0 || isCount(v), 'an integer in [0, ∞)');
  checkNumber('schedule warmupStart', spec.warmupStart, isShare, '[0, 1]');
  if (spec.kind === 'step') {
    checkNumber('schedule stepSize', spec.stepSize, isCount, 'an integer in [1, ∞)');
    checkNumber('schedule gamma', spec.gamma, (v) => v > 0 && v <= 1, '(0, 1]');
  } else if (spec.kind === 'cosine') {
    checkNumber('schedule totalSteps', spec.totalSteps, isCount, 'an integer in [1, ∞)');
    checkNumber('schedule minimum', spec.minimum, isShare, '[0, 1]');
  }
}

/** Factor of the learning rate at step `step`, counted from 0 over the whole training; in [0, 1]. */
export function scheduleFactor(spec: ScheduleSpec, step: number): number {
  const { warmupSteps = 0, warmupStart = 1 / 3 } = spec;
  if (step < warmupSteps) return warmupStart + ((1 - warmupStart) * step) / warmupSteps;
  const after = step - warmupSteps;
  if (spec.kind === 'step') return spec.gamma ** Math.floor(after / spec.stepSize);
  if (spec.kind === 'constant') return 1;
  const { totalSteps, minimum = 0 } = spec;
  // Deviation from CosineAnnealingLR, which would rise again
  return minimum + ((1 - minimum) * (1 + Math.cos(Math.PI * Math.min(after / totalSteps, 1)))) / 2;
}
