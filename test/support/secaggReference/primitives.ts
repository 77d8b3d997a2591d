/**
 * Bytes and primitives of the reference implementation: from Node and noble only, nothing of `src`. Slow and obvious.
 * @module
 */
import { createHash, createHmac } from 'node:crypto';
import { ctr, gcm } from '@noble/ciphers/aes.js';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
export const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
export const join = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** Big-endian unsigned integer of `size` bytes. */
export function uint(size: number, value: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => Number((BigInt(value) >> BigInt(8 * (size - 1 - i))) & 0xffn));
}

/** Section 2: length and bytes of every field. */
export function frame(...fields: readonly (Uint8Array | string | number)[]): Uint8Array {
  const bytes = fields.map((field) => {
    if (typeof field === 'number') return uint(4, field);
    return typeof field === 'string' ? new Uint8Array(Buffer.from(field, 'utf8')) : field;
  });
  return join(...bytes.flatMap((field) => [uint(4, field.length), field]));
}

export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(
    createHash('sha256')
      .update(join(...parts))
      .digest(),
  );
}

const hmac = (key: Uint8Array, message: Uint8Array): Uint8Array =>
  new Uint8Array(createHmac('sha256', key).update(message).digest());

/** RFC 5869. */
export function hkdf(secret: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  const key = hmac(salt.length === 0 ? new Uint8Array(32) : salt, secret);
  let previous: Uint8Array = new Uint8Array(0);
  let out: Uint8Array = new Uint8Array(0);
  for (let i = 1; out.length < length; i++) {
    previous = hmac(key, join(previous, info, Uint8Array.of(i)));
    out = join(out, previous);
  }
  return out.slice(0, length);
}

export const agreementKey = (scalar: Uint8Array): Uint8Array => x25519.getPublicKey(scalar);
export const agree = (scalar: Uint8Array, publicKey: Uint8Array): Uint8Array =>
  x25519.getSharedSecret(scalar, publicKey);
export const signingKey = (seed: Uint8Array): Uint8Array => ed25519.getPublicKey(seed);
export const sign = (seed: Uint8Array, message: Uint8Array): Uint8Array => ed25519.sign(message, seed);

export const seal = (key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, aad: Uint8Array): Uint8Array =>
  gcm(key, nonce, aad).encrypt(plain);

/** AES-256-CTR with a zero counter block. */
export function keyStream(key: Uint8Array, length: number): Uint8Array {
  return ctr(key, new Uint8Array(16)).encrypt(new Uint8Array(length));
}
