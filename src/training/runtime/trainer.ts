/**
 * The handle on a training thread: the main thread stays free while the worker trains.
 * @module
 */
import { throwIfCancelled } from '../../base/index.ts';
import type { CompileOptions } from '../options.ts';
import type { DeviceChoice } from './deviceNames.ts';
import { EngineThread, withRows } from './engineThread.ts';
import type {
  Features,
  GradientResult,
  ModelSource,
  OpenProgram,
  Samples,
  TrainRequest,
  TrainResult,
} from './messages.ts';

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

/** Trains in a thread of its own. */
export class Trainer {
  readonly #thread = new EngineThread();
  #program: OpenProgram | undefined;

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
      trainer.#program = await trainer.#thread.call('open', request, { signal, transfer: own && [own.buffer] });
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
    return withRows(body, (wire, transfer) => this.#thread.call('train', wire, { signal, onProgress, transfer }));
  }

  /** Raw model outputs, `[rows, program.output.width]`; Dropout off. @throws KonsilError MODEL_MISMATCH, CANCELLED */
  async predict(request: Features, signal?: AbortSignal): Promise<Float32Array> {
    return withRows(request, (wire, transfer) => this.#thread.call('predict', wire, { signal, transfer }));
  }

  /** Mean loss over the rows, Dropout off. @throws KonsilError MODEL_MISMATCH, CANCELLED */
  async loss(request: Samples, signal?: AbortSignal): Promise<number> {
    return withRows(request, (wire, transfer) => this.#thread.call('loss', wire, { signal, transfer }));
  }

  /** Mean gradient over the rows, before clipping. Dropout is off unless a `seed` is given. */
  async gradient(request: Samples & { readonly seed?: number }, signal?: AbortSignal): Promise<GradientResult> {
    return withRows(request, (wire, transfer) => this.#thread.call('gradient', wire, { signal, transfer }));
  }

  /** Cancels what is running and ends the thread. Safe to call twice. */
  close(): Promise<void> {
    return this.#thread.close();
  }
}
