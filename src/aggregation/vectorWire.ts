/**
 * A masked vector as it travels: the low bits of its update packed without gaps, then its 32-bit words.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { lanesAt, packBits, unpackBits } from './packing.ts';
import { DEFAULT_BITS } from './quantise.ts';
import { partsOf, tailWords, type VectorSpec, wireBytes } from './vectorSpec.ts';

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
 * Inverse of {@link toWire}: lanes whose upper bits and padding are zero.
 * @param into where to: the vector's length of bytes, aligned to 4, zero or an earlier result for this spec. @default an array of its own
 * @throws KonsilError AGG_BAD_MESSAGE for a wrong length or bits that should be zero.
 */
export function fromWire(wire: Uint8Array, spec: VectorSpec, into?: Uint8Array): Uint8Array {
  const { lane, tailAt, bytes } = partsOf(spec);
  const size = wireBytes(spec);
  if (wire.length !== size)
    throw new KonsilError('AGG_BAD_MESSAGE', `masked vector has ${wire.length} bytes, expected ${size}`);
  const vector = into ?? new Uint8Array(bytes);
  unpackBits(wire, spec.bits ?? DEFAULT_BITS, lanesAt(vector, lane, spec.updateLength));
  vector.set(wire.subarray(size - 4 * tailWords(spec)), tailAt);
  return vector;
}
