/**
 * A finished model that is run in a thread of its own, whether or not it could be trained.
 * @module
 */
import { throwIfCancelled } from '../../base/index.ts';
import { EngineThread, withRows } from './engineThread.ts';
import type { LoadedModel, LoadRequest, Rows } from './messages.ts';

/** What opening a model needs; `batchSize` is 64 unless given, `device` cpu, `threads` 1. */
export type PredictorOptions = Pick<LoadRequest, 'model' | 'source' | 'width' | 'output'> &
  Partial<Pick<LoadRequest, 'threads' | 'device' | 'batchSize'>>;

/** What evaluation and inference need of a predictor. */
export type ModelPredictor = Pick<Predictor, 'model' | 'predict' | 'close'>;

/** Opens a model to run it, as {@link Predictor.create} does. */
export type OpenPredictor = (options: PredictorOptions, signal?: AbortSignal) => Promise<ModelPredictor>;

export class Predictor {
  readonly #thread = new EngineThread();
  #model: LoadedModel | undefined;

  /**
   * @throws KonsilError MODEL_INVALID, MODEL_UNSUPPORTED, MODEL_MISMATCH; DEVICE_UNAVAILABLE when no device works; CANCELLED.
   */
  static async create(options: PredictorOptions, signal?: AbortSignal): Promise<Predictor> {
    throwIfCancelled(signal);
    const { model, threads = 1, device = 'cpu', batchSize = 64, ...rest } = options;
    const predictor = new Predictor();
    // the copy that the worker gets
    const own = model instanceof Uint8Array ? new Uint8Array(model) : undefined;
    try {
      const request = { model: own ?? model, threads, device, batchSize, ...rest };
      predictor.#model = await predictor.#thread.call('load', request, { signal, transfer: own && [own.buffer] });
      throwIfCancelled(signal);
    } catch (error) {
      await predictor.close();
      throw error;
    }
    return predictor;
  }

  get model(): LoadedModel {
    if (this.#model === undefined) throw new TypeError('no model is loaded');
    return this.#model;
  }

  /**
   * What the model says to each row, `[rows, size of output.dims]`; zeros for rows that could not be made.
   * @throws KonsilError MODEL_MISMATCH when the rows have another width, DATA_INVALID, MODEL_INVALID, CANCELLED between batches.
   */
  async predict(request: Rows, signal?: AbortSignal): Promise<Float32Array> {
    if (request.rows === 0) return new Float32Array(0);
    return withRows(request, (wire, transfer) => this.#thread.call('run', wire, { signal, transfer }));
  }

  /** Cancels what is running and ends the thread. Safe to call twice. */
  close(): Promise<void> {
    return this.#thread.close();
  }
}
