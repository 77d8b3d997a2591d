/**
 * Gradients over more rows than a graph takes, and over single rows for private training. Buffers stay the same from step
 * to step: nothing is allocated on the way.
 * @module
 */
import type * as ort from 'onnxruntime-node';
import { KonsilError, type Rng } from '../../base/index.ts';
import { trainedLength, viewOf } from '../layout.ts';
import { addGaussian } from '../privacy/noise.ts';
import type { PrivacySpec } from '../privacy/spec.ts';
import { GRAPH_NAMES, type TrainingProgram } from '../program.ts';
import type { Executor } from './executor.ts';
import { type Tensors, tensor, trainedViews } from './feeds.ts';

/** Rows to learn from, checked. */
export interface Rows {
  readonly x: Float32Array;
  readonly y: Float32Array | Int32Array;
}

/** Gives the executor for a batch of that many rows. */
export type ExecutorFor = (rows: number) => Executor;

/** One run of the gradient graph at a time. */
class GradientRun {
  /** Gradient of the last run, `[trained length]`. */
  readonly part: Float32Array;
  /** Running statistics after the last run. */
  readonly statistics: Float32Array;
  readonly #executorFor: ExecutorFor;
  readonly #program: TrainingProgram;
  readonly #loss = new Float32Array(1);
  readonly #mass = new Float32Array(1);
  readonly #fetches: Tensors;

