/**
 * The layout of a masked vector: quantised update, then 32-bit words of weight, wide metric sums, counts and clipped
 * coordinates. It is public, the same for all pods, and hashed into the context.
 *
 * In memory the update lies in the narrowest lanes that hold its width; on the wire only its low bits travel, packed.
 * @module
 */
import { frame, KonsilError, utf8 } from '../base/index.ts';
import { type LaneBits, runBytes, sha256, shapeBytes, type VectorShape } from '../crypto/index.ts';
import { laneFor, packedBytes } from './packing.ts';
import { DEFAULT_BITS, type QuantiseParameters, quantiseLevels } from './quantise.ts';
import { WIDE_WORDS } from './wideInt.ts';

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
  /** Seed of a random rotation before quantising: 32 public bytes. Clips then bound rotated coordinates. */
  readonly rotation?: Uint8Array | undefined;
  /** Which blocks of the parameters the update is, see `sparse.ts`; absent when it is all of them. Hashed, not used here. */
  readonly blocks?: Uint8Array | undefined;
  /** Names of real-valued sums, |value| < 2^64 each. */
  readonly extras: readonly string[];
  /** Names of exact counts. */
  readonly counts: readonly string[];
}

/** 32-bit words after the update. */
export function tailWords({ extras, counts }: VectorSpec): number {
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
  if (spec.rotation !== undefined && spec.rotation.length !== 32)
    throw new KonsilError('CONFIG_INVALID', `a rotation's seed must have 32 bytes, got ${spec.rotation.length}`);
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
export function partsOf(spec: VectorSpec): {
  readonly lane: LaneBits;
  readonly tailAt: number;
  readonly bytes: number;
} {
  const shape = shapeOf(spec);
  const lane = laneFor(spec.bits ?? DEFAULT_BITS);
  return { lane, tailAt: shape.length === 1 ? 0 : runBytes(shape[0]!), bytes: shapeBytes(shape) };
}

/** Hash of the layout; 32 bytes. Goes into the session's public hash. */
export function hashSpec(spec: VectorSpec): Uint8Array {
  checkSpec(spec);
  const { cohort, maxWeight, updateLength, clip, clips = [], extras, counts } = spec;
  const { bits = DEFAULT_BITS, rounding = 'nearest', maxTotalWeight = maxWeight * cohort, headroom = 0 } = spec;
  const { rotation = new Uint8Array(0), blocks } = spec;
  const numbers = [
    cohort,
    updateLength,
    realBytes(clip),
    maxWeight,
    bits,
    rounding,
    maxTotalWeight,
    headroom,
    rotation,
  ];
  const runs = clips.flatMap((run) => [run.length, realBytes(run.clip)]);
  const names = [extras.length, ...extras, counts.length, ...counts];
  // at the end and only when there are any: the lists before it have their lengths in front
  const chosen = blocks === undefined ? [] : [blocks];
  return sha256(utf8('konsil/secagg/vector/v2'), frame(...numbers, clips.length, ...runs, ...names, ...chosen));
}

function realBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  return bytes;
}
