/**
 * Runs a program's graphs in onnxruntime, in the thread that calls it (ORT blocks that thread: use `Trainer`).
 * @module
 */
import type * as ort from 'onnxruntime-node';
import { isKonsilError, seededRng } from '../../base/index.ts';
import { checkParameters } from '../layout.ts';
import { type CompiledModel, GRAPH_NAMES, type TrainingProgram } from '../program.ts';
import { checkFeatures, checkTargets, orderedBatches, shuffledBatches, stepsOf } from './batches.ts';
import { Executor } from './executor.ts';
import { tensor, trainedViews, views } from './feeds.ts';
import type { Features, GradientResult, Samples, TrainRequest, TrainResult } from './messages.ts';
import { Stepper } from './stepper.ts';

/** Called before every step; throws to stop. */
export type Checkpoint = (done: number, total: number, loss: number) => void;

export interface EngineOptions {
  /** ORT threads; results are bit-identical from run to run with 1. */
  readonly threads: number;
  /** The same model for another batch size; without it short batches are always padded. */
  readonly recompile?: (batchSize: number) => CompiledModel;
}

export class Engine {
  readonly #program: TrainingProgram;
  readonly #sessionOptions: ort.InferenceSession.SessionOptions;
  readonly #recompile: EngineOptions['recompile'];
  readonly #executor: Executor;
  /** For batch sizes other than the program's; null where the model allows only one. */
  readonly #others = new Map<number, Executor | null>();

  constructor(model: CompiledModel, { threads, recompile }: EngineOptions) {
    this.#program = model;
    this.#recompile = recompile;
    this.#sessionOptions = {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
    };
    this.#executor = new Executor(model, this.#sessionOptions);
  }

  /** A run of steps over this engine's buffers; one at a time. */
  async stepper(parameters: Float32Array, learningRate: number): Promise<Stepper> {
    checkParameters(this.#program.layout, parameters);
    return new Stepper(this.#program, (rows) => this.#executorFor(rows), parameters, learningRate);
  }

  /**
   * Padding rows have weight 0, which hides them from loss and gradient, but not from the statistics of batch
   * normalisation: such models get graphs of the short batch's own size.
   */
  #executorFor(rows: number): Executor {
    const { batchSize, mixesRows } = this.#program;
    if (rows === batchSize || !mixesRows || this.#recompile === undefined) return this.#executor;
    let found = this.#others.get(rows);
    if (found === undefined) {
      found = this.#open(rows);
      this.#others.set(rows, found);
    }
    return found ?? this.#executor;
  }

  #open(rows: number): Executor | null {
    try {
      return new Executor(this.#recompile!(rows), this.#sessionOptions);
    } catch (error) {
      // exported with a fixed batch size, or one row where statistics need two: padding is what is left
      if (isKonsilError(error)) return null;
      throw error;
    }
  }

  /** Trains from zero optimiser state. @throws KonsilError TRAINING_DIVERGED naming the step. */
  async train(request: TrainRequest, checkpoint: Checkpoint): Promise<TrainResult> {
    const { batchSize, optimiser } = this.#program;
    const y = this.#checked(request);
    const total = stepsOf(request.budget, request.rows, batchSize);
    const stepper = await this.stepper(request.parameters, request.learningRate ?? optimiser.learningRate);
    const batches = shuffledBatches(request.rows, batchSize, request.seed);
    const maskRng = seededRng(request.seed, 'dropout');
    let [lossSum, samples] = [0, 0];
    for (let step = 0; step < total; step++) {
      checkpoint(step, total, samples === 0 ? Number.NaN : lossSum / samples);
      const batch = batches.next().value;
      lossSum += (await stepper.step(batch, request.x, y, maskRng)) * batch.length;
      samples += batch.length;
    }
    checkpoint(total, total, lossSum / samples);
    return { parameters: stepper.parameters(), meanLoss: lossSum / samples, steps: total, samples };
  }

  #checked(request: Samples): Float32Array | Int32Array {
    checkParameters(this.#program.layout, request.parameters);
    checkFeatures(this.#program, request);
    return checkTargets(this.#program, request);
  }

  /** Raw outputs, `[rows, output width]`. */
  async predict(request: Features, checkpoint: Checkpoint): Promise<Float32Array> {
    const { layout, output, batchSize } = this.#program;
    checkParameters(layout, request.parameters);
    checkFeatures(this.#program, request);
    const session = await this.#executor.session('eval');
    const { batch: batchInputs } = this.#executor;
    const result = new Float32Array(request.rows * output.width);
    const values = new Float32Array(batchSize * output.width);
    const feeds = { ...batchInputs.feeds, ...views(layout, request.parameters, GRAPH_NAMES.parameter) };
    const fetches = { output: tensor(values, output.dims) };
    let done = 0;
    for (const batch of orderedBatches(request.rows, batchSize)) {
      checkpoint(done, request.rows, Number.NaN);
      batchInputs.load(batch, request.x);
      await session.run(feeds, fetches);
      result.set(values.subarray(0, batch.length * output.width), done * output.width);
      done += batch.length;
    }
    return result;
  }

  /** Mean loss over the rows, Dropout off. */
  async loss(request: Samples, checkpoint: Checkpoint): Promise<number> {
    const y = this.#checked(request);
    const { layout, batchSize } = this.#program;
    const session = await this.#executor.session('eval');
    const { batch: batchInputs } = this.#executor;
    const feeds = { ...batchInputs.feeds, ...views(layout, request.parameters, GRAPH_NAMES.parameter) };
    const loss = new Float32Array(1);
    const fetches = { loss: tensor(loss, []) };
    let [sum, done] = [0, 0];
    for (const batch of orderedBatches(request.rows, batchSize)) {
      checkpoint(done, request.rows, Number.NaN);
      batchInputs.load(batch, request.x, y);
      await session.run(feeds, fetches);
      sum += loss[0]! * batch.length;
      done += batch.length;
    }
    return sum / request.rows;
  }

  /** Mean gradient over the rows, unclipped; 0 for running statistics. Dropout is off, or drawn from `seed` when one is given. */
  async gradient(request: Samples & { readonly seed?: number }, checkpoint: Checkpoint): Promise<GradientResult> {
    const y = this.#checked(request);
    const { layout, batchSize } = this.#program;
    const rng = request.seed === undefined ? undefined : seededRng(request.seed, 'dropout');
    const part = new Float32Array(layout.length);
    const loss = new Float32Array(1);
    const weights = views(layout, request.parameters, GRAPH_NAMES.parameter);
    const fetches = { loss: tensor(loss, []), ...trainedViews(layout, part, GRAPH_NAMES.gradient) };
    const sum = new Float64Array(layout.length);
    let [lossSum, done] = [0, 0];
    for (const batch of orderedBatches(request.rows, batchSize)) {
      checkpoint(done, request.rows, Number.NaN);
      const executor = this.#executorFor(batch.length);
      executor.batch.load(batch, request.x, y);
      executor.drawMasks(rng);
      const session = await executor.session('gradient');
      await session.run({ ...executor.feeds, ...weights }, fetches);
      for (let i = 0; i < sum.length; i++) sum[i]! += part[i]! * batch.length;
      lossSum += loss[0]! * batch.length;
      done += batch.length;
    }
    return { gradient: Float32Array.from(sum, (value) => value / request.rows), loss: lossSum / request.rows };
  }

  async close(): Promise<void> {
    for (const executor of [this.#executor, ...this.#others.values()]) await executor?.close();
    this.#others.clear();
  }
}
