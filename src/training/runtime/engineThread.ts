/**
 * The handle on an engine's thread: the main thread stays free while the worker computes. Calls are answered in order, one at a
 * time. Arrays passed in are copied, never changed.
 * @module
 */
import type { MessagePort, TransferListItem, Worker } from 'node:worker_threads';
import { KonsilError, startWorker, throwIfCancelled } from '../../base/index.ts';
import { type Calls, errorOf, type OnTheWire, type Reply, type Request, type Rows } from './messages.ts';
import { serveRows } from './rowPort.ts';

/** Serves rows that are not in memory for as long as `call` takes. */
export async function withRows<B extends Rows, T>(
  body: B,
  call: (body: OnTheWire<B>, transfer: MessagePort[]) => Promise<T>,
): Promise<T> {
  const { x } = body;
  if (x instanceof Float32Array) return call({ ...body, x }, []);
  const { rows, close } = serveRows(x);
  try {
    return await call({ ...body, x: rows }, [rows.port]);
  } finally {
    close();
  }
}

interface Pending {
  readonly cancel: Int32Array;
  readonly onProgress: ((done: number, total: number, loss: number) => void) | undefined;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: Pending['onProgress'];
  /** Buffers and ports that the worker takes over. */
  readonly transfer?: readonly TransferListItem[] | undefined;
}

/**
 * `body` with arrays that own their memory: a message carries the whole buffer behind a view, so a slice of a large data
 * set would ship all of it.
 */
function trimmed<T>(body: T): T {
  if (body === null || typeof body !== 'object') return body;
  const isView = (value: unknown): value is Uint8Array =>
    ArrayBuffer.isView(value) && value.byteLength < value.buffer.byteLength;
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [name, isView(value) ? value.slice() : value]),
  ) as T;
}

export class EngineThread {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #nextId = 0;
  #stopped: Error | undefined;
  #closing: Promise<void> | undefined;

  constructor() {
    // the compiler rewrites import specifiers, not this one
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    this.#worker = startWorker(new URL(`./worker.${extension}`, import.meta.url));
    this.#worker.on('message', (reply: Reply) => this.#receive(reply));
    this.#worker.on('error', (error) => this.#stop(error));
    this.#worker.on('exit', () => this.#stop(undefined));
  }

  /** @throws KonsilError what the engine does; CANCELLED when `signal` is aborted; RUN_ABORTED when the thread has ended. */
  async call<K extends keyof Calls>(
    kind: K,
    body: Calls[K]['request'],
    { signal, onProgress, transfer = [] }: CallOptions = {},
  ): Promise<Calls[K]['result']> {
    throwIfCancelled(signal);
    if (this.#stopped !== undefined) throw this.#stopped;
    const cancel = new Int32Array(new SharedArrayBuffer(4));
    const onAbort = (): void => void Atomics.store(cancel, 0, 1);
    signal?.addEventListener('abort', onAbort, { once: true });
    const id = this.#nextId++;
    try {
      return await new Promise<Calls[K]['result']>((resolve, reject) => {
        this.#pending.set(id, {
          cancel,
          onProgress,
          resolve: (result) => resolve(result as Calls[K]['result']),
          reject,
        });
        const request: Request<K> = { id, kind, body: trimmed(body), cancel };
        this.#worker.postMessage(request, transfer);
      });
    } finally {
      this.#pending.delete(id);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Cancels what is running and ends the thread. Safe to call twice. */
  async close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#stopped !== undefined) return;
    const ended = new Promise((resolve) => this.#worker.once('exit', resolve));
    for (const { cancel } of this.#pending.values()) Atomics.store(cancel, 0, 1);
    await this.call('close', null);
    await ended;
  }

  #receive(reply: Reply): void {
    const pending = this.#pending.get(reply.id);
    if (pending === undefined) return;
    if ('progress' in reply) pending.onProgress?.(...reply.progress);
    else if ('failure' in reply) pending.reject(errorOf(reply.failure));
    else pending.resolve(reply.result);
  }

  #stop(cause: Error | undefined): void {
    this.#stopped ??= new KonsilError('RUN_ABORTED', 'training thread has ended', {}, { cause });
    for (const { reject } of this.#pending.values()) reject(this.#stopped);
  }
}
