/**
 * What the threads of a mask pool are asked to do. Vectors and keys are not sent: both sides see the same memory.
 * @module
 */
import type { VectorShape } from '../lanes.ts';

/** A vector over a SharedArrayBuffer. */
export type SharedVector = Uint8Array<SharedArrayBuffer>;

/** Masks, 32 bytes of `keys` each; secret, overwritten by the pool when all threads are done. */
export interface MaskJob {
  readonly kind: 'mask';
  /** All of a vector of this shape, or a piece of it that begins at byte `start`. */
  readonly vector: SharedVector;
  readonly start: number;
  readonly shape: VectorShape;
  readonly keys: SharedVector;
  readonly signs: readonly (1 | -1)[];
}

export interface AddJob {
  readonly kind: 'add';
  readonly target: SharedVector;
  readonly source: SharedVector;
  readonly shape: VectorShape;
}

export interface HashJob {
  readonly kind: 'hash';
  readonly vector: SharedVector;
}

export type Job = MaskJob | AddJob | HashJob;

/** One job as every thread that works on it gets it. */
export interface JobOrder {
  readonly id: number;
  readonly job: Job;
  /** Bytes of a block; threads take block after block until none is left. */
  readonly blockBytes: number;
  /** [whether to stop, the next block]; shared. */
  readonly control: Int32Array<SharedArrayBuffer>;
}

/** A thread's part is done, or failed. */
export interface JobReply {
  readonly id: number;
  /** SHA-256, for a hash. */
  readonly digest?: Uint8Array;
  readonly error?: unknown;
}

export const [CANCEL, NEXT_BLOCK] = [0, 1];
export const KEY_BYTES = 32;
