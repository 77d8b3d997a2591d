/**
 * Runs a program's graphs in onnxruntime, in the thread that calls it (ORT blocks that thread: use `Trainer`).
 *
 * State lives in two flat vectors `[parameters | state 0 | state 1]` that take turns: a step reads one through tensor
 * views and writes the other. They must never be the same: ORT would overwrite weights that the rest of the backward
 * pass still reads, without an error.
 * @module
 */
import * as ort from 'onnxruntime-node';
import { KonsilError, seededRng } from '../../base/index.ts';
import { GRAPH_NAMES, type TrainingProgram } from '../compile.ts';
import { checkParameters, type LayoutEntry, viewOf } from '../layout.ts';
import { createOptimiser } from '../optim/optimisers.ts';
import {
  checkFeatures,
  checkTargets,
  drawMask,
  gatherRows,
  orderedBatches,
  shuffledBatches,
  stepsOf,
} from './batches.ts';
import type { Features, GradientResult, Samples, TrainRequest, TrainResult } from './messages.ts';

type Tensors = Record<string, ort.Tensor>;

/** Called before every step; throws to stop. */
export type Checkpoint = (done: number, total: number, loss: number) => void;

function tensor(data: Float32Array | Int32Array, dims: readonly number[]): ort.Tensor {
  return data instanceof Float32Array ? new ort.Tensor('float32', data, dims) : new ort.Tensor('int32', data, dims);
}

/** The first entry with a NaN or an infinity in `vector`. */
function findNonFinite(vector: Float32Array, entries: readonly LayoutEntry[], length: number): string | undefined {
  let probe = 0;
  // x·0 is 0 for finite x and NaN otherwise, and NaN survives the sum: one branch-free pass
  for (let i = 0; i < length; i++) probe += vector[i]! * 0;
  if (probe === 0) return undefined;
  return entries.find((entry) => viewOf(vector, entry).some((value) => !Number.isFinite(value)))?.name;
}

/** Input buffers of one batch, reused for every run. */
class BatchInputs {
  readonly feeds: Tensors;
  readonly #program: TrainingProgram;
  readonly #x: Float32Array;
  readonly #y: Float32Array | Int32Array;
  readonly #weight: Float32Array;

