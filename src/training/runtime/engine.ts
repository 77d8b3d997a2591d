/**
 * Runs a program's graphs in onnxruntime, in the thread that calls it (ORT blocks that thread: use `Trainer`).
 * @module
 */
import type * as ort from 'onnxruntime-node';
import { isKonsilError, KonsilError, type Rng, seededRng } from '../../base/index.ts';
import { checkParameters } from '../layout.ts';
import { poissonBatches, secureRng } from '../privacy/noise.ts';
import { type CompiledModel, GRAPH_NAMES, type TrainingProgram } from '../program.ts';
import { checkFeatures, checkTargets, placeRows, shuffledBatches, stepsOf } from './batches.ts';
import type { Device } from './deviceNames.ts';
import { keepsState, sessionOptions } from './devices.ts';
import { Executor } from './executor.ts';
import { tensor, views } from './feeds.ts';
import { type GradientSource, MeanGradient, PrivateGradient } from './gradients.ts';
import { Inference } from './inference.ts';
import type { Features, GradientResult, Samples, TrainRequest, TrainResult } from './messages.ts';
import { Pace } from './pace.ts';
import { allRows, RowFeed, rowsInOrder } from './rowFeed.ts';
import { deviceOutputs } from './state.ts';
import { Stepper, type StepperOptions } from './stepper.ts';

/** Called before every step; throws to stop. */
export type Checkpoint = (done: number, total: number, loss: number) => void;

export interface EngineOptions {
  /** ORT threads; results are bit-identical from run to run with 1. */
  readonly threads: number;
  /** The model must be compiled for its target. @default cpu */
  readonly device?: Device;
  /** The same model for another batch size; without it short batches are always padded. */
  readonly recompile?: (batchSize: number) => CompiledModel;
  /** Source of the noise and of the choice of rows in private training; only for tests. @default cryptographic */
  readonly rng?: Rng;
}

/** Settings of a run of steps besides parameters and learning rate. */
type StepperSettings = Pick<StepperOptions, 'schedule' | 'firstStep' | 'anchor' | 'correction' | 'optimiserState'>;

export class Engine {
  readonly #program: TrainingProgram;
  readonly #model: CompiledModel;
  #inference: Inference | undefined;
  readonly #device: Device;
  readonly #threads: number;
  readonly #sessionOptions: ort.InferenceSession.SessionOptions;
  readonly #recompile: EngineOptions['recompile'];
  readonly #rng: Rng;
  readonly #executor: Executor;
  /** For batch sizes other than the program's; null where the model allows only one. */
  readonly #others = new Map<number, Executor | null>();

  constructor(model: CompiledModel, { threads, device = 'cpu', recompile, rng = secureRng() }: EngineOptions) {
    this.#device = device;
    this.#rng = rng;
    this.#program = model;
    this.#model = model;
    this.#recompile = recompile;
    this.#threads = threads;
    this.#sessionOptions = sessionOptions(device, threads);
    this.#executor = this.#executorOf(model);
  }

