/**
 * The slots of one masked vector: quantised update, then 32-bit words of weight, wide metric sums, counts and clipped
 * coordinates. The layout is public, the same for all pods, and hashed into the context.
 *
 * In memory the update lies in the narrowest lanes that hold its width; on the wire only its low bits travel, packed.
 * @module
 */
import { frame, KonsilError, utf8 } from '../base/index.ts';
import { type LaneBits, runBytes, sha256, shapeBytes, type VectorShape } from '../crypto/index.ts';
import { laneFor, lanesAt, packBits, packedBytes, unpackBits } from './packing.ts';
import {
  DEFAULT_BITS,
  decodeMean,
  encode,
  meanUnit,
  type QuantiseParameters,
  quantiseLevels,
  quantiseWords,
  weightedLevels,
} from './quantise.ts';
import { roundingWords } from './rounding.ts';
import { decodeWide, encodeCount, encodeWide, maxCount, WIDE_WORDS } from './wideInt.ts';

/** A stretch of coordinates that share a clip. */
export interface ClipRun {
  readonly length: number;
  readonly clip: number;
}

/** What the vector carries. Slots lie in the order: update, weight, extras, counts (both as listed), clipped. */
export interface VectorSpec extends QuantiseParameters {
  /** Coordinates of the update; 0 for pure statistics. */
  readonly updateLength: number;
  /** Clips of stretches of the update instead of `clip`, in order and `updateLength` in all. */
  readonly clips?: readonly ClipRun[] | undefined;
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

function tailWords({ extras, counts }: VectorSpec): number {
  return 1 + WIDE_WORDS * extras.length + counts.length + 1;
}

function checkSpec(spec: VectorSpec): void {
  const { updateLength, extras, counts, clips } = spec;
  quantiseLevels(spec);
  for (const { clip } of clips ?? []) quantiseLevels({ ...spec, clip });
  if (!Number.isInteger(updateLength) || updateLength < 0)
    throw new KonsilError('CONFIG_INVALID', `update length must be an integer ≥ 0, got ${updateLength}`);
  if (clips && !clips.every(({ length }) => Number.isInteger(length) && length > 0))
    throw new KonsilError('CONFIG_INVALID', 'a stretch with its own clip must have a length ≥ 1');
  if (clips && clips.reduce((sum, { length }) => sum + length, 0) !== updateLength)
    throw new KonsilError('CONFIG_INVALID', `clips must cover the update's ${updateLength} coordinates`);
  if (new Set(extras).size !== extras.length || new Set(counts).size !== counts.length)
    throw new KonsilError('CONFIG_INVALID', 'slot names must be distinct');
}

/** How the vector lies in memory. @throws KonsilError CONFIG_INVALID for an impossible or ambiguous layout. */
export function shapeOf(spec: VectorSpec): VectorShape {
  checkSpec(spec);
  const { updateLength, bits = DEFAULT_BITS } = spec;
  const tail = { bits: 32, length: tailWords(spec) } as const;
  return updateLength === 0 ? [tail] : [{ bits: laneFor(bits), length: updateLength }, tail];
}

/** Bytes of the vector on the wire. */
export function wireBytes(spec: VectorSpec): number {
  return packedBytes(spec.updateLength, spec.bits ?? DEFAULT_BITS) + 4 * tailWords(spec);
}

/** Where the parts of a vector in memory are. */
function partsOf(spec: VectorSpec): { readonly lane: LaneBits; readonly tailAt: number; readonly bytes: number } {
  const shape = shapeOf(spec);
  const lane = laneFor(spec.bits ?? DEFAULT_BITS);
  return { lane, tailAt: shape.length === 1 ? 0 : runBytes(shape[0]!), bytes: shapeBytes(shape) };
}

/** Words of the vector when all are 32 bits wide. */
export function vectorLength(spec: VectorSpec): number {
  checkSpec(spec);
  return spec.updateLength + tailWords(spec);
}

/** Hash of the layout; 32 bytes. Goes into the session's public hash. */
export function hashSpec(spec: VectorSpec): Uint8Array {
  checkSpec(spec);
  const { cohort, maxWeight, updateLength, clip, clips = [], extras, counts } = spec;
  const { bits = DEFAULT_BITS, rounding = 'nearest', maxTotalWeight = maxWeight * cohort, headroom = 0 } = spec;
  const numbers = [cohort, updateLength, realBytes(clip), maxWeight, bits, rounding, maxTotalWeight, headroom];
  const runs = clips.flatMap((run) => [run.length, realBytes(run.clip)]);
  const names = [extras.length, ...extras, counts.length, ...counts];
  return sha256(utf8('konsil/secagg/vector/v2'), frame(...numbers, clips.length, ...runs, ...names));
}

function realBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  return bytes;
}

