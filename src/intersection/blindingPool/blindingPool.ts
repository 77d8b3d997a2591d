/**
 * Group arithmetic on threads of its own: a multiplication takes a fraction of a millisecond, and a list has a hundred
 * thousand. Each thread has one block at a time, so that nothing piles up and a cancelled list costs one block more.
 * @module
 */
import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { KonsilError, startWorker, throwIfCancelled } from '../../base/index.ts';
import { type Blinding, type BlindingOrder, type BlindingReply, widthIn, widthOut } from './work.ts';

/** Items of a block: tens of milliseconds of work. */
const BLOCK_ITEMS = 64;

export interface BlindingPoolOptions {
  /** Threads, at least 1. @default the processor's cores */
  readonly threads?: number;
}

interface Block {
  readonly order: BlindingOrder;
  readonly settle: (reply: BlindingReply | KonsilError) => void;
}

/** A few threads, started when there is first something to do. They keep the process alive only while they work. */
export class BlindingPool {
  readonly #threads: number;
  readonly #waiting = new Set<Block>();
  readonly #working = new Map<Worker, Block>();
  #workers: readonly Worker[] = [];
  #nextId = 0;
  #isClosed = false;

  constructor({ threads = availableParallelism() }: BlindingPoolOptions = {}) {
    if (!Number.isInteger(threads) || threads < 1)
      throw new RangeError(`threads must be an integer of at least 1, got ${threads}`);
    this.#threads = threads;
  }

  /**
   * Every item of a list blinded, in the list's order.
   * @param items as `blinding.from` says; copied. Calls may overlap.
   * @throws KonsilError PROTOCOL_VIOLATION naming the first item found that is no canonical element or the identity;
   * CANCELLED; RUN_ABORTED when the pool is closed or a thread ended; RangeError when `items` is no whole number of items.
   */
  async blind(blinding: Blinding, items: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
    throwIfCancelled(signal);
    if (this.#isClosed) throw closed();
    const [input, output] = [widthIn(blinding), widthOut(blinding)];
    if (items.length % input !== 0)
      throw new RangeError(`items need a multiple of ${input} bytes, got ${items.length}`);
    const out = new Uint8Array((items.length / input) * output);
    const mine: Block[] = [];
    const stop = new AbortController();
    const parts = Array.from({ length: Math.ceil(items.length / input / BLOCK_ITEMS) }, async (_, i) => {
      const block = items.slice(i * BLOCK_ITEMS * input, (i + 1) * BLOCK_ITEMS * input);
      const reply = await this.#enqueue(blinding, block, mine);
      if (reply instanceof KonsilError) throw reply;
      if ('refused' in reply)
        throw new KonsilError(
          'PROTOCOL_VIOLATION',
          `item ${i * BLOCK_ITEMS + reply.refused} is not the canonical encoding of an element other than the identity`,
        );
      if ('error' in reply) throw new KonsilError('RUN_ABORTED', 'a blinding thread failed');
      out.set(reply.output, i * BLOCK_ITEMS * output);
    });
    const cancelled = new Promise<never>((_, reject) => {
      const onAbort = (): void => reject(new KonsilError('CANCELLED', 'cancelled', {}, { cause: signal!.reason }));
      signal?.addEventListener('abort', onAbort, { once: true, signal: stop.signal });
    });
    try {
      await Promise.race([Promise.all(parts), cancelled]);
      return out;
    } finally {
      stop.abort();
      for (const block of mine) this.#waiting.delete(block);
    }
  }

  /** Ends what is running and the threads. Safe to call twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#end(this.#workers, closed());
  }

  async #enqueue(blinding: Blinding, items: Uint8Array, mine: Block[]): Promise<BlindingReply | KonsilError> {
    return new Promise((settle) => {
      const block = { order: { id: this.#nextId++, blinding, items }, settle };
      mine.push(block);
      this.#waiting.add(block);
      for (const worker of this.#open()) this.#feed(worker);
    });
  }

  /** Gives an idle worker the block that waits longest. */
  #feed(worker: Worker): void {
    if (this.#working.has(worker)) return;
    const [block] = this.#waiting;
    if (block === undefined) return worker.unref();
    this.#waiting.delete(block);
    this.#working.set(worker, block);
    worker.ref();
    worker.postMessage(block.order);
  }

  #open(): readonly Worker[] {
    if (this.#workers.length > 0) return this.#workers;
    const workers = Array.from({ length: this.#threads }, () => startWorker(new URL('./worker.ts', import.meta.url)));
    const lose = (): void => void this.#end(workers, new KonsilError('RUN_ABORTED', 'a blinding thread has ended'));
    for (const worker of workers) {
      worker.on('message', (reply: BlindingReply) => {
        const block = this.#working.get(worker);
        this.#working.delete(worker);
        block?.settle(reply);
        if (!this.#isClosed) this.#feed(worker);
      });
      worker.on('error', lose);
      worker.on('exit', lose);
    }
    this.#workers = workers;
    return workers;
  }

  async #end(workers: readonly Worker[], error: KonsilError): Promise<void> {
    if (this.#workers !== workers) return;
    this.#workers = [];
    const blocks = [...this.#waiting, ...this.#working.values()];
    this.#waiting.clear();
    this.#working.clear();
    for (const { settle } of blocks) settle(error);
    await Promise.all(workers.map(async (worker) => worker.terminate()));
  }
}

function closed(): KonsilError {
  return new KonsilError('RUN_ABORTED', 'blinding pool was closed');
}