  #executorOf(model: CompiledModel): Executor {
    // weights stay on the device only where one run makes a whole step
    const places = keepsState(this.#device) && this.#isFused() ? deviceOutputs(model) : undefined;
    return new Executor(model, this.#sessionOptions, places);
  }

  /** One step on zeros: whether the device can run every operator shows only in running them. */
  async trial(): Promise<void> {
    const { initial, input, target, batchSize, optimiser } = this.#program;
    const y =
      target.dtype === 'int32' ? new Int32Array(batchSize * target.width) : new Float32Array(batchSize * target.width);
    const stepper = await this.stepper(initial, optimiser.learningRate);
    const rows = Uint32Array.from({ length: batchSize }, (_, i) => i);
    try {
      await stepper.step(rows, new Float32Array(batchSize * input.width), y);
      await stepper.parameters();
    } catch (error) {
      // zeros are no data: a sentence of nothing but padding has no loss, on any device
      if (!isKonsilError(error) || error.code !== 'TRAINING_DIVERGED') throw error;
    }
  }

  /** A run of steps over this engine's buffers; one at a time. */
  async stepper(parameters: Float32Array, learningRate: number, settings: StepperSettings = {}): Promise<Stepper> {
    return new Stepper({
      program: this.#program,
      executorFor: (rows) => this.#executorFor(rows),
      gradients: this.#gradientSource(),
      ...{ parameters, learningRate },
      ...(keepsState(this.#device) && { device: this.#sessionOptions }),
      ...settings,
    });
  }

  /** Undefined where a step is one run of the training graph. */
  #gradientSource(): GradientSource | undefined {
    const { privacy, accumulate } = this.#program;
    if (privacy !== undefined)
      return new PrivateGradient(this.#program, privacy, () => this.#executorOfOne(), this.#rng);
    return accumulate > 1 ? new MeanGradient(this.#program, (rows) => this.#executorFor(rows)) : undefined;
  }

  /** Graphs for single rows. @throws KonsilError as `compile` does when the model has a fixed batch size. */
  #executorOfOne(): Executor {
    if (this.#program.batchSize === 1) return this.#executor;
    if (this.#recompile === undefined) throw new TypeError('private training needs `recompile`');
    const executor = this.#others.get(1) ?? this.#executorOf(this.#recompile(1));
    this.#others.set(1, executor);
    return executor;
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
      return this.#executorOf(this.#recompile!(rows));
    } catch (error) {
      // exported with a fixed batch size, or one row where statistics need two: padding is what is left
      if (isKonsilError(error)) return null;
      throw error;
    }
  }

  /** Row numbers of one step after another. */
  #batches({ rows, seed }: TrainRequest): Generator<Uint32Array, never> {
    const { batchSize, accumulate, privacy } = this.#program;
    // private training counts on every row being in every step with the same small chance, unknown to others
    if (privacy !== undefined) return poissonBatches(rows, Math.min(1, batchSize / rows), this.#rng);
    return shuffledBatches(rows, batchSize * accumulate, seed);
  }

  /** Trains from fresh optimiser state or what an earlier call has left. @throws KonsilError TRAINING_DIVERGED naming the step. */
  async train(request: TrainRequest, checkpoint: Checkpoint): Promise<TrainResult> {
    const { batchSize, accumulate, optimiser } = this.#program;
    const y = this.#checked(request);
    const total = stepsOf(request.budget, request.rows, batchSize * accumulate);
    const { schedule, firstStep, anchor, correction, optimiserState } = request;
    const rate = request.learningRate ?? optimiser.learningRate;
    const settings = { schedule, firstStep, anchor, correction, optimiserState };
    const stepper = await this.stepper(request.parameters, rate, settings);
    const feed = new RowFeed(this.#program, { x: request.x, y }, this.#batches(request), {
      batches: total,
      seed: request.seed,
    });
    const maskRng = seededRng(request.seed, 'dropout');
    const pace = new Pace();
    let [lossSum, massSum, samples, step] = [0, 0, 0, 0];
    const meanLoss = (): number => (massSum === 0 ? 0 : lossSum / massSum);
    const count = (loss: number, mass: number): void => {
      lossSum += loss * mass;
      massSum += mass;
    };
    while (step < total) {
      checkpoint(step, total, step === 0 ? Number.NaN : meanLoss());
      const canLoop = this.#isFused() && this.#device === 'cpu' && !feed.isStreamed;
      const steps = canLoop ? pace.stepsAtOnce(total - step) : 1;
      const taken = [];
      while (taken.length < steps) taken.push((await feed.take())!);
      for (const { batch } of taken) samples += batch.length;
      if (steps > 1 && taken.every(({ batch }) => this.#executorFor(batch.length) === this.#executor)) {
        const loop = await this.#executor.loop(steps);
        // only rows in memory are looped over: all batches are of the same arrays
        const batches = taken.map(({ batch }) => batch);
        await stepper.loop(loop, batches, taken[0]!.x, y, maskRng);
        for (const [i, loss] of loop.losses.entries()) count(loss, loop.masses[i]!);
        step += steps;
        continue;
      }
      for (const [i, { batch, x, y: targets }] of taken.entries()) {
        if (i > 0) checkpoint(step, total, meanLoss());
        if (batch.length === 0 && this.#program.privacy === undefined) {
          step++; // none of its rows could be made; a private step adds its noise all the same
          continue;
        }
        const started = performance.now();
        const loss = await stepper.step(batch, x, targets, maskRng);
        pace.add(performance.now() - started);
        count(loss, stepper.mass);
        step++;
      }
    }
    checkpoint(total, total, meanLoss());
    return {
      ...{ parameters: await stepper.parameters(), meanLoss: meanLoss(), steps: total, samples },
      rateSum: stepper.rateSum,
      waitedMs: feed.waitedMs,
      ...(request.keepsOptimiserState && { optimiserState: await stepper.optimiserState() }),
    };
  }

  /** Whether a step is one run of the training graph. */
  #isFused(): boolean {
    const { privacy, accumulate } = this.#program;
    return privacy === undefined && accumulate === 1;
  }

  #checked(request: Samples): Float32Array | Int32Array {
    checkParameters(this.#program.layout, request.parameters);
    checkFeatures(this.#program, request);
    return checkTargets(this.#program, request);
  }

  /** Raw outputs, `[rows, output width]`; 0 for rows that cannot be made. */
  async predict(request: Features, checkpoint: Checkpoint): Promise<Float32Array> {
    const { output, hasRowOutputs, source } = this.#program;
    checkParameters(this.#program.layout, request.parameters);
    if (!hasRowOutputs)
      throw new KonsilError(
        'MODEL_UNSUPPORTED',
        `${source}: output "${output.name}" is a loss, expected one value a row`,
      );
    checkFeatures(this.#program, request);
    const inference = await this.#inferenceOn(request.parameters);
    const result = new Float32Array(request.rows * output.width);
    let done = 0;
    for await (const { batch, rows, x } of rowsInOrder(this.#program, request)) {
      checkpoint(done, request.rows, Number.NaN);
      placeRows(result, await inference.run(batch, x), output.width, rows);
      done += batch.length;
    }
    return result;
  }

  /** Evaluations come in groups with the same parameters: the session on them stays open until others come. */
  async #inferenceOn(parameters: Float32Array): Promise<Inference> {
    const open = this.#inference;
    if (open !== undefined && open.isOn(parameters)) return open;
    this.#inference = undefined;
    await open?.close();
    // on the CPU whatever trains: GPU providers round differently, and some of them compute some convolutions wrongly
    this.#inference = await Inference.create(this.#model, parameters, sessionOptions('cpu', this.#threads));
    return this.#inference;
  }

  /** Mean loss over the rows that can be made, Dropout off. */
  async loss(request: Samples, checkpoint: Checkpoint): Promise<number> {
    const y = this.#checked(request);
    const { layout, hasMass, loss: kind } = this.#program;
    const weights = views(layout, request.parameters, GRAPH_NAMES.parameter);
    const [loss, mass] = [new Float32Array(1), new Float32Array(1)];
    const fetches = { loss: tensor(loss, []), ...(hasMass && { mass: tensor(mass, []) }) };
    let [sum, massSum, done] = [0, 0, 0];
    for await (const { batch, x, y: targets } of rowsInOrder(this.#program, request, y)) {
      checkpoint(done, request.rows, Number.NaN);
      // a loss of the whole batch sees padding; outputs of single rows do not, in evaluation
      const executor = kind === 'output' ? this.#executorFor(batch.length) : this.#executor;
      executor.batch.load(batch, x, targets);
      const session = await executor.session('eval');
      await session.run({ ...executor.batch.feeds, ...weights }, fetches);
      const counted = hasMass ? mass[0]! : batch.length;
      sum += loss[0]! * counted;
      massSum += counted;
      done += batch.length;
    }
    return massSum === 0 ? 0 : sum / massSum;
  }

  /** Mean gradient over the rows, unclipped; 0 for running statistics. Dropout is off, or drawn from `seed` when one is given. */
  async gradient(request: Samples & { readonly seed?: number }, checkpoint: Checkpoint): Promise<GradientResult> {
    const y = this.#checked(request);
    const { layout } = this.#program;
    const rng = request.seed === undefined ? undefined : seededRng(request.seed, 'dropout');
    const source = new MeanGradient(
      this.#program,
      (rows) => this.#executorFor(rows),
      (done) => checkpoint(done, request.rows, Number.NaN),
    );
    const weights = views(layout, request.parameters, GRAPH_NAMES.parameter);
    const { batch, ...rows } = await allRows(this.#program, request, y);
    const { loss } = await source.collect(batch, rows, weights, undefined, rng);
    const gradient = new Float32Array(layout.length);
    gradient.set(source.mean);
    return { gradient, loss };
  }

  async close(): Promise<void> {
    await this.#inference?.close();
    for (const executor of [this.#executor, ...this.#others.values()]) await executor?.close();
    this.#others.clear();
  }
}
