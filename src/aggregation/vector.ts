/**
 * What one pod puts into a masked vector, and what a sum of vectors says. The layout is `vectorSpec.ts`.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { lanesAt } from './packing.ts';
import { DEFAULT_BITS, meanUnit, quantiseLevels, quantiseWords, weightedLevels } from './quantise.ts';
import { rotate, unrotate } from './rotation.ts';
import { roundingWords } from './rounding.ts';
import { partsOf, tailWords, type VectorSpec } from './vectorSpec.ts';
import { decodeWide, encodeCount, encodeWide, maxCount, WIDE_WORDS } from './wideInt.ts';

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

/** How a pod fills its vector. */
export interface PackOptions {
  /** 32 secret bytes for stochastic rounding, drawn for this vector only; the same seed packs the same vector again. */
  readonly seed?: Uint8Array;
  /** Adds integer noise to quantised words in place, stretch by stretch; `at` is the index of the first one. */
  readonly addNoise?: (words: Int32Array, at: number) => void;
  /** Where to pack: `shapeBytes(shapeOf(spec))` zero bytes aligned to 4, on shared memory for one. @default a new array */
  readonly into?: Uint8Array;
}

/** Coordinates quantised at once: stays in the first-level cache. */
const STRETCH = 4_096;

function slotOf(values: Readonly<Record<string, number>>, names: readonly string[], name: string): number {
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  if (value === undefined)
    throw new KonsilError('CONFIG_INVALID', `input must have exactly the slots ${names.join(', ')}`, { name });
  return value;
}

/** Nothing beside the slots; that each is there, {@link slotOf} finds. */
function checkNoMore(values: Readonly<Record<string, number>>, names: readonly string[]): void {
  if (Object.keys(values).length > names.length)
    throw new KonsilError('CONFIG_INVALID', `input must have exactly the slots ${names.join(', ')}`);
}

/** The exact words after the update. */
function writeTail(tail: Uint32Array, input: PodInput, clipped: number, spec: VectorSpec): void {
  const { cohort, maxWeight, extras, counts } = spec;
  if (input.weight > maxWeight) throw new KonsilError('AGG_OVERFLOW', `weight must be an integer in [0, ${maxWeight}]`);
  checkNoMore(input.extras, extras);
  checkNoMore(input.counts, counts);
  let at = 0;
  tail[at++] = encodeCount(input.weight, cohort, 'weight');
  for (const name of extras) {
    tail.set(encodeWide(slotOf(input.extras, extras, name), name), at);
    at += WIDE_WORDS;
  }
  for (const name of counts) tail[at++] = encodeCount(slotOf(input.counts, counts, name), cohort, name);
  tail[at] = Math.min(clipped, maxCount(cohort));
}

function readTail(tail: Uint32Array, spec: VectorSpec, survivors: number): Omit<SummedVector, 'mean'> {
  const { maxWeight, cohort } = spec;
  if (!Number.isInteger(survivors) || survivors < 1 || survivors > cohort)
    throw new RangeError(`survivors must be an integer in [1, ${cohort}], got ${survivors}`);
  let at = 0;
  const totalWeight = tail[at++]!;
  if (totalWeight > Math.min(survivors * maxWeight, spec.maxTotalWeight ?? Number.POSITIVE_INFINITY))
    throw new KonsilError('AGG_OVERFLOW', 'summed weight is above what the survivors may have', { survivors });
  const extras = spec.extras.map((name) => [name, decodeWide(tail.slice(at, (at += WIDE_WORDS)))] as const);
  const counts = spec.counts.map((name) => [name, tail[at++]!] as const);
  const named = { extras: Object.fromEntries(extras), counts: Object.fromEntries(counts) };
  return { totalWeight, ...named, clipped: tail[at]! };
}

/** Calls `each` for stretches of the update with one clip, in order. */
function forStretches(spec: VectorSpec, each: (from: number, to: number, clip: number) => void): void {
  let at = 0;
  for (const { length, clip } of spec.clips ?? [{ length: spec.updateLength, clip: spec.clip }])
    for (const end = at + length; at < end; at = Math.min(at + STRETCH, end))
      each(at, Math.min(at + STRETCH, end), clip);
}