  constructor(program: TrainingProgram, executorFor: ExecutorFor) {
    const { layout, hasMass } = program;
    const trained = trainedLength(layout);
    this.#program = program;
    this.#executorFor = executorFor;
    this.part = new Float32Array(trained);
    this.statistics = new Float32Array(layout.length - trained);
    // they come after the trained entries
    const statistics = layout.entries
      .filter(({ kind }) => kind === 'buffer')
      .map((entry): [string, ort.Tensor] => [
        GRAPH_NAMES.nextParameter(entry.name),
        tensor(viewOf(this.statistics, entry, -trained), entry.dims),
      ]);
    this.#fetches = {
      loss: tensor(this.#loss, []),
      ...(hasMass && { mass: tensor(this.#mass, []) }),
      ...trainedViews(layout, this.part, GRAPH_NAMES.gradient),
      ...Object.fromEntries(statistics),
    };
  }

  /** Mean loss and gradient of rows `batch`, and what the mean divides by. */
  async run(batch: Uint32Array, { x, y }: Rows, weights: Tensors, rng: Rng | undefined) {
    const executor = this.#executorFor(batch.length);
    executor.batch.load(batch, x, y);
    executor.drawMasks(rng);
    const session = await executor.session('gradient');
    await session.run({ ...executor.feeds, ...weights }, this.#fetches);
    return { loss: this.#loss[0]!, mass: this.#program.hasMass ? this.#mass[0]! : batch.length };
  }
}

/** Loss and mass of all rows of a step. */
export interface Summary {
  readonly loss: number;
  readonly mass: number;
}

/** Gradients of a step by one graph run after another. */
export interface GradientSource {
  /** Mean gradient of the last call, `[trained length]`. */
  readonly mean: Float32Array;
  /**
   * Gradient of rows `batch` with `weights` fed, views on `parameters`; the running statistics in `parameters` are
   * replaced.
   */
  collect(
    batch: Uint32Array,
    rows: Rows,
    weights: Tensors,
    parameters: Float32Array,
    rng: Rng | undefined,
  ): Promise<Summary>;
}

/** The exact mean over all rows, by runs of at most the program's batch size. */
export class MeanGradient implements GradientSource {
  readonly mean: Float32Array;
  readonly #run: GradientRun;
  readonly #batchSize: number;
  readonly #sum: Float64Array;
  readonly #beforeRun: (done: number) => void;

  /** @param beforeRun - Called before every run with the number of rows done; throws to stop. */
  constructor(program: TrainingProgram, executorFor: ExecutorFor, beforeRun: (done: number) => void = () => {}) {
    this.#beforeRun = beforeRun;
    this.#run = new GradientRun(program, executorFor);
    this.#batchSize = program.batchSize;
    this.mean = new Float32Array(this.#run.part.length);
    this.#sum = new Float64Array(this.#run.part.length);
  }

  /** As {@link GradientSource.collect}; running statistics stay without `parameters`. */
  async collect(
    batch: Uint32Array,
    rows: Rows,
    weights: Tensors,
    parameters: Float32Array | undefined,
    rng: Rng | undefined,
  ): Promise<Summary> {
    const sum = this.#sum.fill(0);
    let [lossSum, massSum] = [0, 0];
    for (let at = 0; at < batch.length; at += this.#batchSize) {
      this.#beforeRun(at);
      const { loss, mass } = await this.#run.run(batch.subarray(at, at + this.#batchSize), rows, weights, rng);
      const { part, statistics } = this.#run;
      for (let i = 0; i < sum.length; i++) sum[i]! += part[i]! * mass;
      parameters?.set(statistics, part.length);
      lossSum += loss * mass;
      massSum += mass;
    }
    // nothing to average over, as in a batch without events: the sum is 0 too
    const divisor = massSum === 0 ? 1 : massSum;
    for (let i = 0; i < sum.length; i++) this.mean[i] = sum[i]! / divisor;
    return { loss: lossSum / divisor, mass: massSum };
  }
}

/**
 * DP-SGD's gradient: each row's gradient shortened to `clipNorm`, summed, Gaussian noise added, divided by the expected
 * number of rows.
 *
 * @source Abadi et al., "Deep learning with differential privacy" (2016), algorithm 1.
 */
export class PrivateGradient implements GradientSource {
  readonly mean: Float32Array;
  readonly #run: GradientRun;
  readonly #privacy: PrivacySpec;
  readonly #expectedRows: number;
  readonly #sum: Float64Array;
  readonly #noise: Rng;

  /** @param noise - Uniform numbers from a cryptographic generator; anything else only in tests. */
  constructor(program: TrainingProgram, privacy: PrivacySpec, executorFor: ExecutorFor, noise: Rng) {
    this.#run = new GradientRun(program, executorFor);
    this.#privacy = privacy;
    this.#expectedRows = program.batchSize;
    this.mean = new Float32Array(this.#run.part.length);
    this.#sum = new Float64Array(this.#run.part.length);
    this.#noise = noise;
  }

  async collect(
    batch: Uint32Array,
    rows: Rows,
    weights: Tensors,
    _parameters: Float32Array,
    rng: Rng | undefined,
  ): Promise<Summary> {
    const { clipNorm, noiseMultiplier } = this.#privacy;
    const sum = this.#sum.fill(0);
    let [lossSum, massSum] = [0, 0];
    for (let at = 0; at < batch.length; at++) {
      const { loss, mass } = await this.#run.run(batch.subarray(at, at + 1), rows, weights, rng);
      addClipped(sum, this.#run.part, mass, clipNorm);
      lossSum += loss * mass;
      massSum += mass;
    }
    addGaussian(sum, noiseMultiplier * clipNorm, this.#noise);
    for (let i = 0; i < sum.length; i++) this.mean[i] = sum[i]! / this.#expectedRows;
    return { loss: massSum === 0 ? 0 : lossSum / massSum, mass: massSum };
  }
}

/** Adds g·min(1, clipNorm/‖g‖) to `sum`, with g = mass·part. @throws KonsilError TRAINING_DIVERGED unless g is finite. */
function addClipped(sum: Float64Array, part: Float32Array, mass: number, clipNorm: number): void {
  let squares = 0;
  for (const value of part) squares += value * value;
  const norm = Math.sqrt(squares) * mass;
  if (!Number.isFinite(norm))
    throw new KonsilError(
      'TRAINING_DIVERGED',
      'the gradient of a row is not finite; check the data for missing values',
    );
  const factor = mass * Math.min(1, clipNorm / norm);
  if (norm > 0) for (let i = 0; i < sum.length; i++) sum[i]! += part[i]! * factor;
}
