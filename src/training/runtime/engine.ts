/**
 * Runs a program's graphs in onnxruntime, in the thread that calls it (ORT blocks that thread: use `Trainer`).
 * @module
 */
import * as ort from 'onnxruntime-node';
import { seededRng } from '../../base/index.ts';
import { checkParameters } from '../layout.ts';
import { GRAPH_NAMES, type TrainingProgram } from '../program.ts';
import { checkFeatures, checkTargets, drawMask, orderedBatches, shuffledBatches, stepsOf } from './batches.ts';
import { BatchInputs, MaskInputs, tensor, views } from './feeds.ts';
import type { Features, GradientResult, Samples, TrainRequest, TrainResult } from './messages.ts';
import { Stepper } from './stepper.ts';

/** Called before every step; throws to stop. */
export type Checkpoint = (done: number, total: number, loss: number) => void;

export class Engine {
  readonly #program: TrainingProgram;
  readonly #options: ort.InferenceSession.SessionOptions;
  readonly #sessions = new Map<Uint8Array, ort.InferenceSession>();
  readonly #batch: BatchInputs;
  readonly #masks: MaskInputs;

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
    this.#masks = new MaskInputs(program);
  }

  async #session(graph: Uint8Array): Promise<ort.InferenceSession> {
    const open = this.#sessions.get(graph) ?? (await ort.InferenceSession.create(graph, this.#options));
    this.#sessions.set(graph, open);
    return open;
  }

  /** A run of steps over this engine's buffers; one at a time. */
  async stepper(parameters: Float32Array, learningRate: number): Promise<Stepper> {
    checkParameters(this.#program.layout, parameters);
    return new Stepper(this.#program, await this.#session(this.#program.trainGraph), parameters, learningRate);
  }

  /** Trains from zero optimiser state. @throws KonsilError TRAINING_DIVERGED naming the step. */
  async train(request: TrainRequest, checkpoint: Checkpoint): Promise<TrainResult> {
    const { batchSize, optimiser, masks } = this.#program;
    const y = this.#checked(request);
    const total = stepsOf(request.budget, request.rows, batchSize);
    const stepper = await this.stepper(request.parameters, request.learningRate ?? optimiser.learningRate);
    const batches = shuffledBatches(request.rows, batchSize, request.seed);
    const maskRng = seededRng(request.seed, 'dropout');
    let [lossSum, samples] = [0, 0];
    for (let step = 0; step < total; step++) {
      checkpoint(step, total, samples === 0 ? Number.NaN : lossSum / samples);
      const batch = batches.next().value;
      for (const [i, { ratio }] of masks.entries()) drawMask(stepper.masks[i]!, ratio, maskRng);
      lossSum += (await stepper.step(batch, request.x, y)) * batch.length;
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
    const { layout, output, batchSize, evalGraph } = this.#program;
    checkParameters(layout, request.parameters);
    checkFeatures(this.#program, request);
    const session = await this.#session(evalGraph);
    const result = new Float32Array(request.rows * output.width);
    const values = new Float32Array(batchSize * output.width);
    const feeds = { ...this.#batch.feeds, ...views(layout, request.parameters, GRAPH_NAMES.parameter) };
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
    const { layout, evalGraph, batchSize } = this.#program;
    const session = await this.#session(evalGraph);
    const feeds = { ...this.#batch.feeds, ...views(layout, request.parameters, GRAPH_NAMES.parameter) };
    const loss = new Float32Array(1);
    const fetches = { loss: tensor(loss, []) };
    let [sum, done] = [0, 0];
    for (const batch of orderedBatches(request.rows, batchSize)) {
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
    const { layout, batchSize, gradGraph, masks } = this.#program;
    const session = await this.#session(gradGraph);
    const rng = request.seed === undefined ? undefined : seededRng(request.seed, 'dropout');
    const part = new Float32Array(layout.length);
    const loss = new Float32Array(1);
    const feeds = {
      ...this.#batch.feeds,
      ...this.#masks.feeds,
      ...views(layout, request.parameters, GRAPH_NAMES.parameter),
    };
    const fetches = { loss: tensor(loss, []), ...views(layout, part, GRAPH_NAMES.gradient) };
    const sum = new Float64Array(layout.length);
    let [lossSum, done] = [0, 0];
    for (const batch of orderedBatches(request.rows, batchSize)) {
      checkpoint(done, request.rows, Number.NaN);
      this.#batch.load(batch, request.x, y);
      for (const [i, { ratio }] of masks.entries()) {
        if (rng === undefined) this.#masks.data[i]!.fill(1);
        else drawMask(this.#masks.data[i]!, ratio, rng);
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
