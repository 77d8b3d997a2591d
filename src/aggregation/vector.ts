/**
 * The slots of one masked vector: quantised update, weight, wide metric sums, counts, clipped coordinates. The layout is
 * public, the same for all pods, and hashed into the context.
 * @module
 */
import { frame, KonsilError } from '../base/index.ts';
import { sha256 } from '../crypto/index.ts';
import { decodeMean, encode, quantiseLevels } from './quantise.ts';
import { decodeWide, encodeCount, encodeWide, maxCount, WIDE_WORDS } from './wideInt.ts';

/** What the vector carries. Slots lie in the order: update, weight, extras, counts (both as listed), clipped. */
export interface VectorSpec {
  /** Pods in the roster, the most a sum may have. */
  readonly cohort: number;
  /** Coordinates of the update; 0 for pure statistics. */
  readonly updateLength: number;
  /** Clip bound of the update, > 0. */
  readonly clip: number;
  /** Largest weight of a pod. */
  readonly maxWeight: number;
  /** Names of real-valued sums, |value| < 2^64 each. */
  readonly extras: readonly string[];
  /** Names of exact counts. */
  readonly counts: readonly string[];
}

/** One pod's contribution. */
export interface PodInput {
  /** Absent when `updateLength` is 0. */
  readonly update?: Float32Array | Float64Array;
  /** Sample count n_i, in [1, maxWeight]; 0 is allowed without an update. */
  readonly weight: number;
  readonly extras: Readonly<Record<string, number>>;
  readonly counts: Readonly<Record<string, number>>;
}

/** What a sum over survivors says. */
export interface SummedVector {
  /** Weighted mean of the clipped updates. */
  readonly mean: Float64Array;
  readonly totalWeight: number;
  readonly extras: Readonly<Record<string, number>>;
  readonly counts: Readonly<Record<string, number>>;
  /** Clipped coordinates of all pods together; each pod's is capped at {@link maxCount}. */
  readonly clipped: number;
}

/** Words of the vector. @throws KonsilError CONFIG_INVALID for an impossible or ambiguous layout. */
export function vectorLength(spec: VectorSpec): number {
  const { updateLength, extras, counts } = spec;
  quantiseLevels(spec);
  if (!Number.isInteger(updateLength) || updateLength < 0)
    throw new KonsilError('CONFIG_INVALID', `update length must be an integer ≥ 0, got ${updateLength}`);
  if (new Set(extras).size !== extras.length || new Set(counts).size !== counts.length)
    throw new KonsilError('CONFIG_INVALID', 'slot names must be distinct');
  return updateLength + 1 + WIDE_WORDS * extras.length + counts.length + 1;
}

/** Hash of the layout; 32 bytes. Goes into the session's public hash. */
export function hashSpec(spec: VectorSpec): Uint8Array {
  vectorLength(spec);
  const real = new Uint8Array(8);
  new DataView(real.buffer).setFloat64(0, spec.clip);
  const numbers = ['konsil/secagg/vector/v1', spec.cohort, spec.updateLength, real, spec.maxWeight];
  const names = [spec.extras.length, ...spec.extras, spec.counts.length, ...spec.counts];
  return sha256(frame(...numbers, ...names));
}

function slotOf(values: Readonly<Record<string, number>>, names: readonly string[], name: string): number {
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  if (value === undefined || Object.keys(values).length !== names.length)
    throw new KonsilError('CONFIG_INVALID', `input must have exactly the slots ${names.join(', ')}`, { name });
  return value;
}

/**
 * The plain words of one pod, ready to be masked.
 * @throws KonsilError AGG_OVERFLOW for a value out of its slot's range or not finite; CONFIG_INVALID when slots or the
 *   update's length do not fit the spec.
 */
export function packInput(input: PodInput, spec: VectorSpec): Uint32Array {
  const vector = new Uint32Array(vectorLength(spec));
  const { updateLength, cohort } = spec;
  if ((input.update?.length ?? 0) !== updateLength)
    throw new KonsilError('CONFIG_INVALID', `update must have ${updateLength} coordinates`);
  let clipped = 0;
  if (input.update !== undefined && updateLength > 0) {
    const encoded = encode(input.update, input.weight, spec);
    vector.set(encoded.words);
    clipped = Math.min(encoded.clipped, maxCount(cohort));
  }
  let at = updateLength;
  if (input.weight > spec.maxWeight)
    throw new KonsilError('AGG_OVERFLOW', `weight must be an integer in [0, ${spec.maxWeight}]`);
  vector[at++] = encodeCount(input.weight, cohort, 'weight');
  for (const name of spec.extras) {
    vector.set(encodeWide(slotOf(input.extras, spec.extras, name), name), at);
    at += WIDE_WORDS;
  }
  for (const name of spec.counts) vector[at++] = encodeCount(slotOf(input.counts, spec.counts, name), cohort, name);
  vector[at] = clipped;
  return vector;
}

/**
 * Reads the slots of a sum.
 * @param survivors pods in the sum.
 * @throws KonsilError AGG_OVERFLOW when the sum is not one that `survivors` honest pods can have: some pod sent garbage.
 *   DATA_EMPTY when there is an update but no weight.
 */
export function unpackSum(words: Uint32Array, spec: VectorSpec, survivors: number): SummedVector {
  const length = vectorLength(spec);
  if (words.length !== length) throw new RangeError(`sum needs ${length} words, got ${words.length}`);
  if (!Number.isInteger(survivors) || survivors < 1 || survivors > spec.cohort)
    throw new RangeError(`survivors must be an integer in [1, ${spec.cohort}], got ${survivors}`);
  let at = spec.updateLength;
  const totalWeight = words[at++]!;
  if (totalWeight > survivors * spec.maxWeight)
    throw new KonsilError('AGG_OVERFLOW', 'summed weight is above what the survivors may have', { survivors });
  const update = words.subarray(0, spec.updateLength);
  const bound = survivors * quantiseLevels(spec);
  const beyond = update.findIndex((word) => Math.abs(word | 0) > bound);
  if (beyond >= 0)
    throw new KonsilError('AGG_OVERFLOW', `summed update is out of range at index ${beyond}`, { index: beyond });
  const mean = spec.updateLength === 0 ? new Float64Array(0) : decodeMean(update, totalWeight, spec);
  const extras = spec.extras.map((name) => [name, decodeWide(words.slice(at, (at += WIDE_WORDS)))] as const);
  const counts = spec.counts.map((name) => [name, words[at++]!] as const);
  return {
    mean,
    totalWeight,
    extras: Object.fromEntries(extras),
    counts: Object.fromEntries(counts),
    clipped: words[at]!,
  };
}