function slotOf(values: Readonly<Record<string, number>>, names: readonly string[], name: string): number {
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  if (value === undefined || Object.keys(values).length !== names.length)
    throw new KonsilError('CONFIG_INVALID', `input must have exactly the slots ${names.join(', ')}`, { name });
  return value;
}

/** The exact words after the update. */
function writeTail(tail: Uint32Array, input: PodInput, clipped: number, spec: VectorSpec): void {
  const { cohort, maxWeight, extras, counts } = spec;
  if (input.weight > maxWeight) throw new KonsilError('AGG_OVERFLOW', `weight must be an integer in [0, ${maxWeight}]`);
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
  const { update } = input;
  if ((update?.length ?? 0) !== updateLength)
    throw new KonsilError('CONFIG_INVALID', `update must have ${updateLength} coordinates`);
  let clipped = 0;
  if (update && updateLength > 0) {
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
  return { mean, ...tail };
}

/** Largest |Σ q| of honest pods: L·Σw, rounding of less than 1 a pod, and noise. See `quantise.ts`. */
function largestSum(spec: VectorSpec, totalWeight: number, survivors: number): number {
  return Math.ceil(quantiseLevels(spec) * (totalWeight / spec.maxWeight) + survivors) + (spec.headroom ?? 0);
}

/** A vector as it travels: the update's low bits packed, then the 32-bit words; a view or a copy. */
export function toWire(vector: Uint8Array, spec: VectorSpec): Uint8Array {
  const { lane, tailAt, bytes } = partsOf(spec);
  if (vector.length !== bytes) throw new RangeError(`a vector needs ${bytes} bytes, got ${vector.length}`);
  const tail = vector.subarray(tailAt, tailAt + 4 * tailWords(spec));
  if (spec.updateLength === 0) return tail;
  const wire = new Uint8Array(wireBytes(spec));
  packBits(lanesAt(vector, lane, spec.updateLength), spec.bits ?? DEFAULT_BITS, wire);
  wire.set(tail, wire.length - tail.length);
  return wire;
}

/**
 * Inverse of {@link toWire}: lanes whose upper bits and padding are zero, in an array of its own.
 * @throws KonsilError AGG_BAD_MESSAGE for a wrong length or bits that should be zero.
 */
export function fromWire(wire: Uint8Array, spec: VectorSpec): Uint8Array {
  const { lane, tailAt, bytes } = partsOf(spec);
  const size = wireBytes(spec);
  if (wire.length !== size)
    throw new KonsilError('AGG_BAD_MESSAGE', `masked vector has ${wire.length} bytes, expected ${size}`);
  const vector = new Uint8Array(bytes);
  unpackBits(wire, spec.bits ?? DEFAULT_BITS, lanesAt(vector, lane, spec.updateLength));
  vector.set(wire.subarray(size - 4 * tailWords(spec)), tailAt);
  return vector;
}

/** The plain 32-bit words of one pod, without padding. */
export function packInput(input: PodInput, spec: VectorSpec): Uint32Array {
  const vector = new Uint32Array(vectorLength(spec));
  const { updateLength } = spec;
  if ((input.update?.length ?? 0) !== updateLength)
    throw new KonsilError('CONFIG_INVALID', `update must have ${updateLength} coordinates`);
  let clipped = 0;
  if (input.update !== undefined && updateLength > 0) {
    const encoded = encode(input.update, input.weight, spec);
    vector.set(encoded.words);
    clipped = encoded.clipped;
  }
  writeTail(vector.subarray(updateLength), input, clipped, spec);
  return vector;
}

/** Reads the slots of a sum of {@link packInput} words. */
export function unpackSum(words: Uint32Array, spec: VectorSpec, survivors: number): SummedVector {
  const length = vectorLength(spec);
  if (words.length !== length) throw new RangeError(`sum needs ${length} words, got ${words.length}`);
  const tail = readTail(words.subarray(spec.updateLength), spec, survivors);
  const update = words.subarray(0, spec.updateLength);
  const bound = largestSum(spec, tail.totalWeight, survivors);
  const beyond = update.findIndex((word) => Math.abs(word | 0) > bound);
  if (beyond >= 0)
    throw new KonsilError('AGG_OVERFLOW', `summed update is out of range at index ${beyond}`, { index: beyond });
  const mean = spec.updateLength === 0 ? new Float64Array(0) : decodeMean(update, tail.totalWeight, spec);
  return { mean, ...tail };
}
