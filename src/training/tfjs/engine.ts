/**
 * Trains a TensorFlow.js Layers model, in the thread that calls it (use `Trainer`). Batches, losses and optimisers are
 * those of the ONNX engine; layers, their gradients and their running statistics are TensorFlow.js's own.
 * @module
 */
import type { Scalar, Tensor, Tensor1D, Variable } from '@tensorflow/tfjs-core';
import { KonsilError, seededRng } from '../../base/index.ts';
import { checkParameters, type LayoutEntry, trainedLength, viewOf } from '../layout.ts';
import { resolveLoss } from '../losses/spec.ts';
import { checkSchedule, scheduleFactor } from '../optim/schedule.ts';
import type { CompileOptions } from '../options.ts';
import { checkFeatures, checkTargets, gatherRows, placeRows, shuffledBatches, stepsOf } from '../runtime/batches.ts';
import type { Checkpoint } from '../runtime/engine.ts';
import type { TrainingEngine } from '../runtime/engineApi.ts';
import type { Features, GradientResult, OpenProgram, Samples, TrainRequest, TrainResult } from '../runtime/messages.ts';
import { RowFeed, rowsInOrder } from '../runtime/rowFeed.ts';
import { candidatesOf, chooseBackend } from './backends.ts';
import { unpackTfjs } from './container.ts';
import { type LossRule, lossOf, lossRule } from './losses.ts';
import { type BuiltModel, buildModel } from './model.ts';
import { clipTensors, type TensorOptimiser, tensorOptimiser } from './optimisers.ts';
import { checkOptions, chosenBy, describe } from './program.ts';
import { tf } from './tf.ts';

type Targets = Float32Array | Int32Array;

/** Optimiser state of one run of steps, one list a trained variable. */
type State = Tensor[][];

/** What pulls on the gradient besides the loss, one tensor a trained variable; see `CompileOptions`. */
interface Hooks {
  readonly anchor?: readonly Tensor[];
  readonly correction?: readonly Tensor[];
}

export class TfjsEngine implements TrainingEngine {
  readonly program: OpenProgram;
  readonly #built: BuiltModel;
  readonly #trained: readonly Variable[];
  readonly #optimiser: TensorOptimiser;
  readonly #rule: LossRule;
  readonly #options: CompileOptions;

  private constructor(program: OpenProgram, built: BuiltModel, rule: LossRule, options: CompileOptions) {
    this.program = program;
    this.#built = built;
    this.#trained = built.variables.filter((_, i) => program.layout.entries[i]!.kind === 'trainable');
    this.#optimiser = tensorOptimiser(options.optimiser);
    this.#rule = rule;
    this.#options = options;
  }

  /**
   * Opens a packed model on the first backend that can train it.
   *
   * @param backends - Names, in order of preference. @default all, fastest first
   * @throws KonsilError MODEL_INVALID, MODEL_UNSUPPORTED, MODEL_MISMATCH or CONFIG_INVALID.
   */
  static async open(bytes: Uint8Array, options: CompileOptions, backends?: readonly string[]): Promise<TfjsEngine> {
    const { source } = options;
    const loss = resolveLoss(options.loss);
    checkOptions(options);
    tensorOptimiser(options.optimiser);
    const [model, rule, candidates] = [unpackTfjs(bytes, source), lossRule(loss), candidatesOf(backends)];
    let engine: TfjsEngine | undefined;
    const chosen = await chooseBackend(candidates, async () => {
      const built = await buildModel(model, loss.kind, (names) => chosenBy(options, names), source);
      try {
        const program = describe(built, rule, loss, options);
        engine = new TfjsEngine(program, built, rule, options);
        await engine.#rehearse();
      } catch (error) {
        built.model.dispose();
        throw error;
      }
    });
    Object.assign(engine!.program, chosen);
    return engine!;
  }