  constructor(program: TrainingProgram) {
    const { batchSize, input, target } = program;
    this.#program = program;
    this.#x = new Float32Array(batchSize * input.width);
    this.#y = new (target.dtype === 'int32' ? Int32Array : Float32Array)(batchSize * target.width);
    this.#weight = new Float32Array(batchSize);
    this.feeds = {
      x: tensor(this.#x, input.dims),
      y: tensor(this.#y, target.dims),
      weight: tensor(this.#weight, [batchSize]),
    };
  }

  load(batch: Uint32Array, x: Float32Array, y?: Float32Array | Int32Array): void {
    const { input, target } = this.#program;
    gatherRows(this.#x, x, input.width, batch);
    if (y !== undefined) gatherRows<Float32Array | Int32Array>(this.#y, y, target.width, batch);
    this.#weight.fill(1, 0, batch.length).fill(0, batch.length);
  }
}

export class Engine {
  readonly #program: TrainingProgram;
  readonly #options: ort.InferenceSession.SessionOptions;
  readonly #sessions = new Map<Uint8Array, ort.InferenceSession>();
  readonly #batch: BatchInputs;
  readonly #masks: readonly { data: Float32Array; ratio: number }[];
  readonly #maskFeeds: Tensors;

  /** @param threads - ORT threads; results are bit-identical from run to run with 1. */
  constructor(program: TrainingProgram, threads: number) {
    this.#program = program;
    this.#options = {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
    };
    this.#batch = new BatchInputs(program);
    const masks = program.masks.map(({ name, dims, ratio }) => {
      const data = new Float32Array(dims.reduce((n, dim) => n * dim, 1));
      return { name, data, ratio, feed: tensor(data, dims) };
    });
    this.#masks = masks;
    this.#maskFeeds = Object.fromEntries(masks.map(({ name, feed }) => [name, feed]));
  }

  async #session(graph: Uint8Array): Promise<ort.InferenceSession> {
    const open = this.#sessions.get(graph) ?? (await ort.InferenceSession.create(graph, this.#options));
    this.#sessions.set(graph, open);
    return open;
  }

  #views(vector: Float32Array, nameOf: (name: string) => string, slot = 0): Tensors {
    const { entries, length } = this.#program.layout;
    return Object.fromEntries(
      entries.map((entry) => [nameOf(entry.name), tensor(viewOf(vector, entry, slot * length), entry.dims)]),
    );
  }

  /** Tensor views on a state vector, under the names of the graph's inputs or outputs. */
  #stateViews(vector: Float32Array, side: 'in' | 'out'): Tensors {
    const isIn = side === 'in';
    const views = this.#views(vector, isIn ? GRAPH_NAMES.parameter : GRAPH_NAMES.nextParameter);
    for (let slot = 0; slot < this.#program.stateSlots; slot++) {
      const nameOf = (name: string): string => (isIn ? GRAPH_NAMES.state : GRAPH_NAMES.nextState)(slot, name);
      Object.assign(views, this.#views(vector, nameOf, slot + 1));
    }
    return views;
  }

  /** Trains from zero optimiser state. @throws KonsilError TRAINING_DIVERGED naming the step. */
  async train(request: TrainRequest, checkpoint: Checkpoint): Promise<TrainResult> {
    const program = this.#program;
    const { layout, batchSize } = program;
    const y = this.#checked(request);
    const total = stepsOf(request.budget, request.rows, batchSize);
    const optimiser = createOptimiser(program.optimiser);
    const session = await this.#session(program.trainGraph);
    const vectors = [0, 1].map(() => new Float32Array(layout.length * (1 + program.stateSlots)));
    vectors[0]!.set(request.parameters);
    const loss = new Float32Array(1);
    const scalars = Object.fromEntries(optimiser.scalarNames.map((name) => [name, new Float32Array(1)]));
    const shared: Tensors = { ...this.#batch.feeds, ...this.#maskFeeds };
    for (const [name, data] of Object.entries(scalars)) shared[GRAPH_NAMES.scalar(name)] = tensor(data, []);
    const turns = vectors.map((vector, i) => ({
      feeds: { ...shared, ...this.#stateViews(vector, 'in') },
      fetches: { loss: tensor(loss, []), ...this.#stateViews(vectors[1 - i]!, 'out') },
      out: vectors[1 - i]!,
    }));
    const batches = shuffledBatches(request.rows, batchSize, request.seed);
    const maskRng = seededRng(request.seed, 'dropout');
    const learningRate = request.learningRate ?? program.optimiser.learningRate;
    let [lossSum, samples] = [0, 0];
    for (let step = 0; step < total; step++) {
      checkpoint(step, total, samples === 0 ? Number.NaN : lossSum / samples);
      const batch = batches.next().value;
      this.#batch.load(batch, request.x, y);
      for (const { data, ratio } of this.#masks) drawMask(data, ratio, maskRng);
      const values = optimiser.scalarsAt(step + 1, learningRate);
      for (const [name, data] of Object.entries(scalars)) data[0] = values[name]!;
      const { feeds, fetches, out } = turns[step % 2]!;
      await session.run(feeds, fetches);
      this.#checkFinite(step + 1, loss[0]!, out);
      lossSum += loss[0]! * batch.length;
      samples += batch.length;
    }
    checkpoint(total, total, lossSum / samples);
    return {
      parameters: vectors[total % 2]!.slice(0, layout.length),
      meanLoss: lossSum / samples,
      steps: total,
      samples,
    };
  }

  #checkFinite(step: number, loss: number, vector: Float32Array): void {
    const { entries, length } = this.#program.layout;
    if (!Number.isFinite(loss))
      throw new KonsilError(
        'TRAINING_DIVERGED',
        `loss is ${loss} at step ${step}; check the data for missing values or lower the learning rate`,
        { step },
      );
    const name = findNonFinite(vector, entries, length);
    if (name !== undefined)
      throw new KonsilError(
        'TRAINING_DIVERGED',
        `parameter "${name}" is not finite after step ${step}; lower the learning rate`,
        { step },
      );
  }

  #checked(request: Samples): Float32Array | Int32Array {
    checkParameters(this.#program.layout, request.parameters);
    checkFeatures(this.#program, request);
    return checkTargets(this.#program, request);
  }

  /** Raw outputs, `[rows, output width]`. */
  async predict(request: Features, checkpoint: Checkpoint): Promise<Float32Array> {
    const { layout, output, batchSize, evalGraph } = this.#program;
    checkParameters(layout, request.parameters);
    checkFeatures(this.#program, request);
    const session = await this.#session(evalGraph);
    const result = new Float32Array(request.rows * output.width);
    const values = new Float32Array(batchSize * output.width);
    const feeds = { ...this.#batch.feeds, ...this.#views(request.parameters, GRAPH_NAMES.parameter) };
    const fetches = { output: tensor(values, output.dims) };
    let done = 0;
    for (const batch of orderedBatches(request.rows, batchSize)) {
      checkpoint(done, request.rows, Number.NaN);
      this.#batch.load(batch, request.x);
      await session.run(feeds, fetches);
      result.set(values.subarray(0, batch.length * output.width), done * output.width);
      done += batch.length;
    }
    return result;
  }

  /** Mean loss over the rows, Dropout off. */
  async loss(request: Samples, checkpoint: Checkpoint): Promise<number> {
    const y = this.#checked(request);
    const session = await this.#session(this.#program.evalGraph);
    const feeds = { ...this.#batch.feeds, ...this.#views(request.parameters, GRAPH_NAMES.parameter) };
    const loss = new Float32Array(1);
    const fetches = { loss: tensor(loss, []) };
    let [sum, done] = [0, 0];
    for (const batch of orderedBatches(request.rows, this.#program.batchSize)) {
      checkpoint(done, request.rows, Number.NaN);
      this.#batch.load(batch, request.x, y);
      await session.run(feeds, fetches);
      sum += loss[0]! * batch.length;
      done += batch.length;
    }
    return sum / request.rows;
  }

  /** Mean gradient over the rows, unclipped. Dropout is off, or drawn from `seed` when one is given. */
  async gradient(request: Samples & { readonly seed?: number }, checkpoint: Checkpoint): Promise<GradientResult> {
    const y = this.#checked(request);
    const { layout, batchSize, gradGraph } = this.#program;
    const session = await this.#session(gradGraph);
    const rng = request.seed === undefined ? undefined : seededRng(request.seed, 'dropout');
    const part = new Float32Array(layout.length);
    const loss = new Float32Array(1);
    const feeds = {
      ...this.#batch.feeds,
      ...this.#maskFeeds,
      ...this.#views(request.parameters, GRAPH_NAMES.parameter),
    };
    const fetches = { loss: tensor(loss, []), ...this.#views(part, GRAPH_NAMES.gradient) };
    const sum = new Float64Array(layout.length);
    let [lossSum, done] = [0, 0];
    for (const batch of orderedBatches(request.rows, batchSize)) {
      checkpoint(done, request.rows, Number.NaN);
      this.#batch.load(batch, request.x, y);
      for (const { data, ratio } of this.#masks) {
        if (rng === undefined) data.fill(1);
        else drawMask(data, ratio, rng);
      }
      await session.run(feeds, fetches);
      for (let i = 0; i < sum.length; i++) sum[i]! += part[i]! * batch.length;
      lossSum += loss[0]! * batch.length;
      done += batch.length;
    }
    return { gradient: Float32Array.from(sum, (value) => value / request.rows), loss: lossSum / request.rows };
  }

  async close(): Promise<void> {
    for (const session of this.#sessions.values()) await session.release();
    this.#sessions.clear();
  }
}
