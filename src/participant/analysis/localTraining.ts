/**
 * `ModelTrainingAndEvaluation` at a site, the training: the task's model on the site's own rows, as federated averaging would
 * train it in one round, into a file that can be evaluated.
 * @module
 */
import { KonsilError, toHex } from '../../base/index.ts';
import { sha256 } from '../../crypto/index.ts';
import type { DataSource } from '../../datasources/index.ts';
import { PodWork } from '../../protocols/index.ts';
import { type Analysis, localTrainingOf, type TrainedEvaluationAlgorithm } from '../../tasks/index.ts';
import type { EngineFacts, PodEvent } from '../notices.ts';
import { Refusal } from '../refusal.ts';
import { modelFilesOf } from '../training/personalModel.ts';
import { chargeRound, checkTraining } from '../training/privacyOfRound.ts';
import { setUpTraining, type TrainingSetup } from '../training/setUp.ts';
import type { AnalysisOptions } from './analysisOptions.ts';

/** The training of one run. */
export class LocalTraining {
  readonly #setup: TrainingSetup;
  readonly #model: Uint8Array;
  readonly #onEvent: (event: PodEvent) => void;
  /** Of a step that is asked for again: the same model, and nothing more to pay. */
  #trained: Uint8Array | null = null;

  private constructor(setup: TrainingSetup, model: Uint8Array, onEvent: (event: PodEvent) => void) {
    this.#setup = setup;
    this.#model = model;
    this.#onEvent = onEvent;
  }

  /** @throws Refusal as a task of federated averaging is refused; NO_DATA without rows to train on. */
  static async open(
    options: AnalysisOptions,
    task: Analysis,
    algorithm: TrainedEvaluationAlgorithm,
    source: DataSource,
  ): Promise<LocalTraining> {
    let model = new Uint8Array(0);
    const pullModel = async (): Promise<Uint8Array> => {
      model = Uint8Array.from(await options.pullModel());
      if (toHex(sha256(model)) !== algorithm.models[0]!.sha256)
        throw new KonsilError('MODEL_MISMATCH', 'the model sent along is not the one that the task names');
      return model;
    };
    const setup = await setUpTraining({ ...options, pullModel }, localTrainingOf(task, algorithm), new Map(), source);
    if (setup.data.train.rows > 0) return new LocalTraining(setup, model, options.onEvent);
    await setup.trainer.close();
    throw new Refusal('NO_DATA', `dataset "${options.request.dataset}" has no rows to train on`);
  }

  /** Rows it trains on, what trains it, and what the site's operator should know. */
  get facts(): { readonly rows: number; readonly trains: EngineFacts; readonly warnings: readonly string[] } {
    const { data, trainer } = this.#setup;
    const { engine, device, fallbacks } = trainer.program;
    return { rows: data.train.rows, trains: { engine, device, fallbacks }, warnings: data.warnings };
  }

  /**
   * Trains, once a run. @returns the trained model, which takes raw features.
   * @throws KonsilError PRIVACY_BUDGET, FILE_WRITE_FAILED when the account cannot be kept, or as the training.
   */
  async train(signal: AbortSignal, onProgress: (done: number, total: number) => void): Promise<Uint8Array> {
    if (this.#trained) return this.#trained;
    const setup = this.#setup;
    const { task, data, trainer, facts } = setup;
    // whatever is told of the model afterwards is paid for before there is one
    checkTraining(setup, 0);
    for (const charged of chargeRound(setup, { purpose: 'update', completed: 0 }, true))
      this.#onEvent({ type: 'privacy', ...charged });
    const work = new PodWork({ data, trainer, task, facts });
    if (task.dataStructure.standardise) work.standardiseAlone();
    const { initial } = trainer.program;
    const { update } = await work.update(initial.slice(), 0, { signal, onProgress });
    signal.throwIfAborted();
    const parameters = initial.map((value, i) => value + update![i]!);
    const { content } = modelFilesOf('local', parameters, this.#model, setup, work.scaling).at(-1)!;
    if (typeof content === 'string') throw new TypeError('a model of this kind is not trained here');
    this.#trained = content;
    return content;
  }

  /** Never rejects. */
  close(): Promise<void> {
    return this.#setup.trainer.close().catch(() => undefined);
  }
}
