/**
 * The models of a task, open on this machine: all of them are run on the same rows.
 * @module
 */
import type { InputRows } from '../../datasources/index.ts';
import type { InferenceModel } from '../../tasks/index.ts';
import type { DeviceChoice, LoadedModel, ModelPredictor, OpenPredictor } from '../../training/index.ts';

/** What one model says to rows. */
export interface Said {
  readonly model: InferenceModel;
  readonly loaded: LoadedModel;
  /** Shape `[rows, size of the output]`. */
  readonly outputs: Float32Array;
}

/** What opens models, and where. */
export interface BenchOptions {
  readonly openPredictor: OpenPredictor;
  readonly device: DeviceChoice;
  readonly threads: number;
}

export class ModelBench {
  readonly #models: readonly InferenceModel[];
  readonly #bytes: readonly Uint8Array[];
  readonly #options: BenchOptions;
  #predictors: readonly ModelPredictor[] = [];
  #startError: unknown;

  constructor(models: readonly InferenceModel[], bytes: readonly Uint8Array[], options: BenchOptions) {
    this.#models = models;
    this.#bytes = bytes;
    this.#options = options;
  }

  /** Opens the models, once it is known how wide rows are. @throws KonsilError as a predictor's opening. */
  async open(width: number, signal: AbortSignal): Promise<void> {
    if (this.#predictors.length > 0) return;
    const { openPredictor, ...where } = this.#options;
    const opened: ModelPredictor[] = [];
    try {
      for (const [i, { label, batchSize, output }] of this.#models.entries()) {
        const request = { model: this.#bytes[i]!, source: label, width, batchSize, ...where };
        opened.push(await openPredictor({ ...request, ...(output !== undefined && { output }) }, signal));
      }
      this.#predictors = opened;
    } catch (error) {
      this.#startError = error;
      await Promise.all(opened.map((predictor) => predictor.close()));
      throw error;
    }
  }

  /** Whether this is why the models could not be opened: it will not be otherwise with other rows. */
  isStartError(error: unknown): boolean {
    return error !== undefined && error === this.#startError;
  }

  /** What runs each model. */
  get facts(): readonly { readonly label: string; readonly engine: string; readonly device: string }[] {
    return this.#predictors.map(({ model: { engine, device } }, i) => ({
      label: this.#models[i]!.label,
      engine,
      device,
    }));
  }

  /** @throws KonsilError as a predictor. */
  async predict({ x, rows }: InputRows, signal: AbortSignal): Promise<readonly Said[]> {
    const said: Said[] = [];
    for (const [i, predictor] of this.#predictors.entries())
      said.push({
        ...{ model: this.#models[i]!, loaded: predictor.model },
        outputs: await predictor.predict({ x, rows }, signal),
      });
    return said;
  }

  /** Never rejects. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#predictors.map((predictor) => predictor.close()));
  }
}