/**
 * The plain vector of one pod in lanes, ready to be masked; padding is zero.
 * @throws KonsilError AGG_OVERFLOW for a value out of its slot's range or not finite; CONFIG_INVALID when slots or the
 *   update's length do not fit the spec.
 */
export function packLanes(input: PodInput, spec: VectorSpec, options: PackOptions = {}): Uint8Array {
  const { lane, tailAt, bytes } = partsOf(spec);
  const vector = options.into ?? new Uint8Array(bytes);
  if (vector.length !== bytes || vector.byteOffset % 4 !== 0)
    throw new RangeError(`a vector needs ${bytes} bytes aligned to 4, got ${vector.length}`);
  const { updateLength } = spec;
  if ((input.update?.length ?? 0) !== updateLength)
    throw new KonsilError('CONFIG_INVALID', `update must have ${updateLength} coordinates`);
  let clipped = 0;
  if (input.update && updateLength > 0) {
    const update = rotatedFor(spec, input.update);
    const random = spec.rounding === 'stochastic' ? roundingWords(seedOf(options)) : undefined;
    const levels = weightedLevels(input.weight, spec);
    const lanes = lanesAt(vector, lane, updateLength);
    const scratch = new Int32Array(STRETCH);
    forStretches(spec, (from, to, clip) => {
      const words = scratch.subarray(0, to - from);
      clipped += quantiseWords(update.subarray(from, to), words, { clip, factor: levels / clip, random }, from);
      options.addNoise?.(words, from);
      lanes.set(words, from); // modulo the lane's width
    });
  }
  writeTail(new Uint32Array(vector.buffer, vector.byteOffset + tailAt, tailWords(spec)), input, clipped, spec);
  return vector;
}

/** The update as its clips bound it: rotated where the spec says so. A copy if so, else `update` itself. */
export function rotatedFor<T extends Float32Array | Float64Array>(
  { rotation }: Pick<VectorSpec, 'rotation'>,
  update: T,
): T {
  return rotation === undefined ? update : rotate(update, rotation);
}

function seedOf({ seed }: PackOptions): Uint8Array {
  if (seed === undefined) throw new TypeError('stochastic rounding needs a seed');
  return seed;
}

/**
 * Reads the slots of a sum of {@link packLanes} vectors.
 * @param bytes lanes of the sum, aligned to 4; bits above the width and padding are ignored.
 * @param survivors pods in the sum.
 * @throws KonsilError AGG_OVERFLOW when the sum is not one that `survivors` honest pods can have: some pod sent garbage.
 *   DATA_EMPTY when there is an update but no weight.
 */
export function unpackLanes(bytes: Uint8Array, spec: VectorSpec, survivors: number): SummedVector {
  const { lane, tailAt, bytes: size } = partsOf(spec);
  if (bytes.length !== size) throw new RangeError(`sum needs ${size} bytes, got ${bytes.length}`);
  const { updateLength, bits = DEFAULT_BITS } = spec;
  const tail = readTail(new Uint32Array(bytes.buffer, bytes.byteOffset + tailAt, tailWords(spec)), spec, survivors);
  const mean = new Float64Array(updateLength);
  if (updateLength === 0) return { mean, ...tail };
  const lanes = lanesAt(bytes, lane, updateLength);
  const bound = largestSum(spec, tail.totalWeight, survivors);
  const shift = 32 - bits;
  forStretches(spec, (from, to, clip) => {
    const unit = meanUnit({ ...spec, clip }, tail.totalWeight);
    for (let i = from; i < to; i++) {
      const sum = (lanes[i]! << shift) >> shift; // the centred lift of the low bits
      if (sum > bound || sum < -bound)
        throw new KonsilError('AGG_OVERFLOW', `summed update is out of range at index ${i}`, { index: i });
      mean[i] = sum * unit;
    }
  });
  if (spec.rotation !== undefined) unrotate(mean, spec.rotation);
  return { mean, ...tail };
}

/** Largest |Σ q| of honest pods: L·Σw, rounding of less than 1 a pod, and noise. See `quantise.ts`. */
function largestSum(spec: VectorSpec, totalWeight: number, survivors: number): number {
  return Math.ceil(quantiseLevels(spec) * (totalWeight / spec.maxWeight) + survivors) + (spec.headroom ?? 0);
}
