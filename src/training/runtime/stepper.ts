/**
 * Optimiser steps one by one: each is one run of the training graph, or, where gradients come from several runs, those
 * and one of the update graph.
 * @module
 */
import type * as ort from 'onnxruntime-node';
import { KonsilError, type Rng } from '../../base/index.ts';
import { checkParameters, type LayoutEntry, viewOf } from '../layout.ts';
import { createOptimiser, type Optimiser } from '../optim/optimisers.ts';
import { checkSchedule, type ScheduleSpec, scheduleFactor } from '../optim/schedule.ts';
import { GRAPH_NAMES, type TrainingProgram } from '../program.ts';
import { type Tensors, tensor, trainedViews } from './feeds.ts';
import type { ExecutorFor, GradientSource } from './gradients.ts';
import type { Loop } from './loop.ts';
import type { OptimiserState } from './messages.ts';
import { DeviceState, HostState, type State } from './state.ts';

/** The first entry with a NaN or an infinity in `vector`. */
function findNonFinite(vector: Float32Array, entries: readonly LayoutEntry[]): string | undefined {
  let probe = 0;
  // x - x is 0 for finite x and NaN otherwise, and NaN survives the sum: one branch-free pass
  for (let i = 0; i < vector.length; i++) {
    const value = vector[i]!;
    probe += value - value;
  }
  if (probe === 0) return undefined;
  return entries.find((entry) => viewOf(vector, entry).some((value) => !Number.isFinite(value)))?.name;
}

export interface StepperOptions {
  readonly program: TrainingProgram;
  /** The executor for a batch of that many rows. */
  readonly executorFor: ExecutorFor;
  /** Where gradients come from. @default the training graph */
  readonly gradients?: GradientSource | undefined;
  /** `[layout.length]`. */
  readonly parameters: Float32Array;
  readonly learningRate: number;
  readonly schedule?: ScheduleSpec | undefined;
  readonly firstStep?: number | undefined;
  readonly anchor?: Float32Array | undefined;
  readonly correction?: Float32Array | undefined;
  /** What earlier steps have left. @default as before the first step */
  readonly optimiserState?: OptimiserState | undefined;
  /** Options of sessions on a device that keeps the state between steps. @default the state is in host memory */
  readonly device?: ort.InferenceSession.SessionOptions | undefined;
}

/** What hooks of the update need, fed once. @throws KonsilError MODEL_MISMATCH or CONFIG_INVALID */
function hookFeeds({ program, parameters, anchor = parameters, correction }: StepperOptions): Tensors {
  const { layout, hasAnchor, hasCorrection, source } = program;
  if (correction !== undefined && !hasCorrection)
    throw new KonsilError(
      'CONFIG_INVALID',
      `${source}: a correction is given, but control variates were not asked for`,
    );
  for (const vector of [anchor, correction ?? parameters]) checkParameters(layout, vector);
  return {
    ...(hasAnchor && trainedViews(layout, anchor.slice(), GRAPH_NAMES.anchor)),
    ...(hasCorrection &&
      trainedViews(layout, correction?.slice() ?? new Float32Array(layout.length), GRAPH_NAMES.correction)),
  };
}

export class Stepper {
  readonly #options: StepperOptions;
  readonly #optimiser: Optimiser;
  readonly #scalars: Readonly<Record<string, Float32Array>>;
  readonly #loss = new Float32Array(1);
  readonly #mass = new Float32Array(1);
  readonly #losses: Tensors;
  readonly #gradients: Tensors;
  /** Hooks and scalars. */
  readonly #fixed: Tensors;
  readonly #state: State;
  #steps = 0;
  #rateSum = 0;

