/**
 * The prime-order group ristretto255 (RFC 9496), as much of it as commutative blinding needs: hashing to the group,
 * scalars, and a scalar times an element. Elements and scalars are byte strings of 32; no other file names the library.
 *
 * All encodings are canonical and the order ℓ is prime, so two elements are equal exactly when their bytes are, and
 * every element but the identity has order ℓ: there is no small subgroup to send somebody into.
 * @module
 */
import { createHash } from 'node:crypto';
import { ristretto255 } from '@noble/curves/ed25519.js';
import sodium from 'libsodium-wrappers-sumo';
import { concatBytes, toHex } from '../base/index.ts';
import type { RandomBytes } from './primitives.ts';

const { Fn } = ristretto255.Point;

/** Libsodium compiles its WebAssembly first: {@link elementOf} and {@link multiply} work once this is settled. */
export const groupReady: Promise<void> = sodium.ready;

/** Bytes of an element's encoding. */
export const ELEMENT_BYTES = 32;
/** Bytes of a scalar, little-endian. */
export const SCALAR_BYTES = 32;
/** Uniform bytes that an element is derived from. */
export const UNIFORM_BYTES = 64;

/** Input block of SHA-512. */
const SHA512_BLOCK = new Uint8Array(128);
const OUT_LENGTH = Uint8Array.of(0, UNIFORM_BYTES, 0);

/**
 * 64 bytes that a random oracle would give for `message` in the domain `dst`: expand_message_xmd with SHA-512.
 * @param dst domain separation tag, 1 to 255 bytes.
 * @source RFC 9380 §5.3.1; one block of output, so b_1 is all of it.
 */
export function expandMessage(message: Uint8Array, dst: Uint8Array): Uint8Array {
  if (dst.length < 1 || dst.length > 255) throw new RangeError(`dst needs 1 to 255 bytes, got ${dst.length}`);
  const dstPrime = concatBytes(dst, Uint8Array.of(dst.length));
  const b0 = createHash('sha512').update(SHA512_BLOCK).update(message).update(OUT_LENGTH).update(dstPrime).digest();
  return new Uint8Array(createHash('sha512').update(b0).update(Uint8Array.of(1)).update(dstPrime).digest());
}

/**
 * The element of 64 uniform bytes; with {@link expandMessage} this is hash_to_ristretto255 of RFC 9380 appendix B.
 * @source RFC 9496 §4.3.4.
 */
export function elementOf(uniform: Uint8Array): Uint8Array {
  if (uniform.length !== UNIFORM_BYTES) throw new RangeError(`an element comes of 64 bytes, got ${uniform.length}`);
  return sodium.crypto_core_ristretto255_from_hash(uniform);
}

/**
 * scalar · element, 32 bytes.
 * @param scalar in [1, ℓ), little-endian; secret. Libsodium's time does not depend on it.
 * @returns null when `element` is no canonical encoding, or the identity: a peer's fault.
 * @throws RangeError when `scalar` is zero, as a wiped one is.
 */
export function multiply(element: Uint8Array, scalar: Uint8Array): Uint8Array | null {
  if (scalar.every((byte) => byte === 0)) throw new RangeError('scalar must be in [1, ℓ), got 0');
  if (element.length !== ELEMENT_BYTES) return null;
  try {
    return sodium.crypto_scalarmult_ristretto255(scalar, element);
  } catch {
    return null; // not canonical, negative, not a square (RFC 9496 §4.3.1), or the result is the identity: so was the element
  }
}

/** A uniform scalar in [1, ℓ), from 64 bytes as RFC 9496 §4.4 says; secret. */
export function randomScalar(random: RandomBytes): Uint8Array {
  for (;;) {
    const wide = random(UNIFORM_BYTES);
    const scalar = Fn.create(BigInt(`0x${toHex(wide.toReversed())}`));
    wide.fill(0);
    if (scalar !== 0n) return Fn.toBytes(scalar);
  }
}

/** 1 / scalar modulo ℓ; secret. `scalar` is in [1, ℓ). */
export function invertScalar(scalar: Uint8Array): Uint8Array {
  return Fn.toBytes(Fn.inv(Fn.fromBytes(scalar)));
}

/** a · b modulo ℓ; secret. Both in [1, ℓ). */
export function multiplyScalars(a: Uint8Array, b: Uint8Array): Uint8Array {
  return Fn.toBytes(Fn.mul(Fn.fromBytes(a), Fn.fromBytes(b)));
}

/** Whether bytes of a peer are a scalar in [1, ℓ), in its one encoding. */
export function isScalar(bytes: Uint8Array): boolean {
  try {
    return Fn.fromBytes(bytes) !== 0n;
  } catch {
    return false; // of another length, or not reduced
  }
}
