/**
 * Masking of a vector that is never in memory as a whole: made, masked, hashed and handed on chunk by chunk.
 * @module
 */
import { createHash } from 'node:crypto';
import { throwIfCancelled } from '../base/index.ts';
import { type MaskKey, shapeBytes, type VectorShape } from './lanes.ts';
import type { MaskPool } from './maskPool/maskPool.ts';
import { Masking } from './maskStream.ts';
import { wipe } from './primitives.ts';

/** Bytes of a chunk unless said otherwise; two of them are in memory. */
const CHUNK_BYTES = 1 << 20;

export interface MaskedStreamOptions {
  readonly shape: VectorShape;
  /** Their keys stay the caller's to wipe. */
  readonly masks: readonly MaskKey[];
  /** Writes the plain vector's bytes from `from` on into `chunk`, which comes zeroed. Called once a chunk, in order. */
  readonly fill: (chunk: Uint8Array, from: number) => void | Promise<void>;
  /** Takes the same bytes, masked; `chunk` is used again as soon as this returns or resolves. In order. */
  readonly take: (chunk: Uint8Array, from: number) => void | Promise<void>;
  /** A multiple of 16, the last chunk may be shorter. @default 1 MiB */
  readonly chunkBytes?: number;
  /** Masks a chunk on threads while this one fills the next. @default the calling thread does everything */
  readonly pool?: MaskPool;
  readonly signal?: AbortSignal;
}

/**
 * Masks a vector chunk by chunk. Memory: two chunks.
 * @returns SHA-256 of the whole masked vector, 32 bytes.
 * @throws what `fill` and `take` throw; KonsilError CANCELLED between chunks; RangeError for a bad chunk length.
 */
export async function streamMasked(options: MaskedStreamOptions): Promise<Uint8Array> {
  const { shape, masks, fill, take, chunkBytes = CHUNK_BYTES, pool, signal } = options;
  if (!Number.isInteger(chunkBytes) || chunkBytes < 16 || chunkBytes % 16 !== 0)
    throw new RangeError(`chunkBytes must be a positive multiple of 16, got ${chunkBytes}`);
  const total = shapeBytes(shape);
  const buffers = [0, 1].map(() => new Uint8Array(new SharedArrayBuffer(Math.min(chunkBytes, total))));
  const hash = createHash('sha256');
  const masking = pool ? null : new Masking(shape, masks);
  const mask = async (chunk: Uint8Array, from: number): Promise<void> =>
    masking ? masking.apply(chunk) : pool!.maskPiece(chunk, from, shape, masks, signal);
  const deliver = async (chunk: Uint8Array, from: number): Promise<void> => {
    hash.update(chunk);
    await take(chunk, from);
  };
  let previous: { chunk: Uint8Array; from: number; masked: Promise<void> } | null = null;
  try {
    for (let from = 0, turn = 0; from < total; from += chunkBytes, turn ^= 1) {
      throwIfCancelled(signal);
      const chunk = buffers[turn]!.subarray(0, total - from).fill(0);
      await fill(chunk, from); // while the pool masks the one before
      await previous?.masked;
      const masked = mask(chunk, from);
      masked.catch(() => undefined); // looked at one turn later
      const done = previous;
      previous = { chunk, from, masked };
      if (done) await deliver(done.chunk, done.from); // while the pool masks this one
    }
    if (previous) {
      await previous.masked;
      await deliver(previous.chunk, previous.from);
    }
    return new Uint8Array(hash.digest());
  } finally {
    await previous?.masked.catch(() => undefined); // no thread writes any more
    wipe(...buffers);
  }
}
