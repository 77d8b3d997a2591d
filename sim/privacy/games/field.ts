/**
 * What games are played with: the run's own model, features and standardisation, rows of all its sites, and training by
 * the very code of a pod.
 * @module
 */
import type { PodInput, VectorSpec } from '../../../src/aggregation/index.ts';
import { KonsilError, permutation, type Rng, seededRng } from '../../../src/base/index.ts';
import type { RunOutcome } from '../../../src/coordinator/index.ts';
import { applyStandardiser, type Subset } from '../../../src/datasources/index.ts';
import {
  DEFAULT_CLIP,
  givenLength,
  loadSiteData,
  PodWork,
  type SumFacts,
  sumSpec,
  targetsFor,
  trainerOptions,
} from '../../../src/protocols/index.ts';
import { quantisationOf, type Task } from '../../../src/tasks/index.ts';
import { Trainer } from '../../../src/training/index.ts';
import { MemorySource } from '../../data/memorySource.ts';
import type { Site } from '../../data/partition.ts';

/** What is attacked of a run. */
export type AttackedRun = Pick<RunOutcome, 'resolved' | 'facts' | 'parameters' | 'standardiser'>;

/** Where a dense first layer lies in the parameters. */
export interface FirstLayer {
  readonly weightAt: number;
  readonly biasAt: number;
  readonly inputs: number;
  readonly outputs: number;
}

/** A field on which any number of games can be played; `close` ends its threads. */
export class Field {
  readonly rows: number;
  readonly width: number;
  #spec: VectorSpec;
  readonly #task: Task;
  readonly #facts: SumFacts;
  readonly #outcome: AttackedRun;
  readonly #all: Subset;
  readonly #trainer: Trainer;
  /** Trains by plain steps of one row. */
  readonly #stepper: Trainer;

