/**
 * Threads that decode images, shared by all runs of a process. They start when there is work and end when there has been
 * none for a while.
 * @module
 */
import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { KonsilError, startWorker } from '../../base/index.ts';
import type { JobMessage, JobReply, PreparedRow, RowJob } from './messages.ts';

/** Threads that have had nothing to do for so long end. */
const IDLE_MS = 30_000;
/** Jobs a thread has at once: the next one is there when the last is done. */
const JOBS_A_THREAD = 2;

interface Waiting {
  readonly job: RowJob;
  readonly resolve: (row: PreparedRow) => void;
  readonly reject: (error: Error) => void;
}

interface Decoder {
  readonly worker: Worker;
  readonly busy: Map<number, Waiting>;
}

export class DecodePool {
  readonly #size: number;
  readonly #queue: Waiting[] = [];
  readonly #decoders = new Set<Decoder>();
  #nextId = 0;
  #idle: NodeJS.Timeout | undefined;

  /** @param size - Threads at most. @default all cores but the one that trains, up to 4 */
  constructor(size = Math.max(1, Math.min(4, availableParallelism() - 1))) {
    this.#size = size;
  }

  /** @throws KonsilError as decoding does; RUN_ABORTED when the thread died over it. */
  async run(job: RowJob): Promise<PreparedRow> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ job, resolve, reject });
      this.#assign();
    });
  }

  /** Ends the threads; what they were at is rejected. Harmless when repeated, and the pool can be used again. */
  async close(): Promise<void> {
    clearTimeout(this.#idle);
    await Promise.all([...this.#decoders].map(({ worker }) => worker.terminate()));
  }

  #assign(): void {
    clearTimeout(this.#idle);
    while (this.#queue.length > 0) {
      const decoder = this.#free();
      if (decoder === undefined) return;
      const waiting = this.#queue.shift()!;
      const id = this.#nextId++;
      decoder.busy.set(id, waiting);
      decoder.worker.ref();
      decoder.worker.postMessage({ id, job: waiting.job } satisfies JobMessage);
    }
    if ([...this.#decoders].some(({ busy }) => busy.size > 0)) return;
    // threads that wait must not keep the process alive
    for (const { worker } of this.#decoders) worker.unref();
    this.#idle = setTimeout(() => void this.close(), IDLE_MS);
    this.#idle.unref();
  }

  /** The thread with the least to do, a new one while there may be more. */
  #free(): Decoder | undefined {
    const least = [...this.#decoders].sort((a, b) => a.busy.size - b.busy.size)[0];
    if (least !== undefined && least.busy.size === 0) return least;
    if (this.#decoders.size < this.#size) return this.#start();
    return least !== undefined && least.busy.size < JOBS_A_THREAD ? least : undefined;
  }

  #start(): Decoder {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const worker = startWorker(new URL(`./worker.${extension}`, import.meta.url));
    const decoder: Decoder = { worker, busy: new Map() };
    worker.on('message', (reply: JobReply) => {
      const waiting = decoder.busy.get(reply.id);
      decoder.busy.delete(reply.id);
      if ('failure' in reply) {
        const { code, message, facts } = reply.failure;
        waiting?.reject(code === undefined ? new Error(message) : new KonsilError(code, message, facts));
      } else waiting?.resolve(reply.row);
      this.#assign();
    });
    let cause: Error | undefined;
    worker.on('error', (error) => {
      cause = error;
    });
    worker.on('exit', () => {
      this.#decoders.delete(decoder);
      const stopped = new KonsilError('RUN_ABORTED', 'a thread that decodes images has ended', {}, { cause });
      for (const { reject } of decoder.busy.values()) reject(stopped);
      decoder.busy.clear();
      if (this.#queue.length > 0) this.#assign();
    });
    this.#decoders.add(decoder);
    return decoder;
  }
}

/** The pool of this process. */
export const sharedPool = new DecodePool();
