/**
 * The masked vector of a pod, written the slow and obvious way with another library; the fast code is diffed against it.
 * @module
 */

import { createHmac } from 'node:crypto';
import { ctr } from '@noble/ciphers/aes.js';
import { x25519 } from '@noble/curves/ed25519.js';
import { concatBytes, frame } from '../../src/base/index.ts';

/** RFC 5869 with SHA-256, 32 bytes out. */
function hkdf32(secret: Uint8Array, salt: Uint8Array, info: Uint8Array): Uint8Array {
  const prk = createHmac('sha256', salt).update(secret).digest();
  return new Uint8Array(
    createHmac('sha256', prk)
      .update(concatBytes(info, Uint8Array.of(1)))
      .digest(),
  );
}

/** Words of the mask stream under `key`. */
export function referenceMask(key: Uint8Array, length: number): number[] {
  const bytes = ctr(key, new Uint8Array(16)).encrypt(new Uint8Array(4 * length));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length }, (_, i) => view.getUint32(4 * i, true));
}

export interface ReferencePod {
  readonly index: number;
  readonly selfSeed: Uint8Array;
  readonly maskSecret: Uint8Array;
}

/** y_u = x_u + PRG(b_u) + Σ_{v>u} PRG(s_uv) − Σ_{v<u} PRG(s_uv) mod 2^32, v over `u2` without u. */
export function referenceMaskedVector(
  ctx: Uint8Array,
  input: Uint32Array,
  pod: ReferencePod,
  u2: readonly ReferencePod[],
): Uint32Array {
  const sum = Array.from(input, BigInt);
  const add = (key: Uint8Array, sign: bigint): void =>
    referenceMask(key, input.length).forEach((word, i) => {
      sum[i] = sum[i]! + sign * BigInt(word);
    });
  add(hkdf32(pod.selfSeed, ctx, frame('self')), 1n);
  for (const peer of u2) {
    if (peer.index === pod.index) continue;
    const shared = x25519.getSharedSecret(pod.maskSecret, x25519.getPublicKey(peer.maskSecret));
    const [low, high] = [Math.min(pod.index, peer.index), Math.max(pod.index, peer.index)];
    add(hkdf32(shared, ctx, frame('mask', low, high)), pod.index < peer.index ? 1n : -1n);
  }
  return Uint32Array.from(sum, (value) => Number(BigInt.asUintN(32, value)));
}

/** a·b in GF(2^8) mod 0x11b, by the schoolbook. */
export function referenceGfMultiply(a: number, b: number): number {
  let product = 0;
  for (let i = 0; i < 8; i++) if ((b >> i) & 1) product ^= a << i;
  for (let i = 15; i >= 8; i--) if ((product >> i) & 1) product ^= 0x11b << (i - 8);
  return product;
}

/** Chi-square statistic of bytes against the uniform distribution; 255 degrees of freedom. */
export function chiSquareOfBytes(bytes: Uint8Array): number {
  const counts = new Float64Array(256);
  for (const byte of bytes) counts[byte] = counts[byte]! + 1;
  const expected = bytes.length / 256;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/**
 * A chi-square value with 255 degrees of freedom exceeds this with probability below e^-45 < 2^-64: Laurent and Massart
 * (2000), lemma 1: P(X ≥ k + 2√(kx) + 2x) ≤ e^-x with k = 255, x = 45.
 */
export const CHI_SQUARE_LIMIT = 255 + 2 * Math.sqrt(255 * 45) + 2 * 45;
