/**
 * A second implementation of the protocol of docs/reference/secure-aggregation.md: slow, obvious, from Node and noble
 * only. It writes the test vectors, and the fast implementation is compared with it byte for byte.
 * @module
 */
import { agreementKey } from './secaggReference/primitives.ts';
import { applyMask, pairMaskKey, selfMaskKey } from './secaggReference/vectors.ts';

export { commitShare, referenceAttempt } from './secaggReference/attempt.ts';
export { referenceGfMultiply } from './secaggReference/field.ts';
export * from './secaggReference/messages.ts';
export { frame, hex, join, sha256, signingKey, unhex } from './secaggReference/primitives.ts';
export * from './secaggReference/session.ts';
export { referenceThresholds } from './secaggReference/thresholds.ts';
export { referencePack } from './secaggReference/vectors.ts';

export interface ReferencePod {
  readonly index: number;
  readonly selfSeed: Uint8Array;
  readonly maskSecret: Uint8Array;
}

/** The masked vector of a pod that sums 32-bit words, v over `u2` without u. */
export function referenceMaskedVector(
  ctx: Uint8Array,
  input: Uint32Array,
  pod: ReferencePod,
  u2: readonly ReferencePod[],
): Uint32Array {
  const shape = [{ bits: 32, length: input.length } as const];
  const padded = new Uint32Array(4 * Math.ceil(input.length / 4));
  padded.set(input);
  let masked = applyMask(shape, new Uint8Array(padded.buffer), selfMaskKey(ctx, pod.selfSeed), 1);
  for (const peer of u2) {
    if (peer.index === pod.index) continue;
    const key = pairMaskKey(ctx, pod.index, peer.index, pod.maskSecret, agreementKey(peer.maskSecret));
    masked = applyMask(shape, masked, key, pod.index < peer.index ? 1 : -1);
  }
  return new Uint32Array(masked.slice().buffer).slice(0, input.length);
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