  private constructor(outcome: AttackedRun, all: Subset, trainers: readonly [Trainer, Trainer], size: FieldSize) {
    const { resolved, facts } = outcome;
    // blocks and clips that pods agree on are about whole rounds; here every parameter is sent, at the task's own clip
    const { share: _share, stretches: _stretches, ...own } = facts!;
    [this.#outcome, this.#all, this.#task, this.#facts] = [outcome, all, resolved!.task, own];
    [this.#trainer, this.#stepper] = trainers;
    [this.rows, this.width] = [all.rows, facts!.features];
    const { bits, rounding } = quantisationOf(this.#task.aggregator);
    this.#spec = sumSpec('update', own, {
      ...{ clip: this.#task.aggregator.clip ?? DEFAULT_CLIP, bits, rounding },
      ...{ maxWeight: size.rows, cohort: size.pods },
    });
  }

  /** @throws KonsilError RUN_ABORTED when the run never had a model; DATA_EMPTY when there are too few rows to play with. */
  static async open(
    outcome: AttackedRun,
    sites: readonly Site[],
    size: FieldSize,
    signal?: AbortSignal,
  ): Promise<Field> {
    const { resolved, facts } = outcome;
    if (!resolved || !facts || !outcome.parameters)
      throw new KonsilError('RUN_ABORTED', 'privacy games need the model of a run that completed a round');
    const parts: Subset[] = [];
    for (const { name, table } of sites) {
      const { train, validation, test } = await loadSiteData(new MemorySource(name, table), resolved.task, { signal });
      parts.push(train, validation, test);
    }
    const all = joined(parts);
    const needed = size.rows * size.pods + 1;
    if (all.rows < needed)
      throw new KonsilError(
        'DATA_EMPTY',
        `privacy games need ${needed} rows (games.rows × pods, and one), the sites have ${all.rows}`,
      );
    const options = trainerOptions(resolved.task, resolved.model, resolved.source);
    const { model, source, loss, train, freeze } = options;
    const step = {
      ...{ model, source, loss, batchSize: 1 },
      optimiser: { kind: 'sgd', learningRate: STEP_RATE } as const,
      ...(train && { train }),
      ...(freeze && { freeze }),
    };
    const trainer = await Trainer.create(options, signal);
    try {
      const field = new Field(outcome, all, [trainer, await Trainer.create(step, signal)], size);
      if (quantisationOf(resolved.task.aggregator).scale !== 'fixed') await field.#agreeOnClip(size);
      return field;
    } catch (error) {
      await trainer.close();
      throw error;
    }
  }

  /** Slots of the sums of all games. */
  get spec(): VectorSpec {
    return this.#spec;
  }

  /** As pods do that agree on a scale in each round: no larger than what they send. */
  async #agreeOnClip({ rows }: FieldSize): Promise<void> {
    const rng = seededRng(0, 'scale of games');
    let clip = 0;
    for (let i = 0; i < TRIALS; i++) {
      const { update = [] } = await this.input(this.start(rng), permutation(this.rows, rng).slice(0, rows));
      for (const value of update) clip = Math.max(clip, Math.abs(value));
    }
    if (clip > 0) this.#spec = { ...this.#spec, clip: Math.min(clip, this.#spec.clip) };
  }

  async close(): Promise<void> {
    await Promise.all([this.#trainer.close(), this.#stepper.close()]);
  }

  /** Model that a round of a game starts from: somewhere between where the run started and where it ended. */
  start(rng: Rng): Float32Array {
    const { initial } = this.#trainer.program;
    const { parameters } = this.#outcome;
    const share = rng();
    const start = new Float32Array(givenLength(this.#facts, 'update'));
    for (let i = 0; i < initial.length; i++) start[i] = initial[i]! + share * (parameters![i]! - initial[i]!);
    return start;
  }

  /** What a pod with these rows puts into the sum, by the task's own training or, of one row, by one plain step. */
  async input(start: Float32Array, rows: Uint32Array, isOneStep = false): Promise<PodInput> {
    const { standardiser } = this.#outcome;
    const task = isOneStep ? oneStepOf(this.#task) : this.#task;
    const none = this.#take(new Uint32Array(0));
    const work = new PodWork({
      ...{ task, facts: this.#facts, trainer: isOneStep ? this.#stepper : this.#trainer },
      data: { features: [], width: 0, train: this.#take(rows), validation: none, test: none, warnings: [] },
    });
    if (standardiser) work.standardise(standardiser.mean, standardiser.scale);
    return work.update(start, 0);
  }

  /** Mean gradient of the loss of `rows` at the model `start`, as an attacker who knows them computes it. */
  async gradient(start: Float32Array, rows: Uint32Array): Promise<Float32Array> {
    const { x, y } = this.#take(rows);
    const parameters = start.slice(0, this.#trainer.program.initial.length);
    const request = { parameters, x: this.#scaled(x), y: targetsFor(this.#task, y), rows: rows.length };
    return (await this.#trainer.gradient(request)).gradient;
  }

  /** A row as the model sees it. */
  features(row: number): Float32Array {
    return this.#scaled(this.#take(Uint32Array.of(row)).x);
  }

  #scaled(x: Float32Array): Float32Array {
    const { standardiser } = this.#outcome;
    return standardiser ? applyStandardiser(x, this.width, standardiser.mean, standardiser.scale) : x;
  }

  /** The dense layer that the features go into. @throws KonsilError MODEL_UNSUPPORTED when there is none with a bias. */
  get firstLayer(): FirstLayer {
    const [weight, bias] = this.#trainer.program.layout.entries;
    const [outputs, inputs] = weight?.dims ?? [];
    if (
      !weight ||
      !bias ||
      weight.dims.length !== 2 ||
      inputs !== this.width ||
      bias.count !== outputs ||
      this.#facts.shared
    )
      throw new KonsilError(
        'MODEL_UNSUPPORTED',
        'the inversion of gradients needs a model that begins with a dense layer and its bias; leave inversion out of privacy.tests',
      );
    return { weightAt: weight.offset, biasAt: bias.offset, inputs: this.width, outputs: bias.count };
  }

  #take(rows: Uint32Array): Subset {
    const { x, y } = this.#all;
    const values = new Float32Array(rows.length * this.width);
    rows.forEach((row, i) => values.set(x.subarray(row * this.width, (row + 1) * this.width), i * this.width));
    const targets = y instanceof Int32Array ? new Int32Array(rows.length) : new Float32Array(rows.length);
    rows.forEach((row, i) => (targets[i] = y[row]!));
    return { x: values, y: targets, rows: rows.length };
  }
}

/** Updates whose largest value is taken for the scale of all. */
const TRIALS = 8;

/** Rows of a pod and pods of a game. */
export interface FieldSize {
  readonly rows: number;
  readonly pods: number;
}

/** Learning rate of a step whose gradient is to be inverted: small enough that no clip is reached, and it cancels. */
const STEP_RATE = 0.1;

function oneStepOf(task: Task): Task {
  const { schedule: _schedule, ...training } = task.training;
  return {
    ...task,
    protocol: { ...task.protocol, interval: 1 },
    training: { ...training, unit: 'steps', total: 1, batchSize: 1 },
  };
}

function joined(parts: readonly Subset[]): Subset {
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const x = new Float32Array(parts.reduce((sum, part) => sum + part.x.length, 0));
  const y = parts[0]!.y instanceof Int32Array ? new Int32Array(rows) : new Float32Array(rows);
  let [atX, atY] = [0, 0];
  for (const part of parts) {
    x.set(part.x, atX);
    y.set(part.y, atY);
    [atX, atY] = [atX + part.x.length, atY + part.rows];
  }
  return { x, y, rows };
}