  /** @throws KonsilError MODEL_MISMATCH when a vector does not fit, CONFIG_INVALID for an impossible schedule. */
  constructor(options: StepperOptions) {
    const { program, parameters, schedule, firstStep = 0, gradients } = options;
    checkParameters(program.layout, parameters);
    if (schedule !== undefined) checkSchedule(schedule);
    if (!Number.isSafeInteger(firstStep) || firstStep < 0)
      throw new KonsilError('CONFIG_INVALID', `first step is ${firstStep}, expected an integer in [0, 2^53)`);
    this.#options = options;
    this.#optimiser = createOptimiser(program.optimiser);
    this.#scalars = Object.fromEntries(this.#optimiser.scalarNames.map((name) => [name, new Float32Array(1)]));
    this.#losses = { loss: tensor(this.#loss, []), ...(program.hasMass && { mass: tensor(this.#mass, []) }) };
    this.#gradients = gradients === undefined ? {} : trainedViews(program.layout, gradients.mean, GRAPH_NAMES.gradient);
    this.#fixed = hookFeeds(options);
    for (const [name, data] of Object.entries(this.#scalars)) this.#fixed[GRAPH_NAMES.scalar(name)] = tensor(data, []);
    const { optimiserState } = options;
    const start = { parameters, slots: optimiserState?.values ?? this.#optimiser.stateStart ?? 0 };
    this.#state =
      options.device !== undefined && gradients === undefined
        ? new DeviceState(program, start, options.device)
        : new HostState(program, start);
  }

  /**
   * One step on rows `batch` of `x` and `y`; gives their mean loss before it. Dropout is off without `rng`.
   *
   * @throws KonsilError TRAINING_DIVERGED naming the step when the loss is not finite. The parameters are looked at once,
   * when they are asked for: a pass over them would cost a tenth of a large model's step, and what is not finite in
   * them shows in the next loss.
   */
  async step(batch: Uint32Array, x: Float32Array, y: Float32Array | Int32Array, rng?: Rng): Promise<number> {
    const values = this.#scalarValues();
    for (const [name, data] of Object.entries(this.#scalars)) data[0] = values[name]!;
    if (this.#options.gradients === undefined) await this.#fused(batch, { x, y }, rng);
    else await this.#split(this.#options.gradients, batch, { x, y }, rng);
    this.#checkLoss(this.#loss[0]!, this.#steps);
    return this.#loss[0]!;
  }

  /**
   * As many steps as `loop` has, in one run, with one batch each: the same as calling {@link step} for each of them.
   * Losses and masses are in `loop` afterwards.
   *
   * @throws KonsilError TRAINING_DIVERGED naming the first step whose loss is not finite.
   */
  async loop(
    loop: Loop,
    batches: readonly Uint32Array[],
    x: Float32Array,
    y: Float32Array | Int32Array,
    rng?: Rng,
  ): Promise<void> {
    const state = this.#state;
    const before = this.#steps;
    for (const [step, batch] of batches.entries()) loop.load(step, batch, { x, y }, this.#scalarValues(), rng);
    const feeds = { ...state.weights(), ...state.slots(), ...this.#fixed, ...loop.feeds };
    state.advance(await loop.session.run(feeds, { ...loop.fetches, ...state.fetches() }));
    for (const [step, loss] of loop.losses.entries()) this.#checkLoss(loss, before + step + 1);
  }

  /** What the last step's mean loss divides by: its rows, unless the loss counts otherwise. */
  get mass(): number {
    return this.#mass[0]!;
  }

  /** Sum of the learning rates of the steps so far. */
  get rateSum(): number {
    return this.#rateSum;
  }

  /** A copy of the current parameters. @throws KonsilError TRAINING_DIVERGED naming one that is not finite */
  async parameters(): Promise<Float32Array> {
    const vector = await this.#state.parameters();
    const name = findNonFinite(vector, this.#options.program.layout.entries);
    const step = this.#steps;
    if (name !== undefined)
      throw new KonsilError(
        'TRAINING_DIVERGED',
        `parameter "${name}" is not finite after step ${step}; lower the learning rate`,
        { step },
      );
    return vector;
  }

  /** What the next call can go on from. */
  async optimiserState(): Promise<OptimiserState> {
    return { values: await this.#state.slotValues(), steps: this.#earlier + this.#steps };
  }

  /** Steps of the optimiser before the first one here. */
  get #earlier(): number {
    return this.#options.optimiserState?.steps ?? 0;
  }

  /** The optimiser's scalars for the next step, which counts from here on. */
  #scalarValues(): Readonly<Record<string, number>> {
    const { learningRate, schedule, firstStep = 0 } = this.#options;
    const factor = schedule === undefined ? 1 : scheduleFactor(schedule, firstStep + this.#steps);
    const rate = learningRate * factor;
    this.#rateSum += rate;
    return this.#optimiser.scalarsAt(this.#earlier + ++this.#steps, rate);
  }

  async #fused(
    batch: Uint32Array,
    { x, y }: { x: Float32Array; y: Float32Array | Int32Array },
    rng: Rng | undefined,
  ): Promise<void> {
    const executor = this.#options.executorFor(batch.length);
    executor.batch.load(batch, x, y);
    executor.drawMasks(rng);
    this.#mass[0] = batch.length;
    const session = await executor.session('train');
    const state = this.#state;
    const feeds = { ...executor.feeds, ...state.weights(), ...state.slots(), ...this.#fixed };
    const fetches = state.fetches();
    if (fetches !== undefined) {
      state.advance(await session.run(feeds, { ...this.#losses, ...fetches }));
      return;
    }
    const results = await session.run(feeds);
    this.#loss[0] = Number(results['loss']!.data[0]);
    if (results['mass'] !== undefined) this.#mass[0] = Number(results['mass'].data[0]);
    state.advance(results);
  }

  async #split(
    gradients: GradientSource,
    batch: Uint32Array,
    rows: { x: Float32Array; y: Float32Array | Int32Array },
    rng: Rng | undefined,
  ): Promise<void> {
    const { executorFor, program } = this.#options;
    const state = this.#state as HostState;
    const { loss, mass } = await gradients.collect(batch, rows, state.weights(), state.vector, rng);
    this.#loss[0] = loss;
    this.#mass[0] = mass;
    const session = await executorFor(program.batchSize).session('update');
    await session.run(
      { ...state.weights(), ...state.slots(), ...this.#fixed, ...this.#gradients },
      state.trainedFetches(),
    );
    state.advance();
  }

  #checkLoss(loss: number, step: number): void {
    if (Number.isFinite(loss)) return;
    throw new KonsilError(
      'TRAINING_DIVERGED',
      `loss is ${loss} at step ${step}; check the data for missing values or lower the learning rate`,
      { step },
    );
  }
}
