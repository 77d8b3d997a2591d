/**
 * The handle on a training thread: the main thread stays free while the worker trains.
 * @module
 */
import type { MessagePort, TransferListItem, Worker } from 'node:worker_threads';
import { KonsilError, startWorker, throwIfCancelled } from '../../base/index.ts';
import type { CompileOptions } from '../options.ts';
import type { DeviceChoice } from './deviceNames.ts';
import {
  type Calls,
  errorOf,
  type Features,
  type GradientResult,
  type ModelSource,
  type OnTheWire,
  type OpenProgram,
  type Reply,
  type Request,
  type Samples,
  type TrainRequest,
  type TrainResult,
} from './messages.ts';
import { serveRows } from './rowPort.ts';

/** Serves rows that are not in memory for as long as `call` takes. */
async function withRows<B extends Features, T>(
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

export interface TrainerOptions extends Omit<CompileOptions, 'trainable' | 'target'> {
  /**
   * An ONNX file or a packed TensorFlow.js model, whose first bytes decide which engine trains; or where such a file is,
   * as `readModelFile` takes it: a large one then is in memory once.
   */
  readonly model: ModelSource;
  /** ORT threads; with 1, equal calls give equal bits. @default 1 */
  readonly threads?: number;
  /** Where to train; the first that works is taken. @default cpu */
  readonly device?: DeviceChoice;
  /** For TensorFlow.js models, backends instead of devices, to try in this order. @default all, fastest first */
  readonly backends?: readonly string[];
}

export interface TrainCall extends TrainRequest {
  readonly signal?: AbortSignal | undefined;
  /** Called now and then, and after the last step, with steps done, steps in all and the mean loss so far. */
  readonly onProgress?: (done: number, total: number, loss: number) => void;
}

/** What a run needs of a trainer; a simulator gives many pods shares of one. */
export type ModelTrainer = Pick<Trainer, 'program' | 'train' | 'predict' | 'loss' | 'close'>;

/** Opens a model for training, as {@link Trainer.create} does. */
export type OpenTrainer = (options: TrainerOptions, signal?: AbortSignal) => Promise<ModelTrainer>;

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

/** Calls are answered in order, one at a time. Arrays passed in are copied, never changed. */
export class Trainer {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #program: OpenProgram | undefined;
  #nextId = 0;
  #stopped: Error | undefined;
  #closing: Promise<void> | undefined;

  private constructor() {
    // the compiler rewrites import specifiers, not this one
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    this.#worker = startWorker(new URL(`./worker.${extension}`, import.meta.url));
    this.#worker.on('message', (reply: Reply) => this.#receive(reply));
    this.#worker.on('error', (error) => this.#stop(error));
    this.#worker.on('exit', () => this.#stop(undefined));
  }

  /**
   * Opens the model in a thread of its own.
   *
   * @throws KonsilError as `compile` does; DEVICE_UNAVAILABLE when no device works; CANCELLED when `signal` is aborted.
   */
  static async create(options: TrainerOptions, signal?: AbortSignal): Promise<Trainer> {
    throwIfCancelled(signal);
    const { model, threads = 1, device = 'cpu', backends, ...compile } = options;
    const trainer = new Trainer();
    // the copy that the worker gets
    const own = model instanceof Uint8Array ? new Uint8Array(model) : undefined;
    const request = { model: own ?? model, compile, threads, device, ...(backends && { backends }) };
    try {
      trainer.#program = await trainer.#call('open', request, { signal, transfer: own && [own.buffer] });
      throwIfCancelled(signal);
    } catch (error) {
      await trainer.close();
      throw error;
    }
    return trainer;
  }

  /** The open model: layout, initial parameters, widths, hash; and the device it is on. */
  get program(): OpenProgram {
    if (this.#program === undefined) throw new TypeError('trainer is not open');
    return this.#program;
  }

  /**
   * Trains from `parameters` and gives the new ones; with fresh optimiser state unless the one of an earlier call is given. Rows are reshuffled every epoch; a step
   * budget goes through as many epochs as it needs.
   *
   * @throws KonsilError MODEL_MISMATCH or DATA_* when the data do not fit, TRAINING_DIVERGED naming the step when loss or
   * parameters stop being finite, CANCELLED between steps.
   */
  async train({ signal, onProgress, ...request }: TrainCall): Promise<TrainResult> {
    const body = { ...request, wantsProgress: onProgress !== undefined };
    return withRows(body, (wire, transfer) => this.#call('train', wire, { signal, onProgress, transfer }));
  }

  /** Raw model outputs, `[rows, program.output.width]`; Dropout off. @throws KonsilError MODEL_MISMATCH, CANCELLED */
  async predict(request: Features, signal?: AbortSignal): Promise<Float32Array> {
    return withRows(request, (wire, transfer) => this.#call('predict', wire, { signal, transfer }));
  }

  /** Mean loss over the rows, Dropout off. @throws KonsilError MODEL_MISMATCH, CANCELLED */
  async loss(request: Samples, signal?: AbortSignal): Promise<number> {
    return withRows(request, (wire, transfer) => this.#call('loss', wire, { signal, transfer }));
  }

  /** Mean gradient over the rows, before clipping. Dropout is off unless a `seed` is given. */
  async gradient(request: Samples & { readonly seed?: number }, signal?: AbortSignal): Promise<GradientResult> {
    return withRows(request, (wire, transfer) => this.#call('gradient', wire, { signal, transfer }));
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
    await this.#call('close', null);
    await ended;
  }

  async #call<K extends keyof Calls>(
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
