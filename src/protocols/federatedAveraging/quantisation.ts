/**
 * From a task's quantisation to the public parameters of each sum, and what a pod checks before it packs anything.
 * @module
 */
import {
  agreedClips,
  type ClipRun,
  maxCount,
  type PodInput,
  rangeCounts,
  rotatedFor,
  rotatedStretches,
  type SummedVector,
} from '../../aggregation/index.ts';
import { isKonsilError, KonsilError } from '../../base/index.ts';
import { type Quantisation, quantisationOf, type Task } from '../../tasks/index.ts';
import type { Purpose, SecureParameters } from '../../wire/index.ts';
import { votesOf } from './sparse.ts';

/** More training rows than any one hospital has; the update's own bound is the sum found in `statistics`. */
export const MAX_ROWS_PER_POD = 20_000_000;
/** Default clip per coordinate of an update: far above any sane step, and at 32 bits its rounding is below 1e-8. */
export const DEFAULT_CLIP = 8;

/** Parameters of a sum without an update: all its slots are exact. */
export function exactSums(cohort: number): SecureParameters {
  return { clip: 1, maxWeight: Math.min(MAX_ROWS_PER_POD, maxCount(cohort)), cohort };
}

/** What the statistics said about weights. */
export interface KnownWeights {
  /** Training rows of the pods that took part. */
  readonly rows: number;
  /** Pods of the task that did not, and may still come. */
  readonly absent: number;
}

/**
 * Parameters of a task's updates, before clips are agreed on. No pod may weigh more than all the rows found; those found
 * and one such pod for each that was absent bound the weight of any sum.
 */
export function updateParameters(
  task: Pick<Task, 'aggregator' | 'pods'>,
  { rows, absent }: KnownWeights,
): SecureParameters {
  const { bits, rounding } = quantisationOf(task.aggregator);
  const cohort = task.pods.length;
  const maxWeight = Math.min(rows, maxCount(cohort));
  const maxTotalWeight = Math.min(rows + absent * maxWeight, cohort * maxWeight);
  return { clip: task.aggregator.clip ?? DEFAULT_CLIP, maxWeight, cohort, bits, rounding, maxTotalWeight };
}

/** Lengths of the stretches of an update that pods agree on a clip for; none when the scale is fixed. */
export function stretchesOf({ scale, rotation }: Quantisation, tensors: readonly number[]): readonly number[] {
  const parameters = tensors.reduce((sum, length) => sum + length, 0);
  if (scale === 'fixed') return [];
  if (scale === 'per_tensor') return tensors.filter((length) => length > 0);
  return rotation ? rotatedStretches(parameters) : [parameters];
}

/** What a task says of the stretches of its updates, beside its model. */
interface Stretches {
  readonly parameters: number;
  readonly stretches?: readonly number[];
  readonly controls?: ClipRun;
}

/**
 * Clips from a sum of ranges: as the pods need them, but not above the task's own clip, and that of control variates.
 * @throws KonsilError AGG_ROUND_SPENT when honest pods cannot have sent these ranges.
 */
export function clipsOf(
  sum: Pick<SummedVector, 'counts'>,
  task: Pick<Task, 'aggregator'>,
  { stretches = [], parameters, controls }: Stretches,
  pods: number,
): readonly ClipRun[] {
  const { scaleQuantile: quantile } = quantisationOf(task.aggregator);
  const { clip = Number.POSITIVE_INFINITY } = task.aggregator;
  let at = 0;
  const most = stretches.map((length) => {
    const isControl = at >= parameters;
    at += length;
    return isControl && controls ? controls.clip : clip;
  });
  try {
    return agreedClips(sum.counts, stretches, { pods, quantile, most });
  } catch (cause) {
    if (!isKonsilError(cause, 'AGG_OVERFLOW')) throw cause;
    throw new KonsilError('AGG_ROUND_SPENT', `some pod sent garbage: ${cause.message}`, {}, { cause });
  }
}

/** A pod's part in the sum of ranges before an update: its ranges, and its votes where the pods choose blocks. */
export function rangeInput(
  update: Float32Array | Float64Array,
  facts: { readonly parameters: number; readonly stretches?: readonly number[]; readonly share?: number },
  secure: Pick<SecureParameters, 'rotation'> | undefined,
): PodInput {
  const bounded = rotatedFor({ rotation: secure?.rotation }, update);
  const { stretches = [] } = facts;
  const counts = stretches.length === 0 ? {} : rangeCounts(bounded, stretches);
  return { ...votesOf(update, facts), extras: {}, counts };
}

/** @throws KonsilError PROTOCOL_VIOLATION when a round's parameters are not those that the task asks for. */
export function checkSecure(secure: SecureParameters, purpose: Purpose, task: Pick<Task, 'aggregator'>): void {
  const { bits, rounding, scale, rotation, sparse } = quantisationOf(task.aggregator);
  const isUpdate = purpose === 'update';
  const rotates = rotation && (isUpdate || purpose === 'range');
  const wrong = [
    purpose === 'range' && scale === 'fixed' && sparse === undefined && 'range',
    (secure.bits ?? 32) !== (isUpdate ? bits : 32) && 'bits',
    (secure.rounding ?? 'nearest') !== (isUpdate ? rounding : 'nearest') && 'rounding',
    (secure.clips !== undefined) !== (isUpdate && scale !== 'fixed') && 'scale',
    (secure.rotation !== undefined) !== rotates && 'rotation',
    (secure.blocks !== undefined) !== (isUpdate && sparse !== undefined) && 'blocks',
  ].find((what) => what !== false);
  if (wrong !== undefined)
    throw new KonsilError('PROTOCOL_VIOLATION', `round start and task disagree on the ${wrong} of a ${purpose}`);
}
