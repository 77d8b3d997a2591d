/**
 * Masks, sums and hashes of large vectors on threads of their own, block by block over shared memory.
 *
 * A key stream can start at any block of AES, so threads take blocks as they come and no order is kept. What is too small
 * to be worth a thread, or lies in memory that threads do not share, is done here, with pauses for other work.
 * @module
 */
import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { setImmediate as pause } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { KonsilError, startWorker, throwIfCancelled } from '../../base/index.ts';
import { type MaskKey, shapeBytes, type VectorShape } from '../lanes.ts';
import { STRETCH_BYTES } from '../lanesKernel/laneKernel.ts';
import { addRange, Masking } from '../maskStream.ts';
import { wipe } from '../primitives.ts';
import { CANCEL, type Job, type JobOrder, type JobReply, KEY_BYTES, type SharedVector } from './jobs.ts';

/**
 * Bytes of key stream, or of vector, under which the calling thread works itself: half a millisecond of work, which waking
 * threads would not shorten.
 */
const INLINE_BYTES = 1 << 21;
/** Most of a vector that one thread takes at once. */
const MAX_BLOCK_BYTES = 1 << 20;
/** Work on the calling thread between two pauses: well under a millisecond. */
const SLICE_BYTES = 1 << 20;

export interface MaskPoolOptions {
  /** Threads, at least 1. @default the processor's cores */
  readonly threads?: number;
}

interface Pending {
  readonly control: JobOrder['control'];
  readonly settle: (error: Error | null, digest?: Uint8Array) => void;
  /** Threads still at it. */
  left: number;
  error: unknown;
  digest: Uint8Array | undefined;
}

const isShared = (vector: Uint8Array): vector is SharedVector => vector.buffer instanceof SharedArrayBuffer;

function checkLengths(shape: VectorShape, ...vectors: readonly Uint8Array[]): void {
  for (const { length } of vectors)
    if (length !== shapeBytes(shape))
      throw new RangeError(`a vector of this shape has ${shapeBytes(shape)} bytes, got ${length}`);
}

/**
 * A few threads, started when there is first something for them to do. They keep the process alive only while they work.
 * Calls may overlap, but not on one vector. A call that rejects leaves its vector half done: throw it away.
 */
export class MaskPool {
  readonly #threads: number;
  readonly #pending = new Map<number, Pending>();
  #workers: readonly Worker[] = [];
  #nextId = 0;
  #isClosed = false;

  constructor({ threads = availableParallelism() }: MaskPoolOptions = {}) {
    if (!Number.isInteger(threads) || threads < 1)
      throw new RangeError(`threads must be an integer of at least 1, got ${threads}`);
    this.#threads = threads;
  }

  /**
   * Applies masks to a vector, in place.
   * @param vector as `allocateVector` gives it; one in memory that is not shared is masked on the calling thread.
   * @param masks their keys stay the caller's to wipe, after this settled; the pool wipes its copies.
   * @throws KonsilError CANCELLED; RUN_ABORTED when the pool is closed or a thread ended; RangeError when lengths differ.
   */
  async applyMasks(
    vector: Uint8Array,
    shape: VectorShape,
    masks: readonly MaskKey[],
    signal?: AbortSignal,
  ): Promise<void> {
    checkLengths(shape, vector);
    await this.maskPiece(vector, 0, shape, masks, signal);
  }

  /**
   * As {@link applyMasks}, for a piece of a vector.
   * @param start where in the vector the piece begins; it and the piece's length are multiples of 16 bytes.
   */
  async maskPiece(
    vector: Uint8Array,
    start: number,
    shape: VectorShape,
    masks: readonly MaskKey[],
    signal?: AbortSignal,
  ): Promise<void> {
    this.#check(signal);
    if (masks.some(({ key }) => key.length !== KEY_BYTES)) throw new RangeError(`a mask's key has ${KEY_BYTES} bytes`);
    if (masks.length === 0) return;
    if (!isShared(vector) || vector.length * masks.length < INLINE_BYTES) {
      const masking = new Masking(shape, masks, { from: start });
      const slice = Math.ceil(SLICE_BYTES / masks.length / STRETCH_BYTES) * STRETCH_BYTES;
      return this.#inSlices(vector.length, slice, signal, (from, to) => masking.apply(vector.subarray(from, to)));
    }
    const keys = new Uint8Array(new SharedArrayBuffer(masks.length * KEY_BYTES));
    try {
      masks.forEach(({ key }, i) => keys.set(key, i * KEY_BYTES));
      const signs = masks.map(({ sign }) => sign);
      await this.#run({ kind: 'mask', vector, start, shape, keys, signs }, vector.length, signal);
    } finally {
      wipe(keys);
    }
  }

