/**
 * Integers of b bits one after another, without gaps: the update of a masked vector as it travels. Arithmetic mod
 * 2^laneBits is arithmetic mod 2^b in the low b bits, so these are all that a receiver needs of a lane.
 *
 * Bit k of the stream is bit k mod 8 of byte ⌊k/8⌋; integers start with their lowest bit. Bits after the last integer are
 * zero.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import type { LaneBits } from '../crypto/index.ts';

/** An array of lanes of one width. */
export type Lanes = Uint8Array | Uint16Array | Uint32Array;

/** The narrowest lane that holds `bits`. */
export function laneFor(bits: number): LaneBits {
  if (bits <= 8) return 8;
  return bits <= 16 ? 16 : 32;
}

/** `length` lanes at the start of `bytes`, a view. `bytes` must be aligned to the lane. */
export function lanesAt({ buffer, byteOffset }: Uint8Array, bits: LaneBits, length: number): Lanes {
  if (bits === 8) return new Uint8Array(buffer, byteOffset, length);
  return bits === 16 ? new Uint16Array(buffer, byteOffset, length) : new Uint32Array(buffer, byteOffset, length);
}

/** Bytes of `length` integers of `bits` bits. */
export function packedBytes(length: number, bits: number): number {
  return Math.ceil((length * bits) / 8);
}

const isWhole = (bits: number): bits is LaneBits => bits === 8 || bits === 16 || bits === 32;

/** The low `bits` bits of each lane, packed, into the first bytes of `out`. */
export function packBits(lanes: Lanes, bits: number, out: Uint8Array): void {
  const size = packedBytes(lanes.length, bits);
  if (isWhole(bits) && bits === 8 * lanes.BYTES_PER_ELEMENT) {
    out.set(new Uint8Array(lanes.buffer, lanes.byteOffset, size));
    return;
  }
  const words = new Uint32Array(Math.ceil(size / 4));
  const mask = 0xffffffff >>> (32 - bits);
  let word = 0;
  let used = 0;
  let held = 0;
  for (let i = 0; i < lanes.length; i++) {
    const value = lanes[i]! & mask;
    held |= value << used;
    used += bits;
    if (used < 32) continue;
    words[word++] = held;
    used -= 32;
    held = used === 0 ? 0 : value >>> (bits - used);
  }
  if (used > 0) words[word] = held;
  out.set(new Uint8Array(words.buffer, 0, size));
}

/**
 * Inverse of {@link packBits}: `lanes` gets the integers, upper bits zero.
 * @throws KonsilError AGG_BAD_MESSAGE when bits after the last integer are not zero.
 */
export function unpackBits(packed: Uint8Array, bits: number, lanes: Lanes): void {
  const size = packedBytes(lanes.length, bits);
  if (isWhole(bits) && bits === 8 * lanes.BYTES_PER_ELEMENT) {
    new Uint8Array(lanes.buffer, lanes.byteOffset, size).set(packed.subarray(0, size));
    return;
  }
  const spare = 8 * size - lanes.length * bits;
  if (spare > 0 && packed[size - 1]! >>> (8 - spare) !== 0)
    throw new KonsilError('AGG_BAD_MESSAGE', 'bits after the last packed integer must be zero');
  const words = new Uint32Array(Math.ceil(size / 4) + 1); // one more, read but not used at the end
  new Uint8Array(words.buffer).set(packed.subarray(0, size));
  const mask = 0xffffffff >>> (32 - bits);
  let word = 0;
  let offset = 0;
  for (let i = 0; i < lanes.length; i++) {
    let value = words[word]! >>> offset;
    offset += bits;
    if (offset >= 32) {
      word++;
      offset -= 32;
      if (offset > 0) value |= words[word]! << (bits - offset);
    }
    lanes[i] = value & mask;
  }
}