  /** One step of one row, without effect: finds what a backend cannot do before the first call. */
  async #rehearse(): Promise<void> {
    const { input, target, initial } = this.program;
    this.#write(initial);
    this.#built.seedDropout(() => 1);
    const state = this.#freshState();
    const y = target.dtype === 'int32' ? new Int32Array(target.width) : new Float32Array(target.width);
    const rows = Uint32Array.of(0);
    const loss = this.#step(rows, new Float32Array(input.width), y, { state, hooks: {}, step: 1, learningRate: 0 });
    await loss.data();
    tf.dispose([loss, state]);
  }

  /** Trains from zero optimiser state or what an earlier call has left. @throws KonsilError TRAINING_DIVERGED naming the step. */
  async train(request: TrainRequest, checkpoint: Checkpoint): Promise<TrainResult> {
    const { batchSize, optimiser } = this.program;
    const y = this.#checked(request);
    const total = stepsOf(request.budget, request.rows, batchSize);
    const { schedule, firstStep = 0 } = request;
    if (schedule !== undefined) checkSchedule(schedule);
    const order = shuffledBatches(request.rows, batchSize, request.seed);
    const feed = new RowFeed(this.program, { x: request.x, y }, order, { batches: total, seed: request.seed });
    this.#write(request.parameters);
    const earlier = request.optimiserState?.steps ?? 0;
    const state = request.optimiserState ? this.#stateOf(request.optimiserState.values) : this.#freshState();
    const hooks = this.#hooks(request);
    const seeds = this.#dropoutSeeds(request.seed);
    let [lossSum, samples, rateSum] = [0, 0, 0];
    try {
      for (let step = 0; step < total; step++) {
        checkpoint(step, total, samples === 0 ? Number.NaN : lossSum / samples);
        const { batch, x, y: targets } = (await feed.take())!;
        if (batch.length === 0) continue; // none of its rows could be made
        this.#built.seedDropout(seeds);
        const factor = schedule === undefined ? 1 : scheduleFactor(schedule, firstStep + step);
        const learningRate = (request.learningRate ?? optimiser.learningRate) * factor;
        rateSum += learningRate;
        const result = this.#step(batch, x, targets, { state, hooks, step: earlier + step + 1, learningRate });
        const [loss, probe] = await result.data();
        result.dispose();
        await this.#checkFinite(step + 1, loss!, probe!);
        lossSum += loss! * batch.length;
        samples += batch.length;
      }
      const meanLoss = samples === 0 ? 0 : lossSum / samples;
      checkpoint(total, total, meanLoss);
      return {
        ...{ parameters: await this.#read(), meanLoss, steps: total, samples, rateSum },
        waitedMs: feed.waitedMs,
        ...(request.keepsOptimiserState && {
          optimiserState: { values: await this.#valuesOf(state), steps: earlier + total },
        }),
      };
    } finally {
      tf.dispose([state, Object.values(hooks)]);
    }
  }

  /** Raw outputs, `[rows, output width]`; 0 for rows that cannot be made. */
  async predict(request: Features, checkpoint: Checkpoint): Promise<Float32Array> {
    const { layout, output } = this.program;
    checkParameters(layout, request.parameters);
    checkFeatures(this.program, request);
    this.#write(request.parameters);
    const result = new Float32Array(request.rows * output.width);
    let done = 0;
    for await (const { batch, rows, x } of rowsInOrder(this.program, request)) {
      checkpoint(done, request.rows, Number.NaN);
      const values = tf.tidy(() => this.#forward(this.#features(batch, x), false));
      placeRows(result, (await values.data()) as Float32Array, output.width, rows);
      values.dispose();
      done += batch.length;
    }
    return result;
  }

  /** Mean loss over the rows that can be made, Dropout off, BatchNormalization on its running statistics. */
  async loss(request: Samples, checkpoint: Checkpoint): Promise<number> {
    const y = this.#checked(request);
    this.#write(request.parameters);
    let [sum, done] = [0, 0];
    for await (const { batch, x, y: targets } of rowsInOrder(this.program, request, y)) {
      checkpoint(done, request.rows, Number.NaN);
      const loss = tf.tidy(() => this.#loss(batch, x, targets, false));
      sum += (await loss.data())[0]! * batch.length;
      loss.dispose();
      done += batch.length;
    }
    return done === 0 ? 0 : sum / done;
  }

  /**
   * Mean gradient over the rows, unclipped; 0 for running statistics. Dropout is off, or drawn from `seed` when one is
   * given; BatchNormalization works as in training.
   */
  async gradient(request: Samples & { readonly seed?: number }, checkpoint: Checkpoint): Promise<GradientResult> {
    const y = this.#checked(request);
    const { layout } = this.program;
    const seeds = request.seed === undefined ? undefined : this.#dropoutSeeds(request.seed);
    this.#write(request.parameters);
    const sum = new Float64Array(layout.length);
    let [lossSum, done] = [0, 0];
    for await (const { batch, x, y: targets } of rowsInOrder(this.program, request, y)) {
      checkpoint(done, request.rows, Number.NaN);
      this.#built.seedDropout(seeds);
      const { value, gradients } = tf.tidy(() => this.#gradients(batch, x, targets));
      for (const [i, gradient] of gradients.entries()) {
        const { offset } = layout.entries[i]!;
        for (const [k, g] of (await gradient.data()).entries()) sum[offset + k]! += g * batch.length;
      }
      lossSum += (await value.data())[0]! * batch.length;
      tf.dispose([value, gradients]);
      done += batch.length;
    }
    const made = Math.max(1, done);
    return { gradient: Float32Array.from(sum, (value) => value / made), loss: lossSum / made };
  }

  async close(): Promise<void> {
    this.#built.model.dispose();
  }

  #checked(request: Samples): Targets {
    checkParameters(this.program.layout, request.parameters);
    checkFeatures(this.program, request);
    return checkTargets(this.program, request);
  }

  #dropoutSeeds(seed: number): () => number {
    const rng = seededRng(seed, 'dropout');
    return () => Math.floor(rng() * 0x1_0000_0000);
  }

  #freshState(): State {
    return this.#trained.map((variable) =>
      Array.from({ length: this.#optimiser.slots }, () => tf.zerosLike(variable as Tensor)),
    );
  }

  /** State from its values, vector by vector. @throws KonsilError MODEL_MISMATCH */
  #stateOf(values: Float32Array): State {
    const { layout } = this.program;
    const [trained, { slots }] = [trainedLength(layout), this.#optimiser];
    if (values.length !== trained * slots)
      throw new KonsilError(
        'MODEL_MISMATCH',
        `optimiser state has ${values.length} values, expected ${trained * slots}`,
      );
    return this.#trained.map((_, i) =>
      Array.from({ length: slots }, (_none, slot) => {
        const entry = layout.entries[i]!;
        return tf.tensor(viewOf(values, entry, slot * trained).slice(), [...entry.dims], 'float32');
      }),
    );
  }

  async #valuesOf(state: State): Promise<Float32Array> {
    const { layout } = this.program;
    const trained = trainedLength(layout);
    const values = new Float32Array(trained * this.#optimiser.slots);
    for (const [i, slots] of state.entries())
      for (const [slot, tensor] of slots.entries())
        viewOf(values, layout.entries[i]!, slot * trained).set(await tensor.data());
    return values;
  }

  #features(batch: Uint32Array, x: Float32Array): Tensor {
    const { dims, width } = this.program.input;
    const values = new Float32Array(batch.length * width);
    gatherRows(values, x, width, batch);
    return tf.tensor(values, [batch.length, ...dims.slice(1)], 'float32');
  }

  #targets(batch: Uint32Array, y: Targets): Tensor {
    const { dtype, dims, width } = this.program.target;
    const values =
      y instanceof Int32Array ? new Int32Array(batch.length * width) : new Float32Array(batch.length * width);
    gatherRows<Targets>(values, y, width, batch);
    return tf.tensor(values, [batch.length, ...dims.slice(1)], dtype);
  }

  #forward(x: Tensor, training: boolean): Tensor {
    return this.#built.model.apply(x, { training }) as Tensor;
  }

  #loss(batch: Uint32Array, x: Float32Array, y: Targets, training: boolean): Scalar {
    const output = this.#forward(this.#features(batch, x), training);
    const share = tf.tensor1d(new Float32Array(batch.length).fill(1 / batch.length));
    return lossOf(this.#rule, { output, target: this.#targets(batch, y), share });
  }

  /** Loss and one gradient per trained variable; changes running statistics. */
  #gradients(batch: Uint32Array, x: Float32Array, y: Targets): { value: Scalar; gradients: Tensor[] } {
    const { value, grads } = tf.variableGrads(() => this.#loss(batch, x, y, true), [...this.#trained]);
    return {
      value,
      gradients: this.#trained.map((variable) => grads[variable.name] ?? tf.zerosLike(variable as Tensor)),
    };
  }

  /** Anchor and correction on the device. @throws KonsilError MODEL_MISMATCH when a vector does not fit. */
  #hooks({ parameters, anchor = parameters, correction }: TrainRequest): Hooks {
    const { layout, hasAnchor, hasCorrection, source } = this.program;
    if (correction !== undefined && !hasCorrection)
      throw new KonsilError(
        'CONFIG_INVALID',
        `${source}: a correction is given, but control variates were not asked for`,
      );
    for (const vector of [anchor, correction ?? parameters]) checkParameters(layout, vector);
    const trained = layout.entries.filter(({ kind }) => kind === 'trainable');
    const tensors = (vector: Float32Array): Tensor[] =>
      trained.map((entry) => tf.tensor(viewOf(vector, entry).slice(), [...entry.dims], 'float32'));
    return { ...(hasAnchor && { anchor: tensors(anchor) }), ...(correction && { correction: tensors(correction) }) };
  }

  /** What the optimiser sees: clip(g + μ(p - anchor)) + correction. */
  #directions(gradients: readonly Tensor[], { anchor, correction }: Hooks): Tensor[] {
    const { proximal, clip = {} } = this.#options;
    const pull = (g: Tensor, i: number): Tensor =>
      tf.add(g, tf.mul(tf.sub(this.#trained[i] as Tensor, anchor![i]!), proximal!.mu));
    const clipped = clipTensors(anchor === undefined ? gradients : gradients.map(pull), clip);
    return correction === undefined ? clipped : clipped.map((g, i) => tf.add(g, correction[i]!));
  }

  /** One optimiser step. @returns `[loss before it, NaN unless all parameters are finite after it]`. */
  #step(
    batch: Uint32Array,
    x: Float32Array,
    y: Targets,
    { state, hooks, step, learningRate }: { state: State; hooks: Hooks; step: number; learningRate: number },
  ): Tensor1D {
    return tf.tidy(() => {
      const { value, gradients } = this.#gradients(batch, x, y);
      const directions = this.#directions(gradients, hooks);
      for (const [i, variable] of this.#trained.entries()) {
        const [parameter, gradient] = [variable as Tensor, directions[i]!];
        const next = this.#optimiser.update({ parameter, gradient, state: state[i]!, step, learningRate });
        variable.assign(next.parameter);
        tf.dispose(state[i]!);
        state[i] = next.state.map((tensor) => tf.keep(tensor));
      }
      // x - x is 0 for finite x and NaN otherwise, and NaN survives the sum
      const probes = this.#built.variables.map((variable) => tf.sum(tf.sub(variable as Tensor, variable as Tensor)));
      return tf.stack([value, tf.addN(probes)]) as Tensor1D;
    });
  }

  async #checkFinite(step: number, loss: number, probe: number): Promise<void> {
    if (!Number.isFinite(loss))
      throw new KonsilError(
        'TRAINING_DIVERGED',
        `loss is ${loss} at step ${step}; check the data for missing values or lower the learning rate`,
        { step },
      );
    if (probe === 0) return;
    const vector = await this.#read();
    const isBad = (entry: LayoutEntry): boolean => viewOf(vector, entry).some((value) => !Number.isFinite(value));
    const name = this.program.layout.entries.find(isBad)?.name;
    throw new KonsilError(
      'TRAINING_DIVERGED',
      `parameter "${name}" is not finite after step ${step}; lower the learning rate`,
      { step },
    );
  }

  #write(parameters: Float32Array): void {
    for (const [i, entry] of this.program.layout.entries.entries()) {
      // a copy: the backend may keep the array it is given
      const values = viewOf(parameters, entry).slice();
      tf.tidy(() => this.#built.variables[i]!.assign(tf.tensor(values, [...entry.dims], 'float32')));
    }
  }

  async #read(): Promise<Float32Array> {
    const vector = new Float32Array(this.program.layout.length);
    for (const [i, entry] of this.program.layout.entries.entries())
      viewOf(vector, entry).set(await this.#built.variables[i]!.data());
    return vector;
  }
}