  /**
   * `target += source` for vectors of one shape, in place.
   * @throws as {@link applyMasks}.
   */
  async add(target: Uint8Array, source: Uint8Array, shape: VectorShape, signal?: AbortSignal): Promise<void> {
    this.#check(signal);
    checkLengths(shape, target, source);
    if (!isShared(target) || !isShared(source) || target.length < INLINE_BYTES)
      return this.#inSlices(target.length, SLICE_BYTES, signal, (from, to) =>
        addRange(target, source, shape, { from, to }),
      );
    await this.#run({ kind: 'add', target, source, shape }, target.length, signal);
  }

  /** SHA-256 of a vector, 32 bytes. @throws as {@link applyMasks}. */
  async sha256(vector: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
    this.#check(signal);
    if (isShared(vector) && vector.length >= INLINE_BYTES)
      return (await this.#run({ kind: 'hash', vector }, vector.length, signal))!;
    const hash = createHash('sha256');
    await this.#inSlices(vector.length, SLICE_BYTES, signal, (from, to) => hash.update(vector.subarray(from, to)));
    return new Uint8Array(hash.digest());
  }

  /** Cancels what is running and ends the threads. Safe to call twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#end(this.#workers, new KonsilError('RUN_ABORTED', 'mask pool was closed'));
  }

  #check(signal: AbortSignal | undefined): void {
    throwIfCancelled(signal);
    if (this.#isClosed) throw new KonsilError('RUN_ABORTED', 'mask pool was closed');
  }

  async #inSlices(
    length: number,
    slice: number,
    signal: AbortSignal | undefined,
    work: (from: number, to: number) => void,
  ): Promise<void> {
    for (let from = 0; from < length; from += slice) {
      if (from > 0) {
        await pause();
        this.#check(signal);
      }
      work(from, Math.min(from + slice, length));
    }
  }

  /** Hands a job to all threads (a hash: to one, it cannot be cut) and waits until the last is done with it. */
  async #run(job: Job, length: number, signal: AbortSignal | undefined): Promise<Uint8Array | undefined> {
    const workers = this.#open();
    const id = this.#nextId++;
    const chosen = job.kind === 'hash' ? [workers[id % workers.length]!] : workers;
    // at least four blocks a thread, for threads that share their core with others
    const share = Math.ceil(length / (4 * chosen.length) / STRETCH_BYTES) * STRETCH_BYTES;
    const control = new Int32Array(new SharedArrayBuffer(8));
    const order: JobOrder = { id, job, blockBytes: Math.min(share, MAX_BLOCK_BYTES), control };
    const onAbort = (): void => void Atomics.store(control, CANCEL, 1);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const digest = await new Promise<Uint8Array | undefined>((resolve, reject) => {
        const settle: Pending['settle'] = (error, digest) => (error ? reject(error) : resolve(digest));
        this.#pending.set(id, { control, settle, left: chosen.length, error: undefined, digest: undefined });
        for (const worker of chosen) {
          worker.ref();
          worker.postMessage(order);
        }
      });
      throwIfCancelled(signal);
      return digest;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#pending.delete(id);
      if (this.#pending.size === 0) for (const worker of this.#workers) worker.unref();
    }
  }

  #open(): readonly Worker[] {
    if (this.#workers.length > 0) return this.#workers;
    const workers = Array.from({ length: this.#threads }, () => startWorker(new URL('./worker.ts', import.meta.url)));
    const lose = (cause: Error | undefined): void =>
      void this.#end(workers, new KonsilError('RUN_ABORTED', 'a masking thread has ended', {}, { cause }));
    for (const worker of workers) {
      worker.on('message', (reply: JobReply) => this.#receive(reply));
      worker.on('error', (cause) => lose(cause));
      worker.on('exit', () => lose(undefined));
    }
    this.#workers = workers;
    return workers;
  }

  #receive({ id, error, digest }: JobReply): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    if (error !== undefined) {
      Atomics.store(pending.control, CANCEL, 1);
      pending.error ??= error;
    }
    pending.digest ??= digest;
    // only once no thread touches the vector any more
    if (--pending.left === 0)
      pending.settle(pending.error === undefined ? null : (pending.error as Error), pending.digest);
  }

  /** Ends these threads, and what they work on once they no longer touch it; the next call would start new ones. */
  async #end(workers: readonly Worker[], error: Error): Promise<void> {
    if (this.#workers !== workers) return;
    this.#workers = [];
    const pending = [...this.#pending.values()];
    for (const { control } of pending) Atomics.store(control, CANCEL, 1);
    await Promise.all(workers.map(async (worker) => worker.terminate()));
    for (const { settle } of pending) settle(error);
  }
}
