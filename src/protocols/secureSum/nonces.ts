/**
 * A pod's nonces for neighbour graphs: one an attempt, all committed to before the pod hears of any cohort, so that
 * neither it nor anybody else can fit them to one.
 * @module
 */
import { commitNonce, GRAPH_NONCE_BYTES } from '../../aggregation/index.ts';
import { frame, KonsilError } from '../../base/index.ts';
import { hkdf, type RandomBytes, SECRET_BYTES } from '../../crypto/index.ts';

/** Attempts at one sum a pod takes part in; each lets a coordinator draw the neighbour graph once more. */
export const MAX_ATTEMPTS = 4;

/** The nonces of one sum. */
export class NonceChain {
  readonly #seed: Uint8Array;

  /** Draws 32 bytes. */
  constructor(random: RandomBytes) {
    this.#seed = random(SECRET_BYTES);
  }

  /** Commitments for every attempt, in order; 32 bytes each. */
  commitments(): Uint8Array[] {
    return Array.from({ length: MAX_ATTEMPTS }, (_, attempt) => commitNonce(this.#nonce(attempt)));
  }

  /** @throws KonsilError PROTOCOL_VIOLATION when no nonce was committed to for this attempt. */
  reveal(attempt: number): Uint8Array {
    if (attempt >= MAX_ATTEMPTS)
      throw new KonsilError('PROTOCOL_VIOLATION', `attempt ${attempt} is one too many: ${MAX_ATTEMPTS} are allowed`);
    return this.#nonce(attempt);
  }

  #nonce(attempt: number): Uint8Array {
    return hkdf(this.#seed, new Uint8Array(0), frame('konsil/graph nonce/v1', attempt), GRAPH_NONCE_BYTES);
  }
}
