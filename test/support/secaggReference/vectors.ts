/**
 * Section 7: lanes as big integers, masks, and integers of b bits on the wire.
 * @module
 */
import { agree, frame, hkdf, keyStream } from './primitives.ts';
import type { AttemptInputs } from './session.ts';

type Shape = AttemptInputs['shape'];

/** Where each lane of a vector starts, and its width in bytes; padding is lanes too. */
function lanesOf(shape: Shape): { readonly at: number; readonly size: number }[] {
  const lanes: { at: number; size: number }[] = [];
  let at = 0;
  for (const { bits, length } of shape) {
    const size = bits / 8;
    for (const end = at + 16 * Math.ceil((size * length) / 16); at < end; at += size) lanes.push({ at, size });
  }
  return lanes;
}

const read = (bytes: Uint8Array, at: number, size: number): bigint =>
  bytes.slice(at, at + size).reduceRight((value, byte) => 256n * value + BigInt(byte), 0n);

/** a + sign·b in every lane. */
export function addVector(shape: Shape, a: Uint8Array, b: Uint8Array, sign: 1 | -1): Uint8Array {
  const out = new Uint8Array(a.length);
  for (const { at, size } of lanesOf(shape)) {
    let value = BigInt.asUintN(8 * size, read(a, at, size) + BigInt(sign) * read(b, at, size));
    for (let i = 0; i < size; i++, value /= 256n) out[at + i] = Number(value % 256n);
  }
  return out;
}

export const selfMaskKey = (ctx: Uint8Array, b: Uint8Array): Uint8Array => hkdf(b, ctx, frame('self'), 32);

/** The pairwise mask of two pods, from one's scalar and the other's key. */
export function pairMaskKey(
  ctx: Uint8Array,
  u: number,
  v: number,
  scalar: Uint8Array,
  peerKey: Uint8Array,
): Uint8Array {
  return hkdf(agree(scalar, peerKey), ctx, frame('mask', Math.min(u, v), Math.max(u, v)), 32);
}

/** `vector` with a mask added or subtracted. */
export function applyMask(shape: Shape, vector: Uint8Array, key: Uint8Array, sign: 1 | -1): Uint8Array {
  return addVector(shape, vector, keyStream(key, vector.length), sign);
}

/** Integers of `bits` bits one after another, lowest bit first. */
export function referencePack(values: readonly number[], bits: number): Uint8Array {
  const out = new Uint8Array(Math.ceil((values.length * bits) / 8));
  values.forEach((value, i) => {
    for (let j = 0; j < bits; j++)
      if ((BigInt(value) >> BigInt(j)) & 1n) {
        const at = i * bits + j;
        out[Math.floor(at / 8)]! |= 1 << (at % 8);
      }
  });
  return out;
}
