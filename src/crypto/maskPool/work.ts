/**
 * What a thread of a mask pool does with an order: takes blocks of shared vectors until none is left.
 * @module
 */
import { createHash } from 'node:crypto';
import type { MaskKey } from '../lanes.ts';
import { addRange, Masking } from '../maskStream.ts';
import { wipe } from '../primitives.ts';
import { CANCEL, type Job, type JobOrder, type JobReply, KEY_BYTES, type MaskJob, NEXT_BLOCK } from './jobs.ts';

/** A hash looks for a cancellation this often. */
const HASH_BYTES = 1 << 20;

/** The keys, copied: OpenSSL reads no memory that other threads can write. */
function masksOf({ keys, signs }: MaskJob): MaskKey[] {
  return signs.map((sign, i) => ({ key: new Uint8Array(keys.subarray(i * KEY_BYTES, (i + 1) * KEY_BYTES)), sign }));
}

function* blocks({ control, blockBytes }: JobOrder, length: number): Generator<{ from: number; to: number }> {
  while (Atomics.load(control, CANCEL) === 0) {
    const from = Atomics.add(control, NEXT_BLOCK, 1) * blockBytes;
    if (from >= length) return;
    yield { from, to: Math.min(from + blockBytes, length) };
  }
}

function mask(order: JobOrder, job: MaskJob): void {
  const masks = masksOf(job);
  const isCancelled = (): boolean => Atomics.load(order.control, CANCEL) !== 0;
  try {
    for (const { from, to } of blocks(order, job.vector.length))
      new Masking(job.shape, masks, { from: job.start + from, isCancelled }).apply(job.vector.subarray(from, to));
  } finally {
    wipe(...masks.map(({ key }) => key));
  }
}

function hash(control: JobOrder['control'], vector: Uint8Array): Uint8Array {
  const state = createHash('sha256');
  for (let at = 0; at < vector.length && Atomics.load(control, CANCEL) === 0; at += HASH_BYTES)
    state.update(vector.subarray(at, at + HASH_BYTES));
  return new Uint8Array(state.digest());
}

function work(order: JobOrder, job: Job): Uint8Array | undefined {
  if (job.kind === 'hash') return hash(order.control, job.vector);
  if (job.kind === 'mask') mask(order, job);
  else for (const block of blocks(order, job.target.length)) addRange(job.target, job.source, job.shape, block);
  return undefined;
}

/** Does its part of an order; an error is the reply, too. */
export function answer(order: JobOrder): JobReply {
  const { id, job } = order;
  try {
    const digest = work(order, job);
    return digest ? { id, digest } : { id };
  } catch (error) {
    return { id, error };
  }
}
