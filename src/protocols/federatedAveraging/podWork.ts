/**
 * What federated averaging computes at a pod: the inputs of its three sums. Talks to no network; the pod decides when.
 * @module
 */
import { keepRule, type PodInput } from '../../aggregation/index.ts';
import { KonsilError } from '../../base/index.ts';
import {
  applyStandardiser,
  featureStatistics,
  type ImageStep,
  type Subset,
  standardiser,
} from '../../datasources/index.ts';
import { type Metrics, statisticsLayout } from '../../metrics/index.ts';
import type { Task } from '../../tasks/index.ts';
import type { ModelTrainer, OptimiserState } from '../../training/index.ts';
import { ControlVariate } from './controlVariate.ts';
import { LocalParameters, type LocalStore } from './localParameters.ts';
import { type Losses, lossOfRows, type SeenBy, seeRows } from './seenRows.ts';
import { inputsOf, type SiteData } from './siteData.ts';
import { Residual } from './sparse.ts';
import { normalised, normaliserOf } from './strategies.ts';
import { LOCAL_STEPS, modelLength, perFeature, type SumFacts } from './sums.ts';
import { scheduleFor, targetsFor } from './trainerOptions.ts';

/** What the work needs. */
export interface PodWorkOptions {
  readonly data: SiteData;
  readonly trainer: ModelTrainer;
  readonly task: Task;
  readonly facts: SumFacts;
  /** Of parameters that stay here. @default in memory only */
  readonly store?: LocalStore;
}

/** Options of a long computation. */
export interface WorkOptions {
  readonly signal?: AbortSignal;
  /** `loss` is the mean of the round so far. */
  readonly onProgress?: (done: number, total: number, loss: number) => void;
}

/** How many steps or epochs the round after `completed` rounds trains: the interval, or what is left of the budget. */
export function budgetOf(
  task: Pick<Task, 'training' | 'protocol'>,
  completed: number,
): { readonly steps: number } | { readonly epochs: number } {
  const left = Math.max(0, task.training.total - completed * task.protocol.interval);
  const amount = Math.min(task.protocol.interval, left);
  return task.training.unit === 'steps' ? { steps: amount } : { epochs: amount };
}

/** One pod's computations in one run. */
export class PodWork {
  readonly #options: PodWorkOptions;
  /** The splits as the model sees them: standardised once the federation's statistics are known. */
  #data: Pick<SiteData, 'train' | 'validation' | 'test'>;
  #standardiser: { readonly mean: Float32Array; readonly scale: Float32Array } | null = null;
  /** What sparse updates have left unsent. */
  readonly #residual = new Residual();
  /** SCAFFOLD's. */
  readonly #control: ControlVariate | undefined;
  readonly #local: LocalParameters | undefined;

  /** Of a task that keeps it: what the next round begins with, and what that will be once the last update is in a sum. */
  #optimiser: { readonly kept?: OptimiserState | undefined; readonly next?: OptimiserState | undefined } = {};

  constructor(options: PodWorkOptions) {
    this.#options = options;
    this.#data = options.data;
    const { controls, shared } = options.facts;
    this.#control = controls && new ControlVariate(controls.length, controls.clip);
    this.#local = shared && new LocalParameters(shared, options.store);
  }

  /** Count, sum and sum of squares per feature over the training rows; weight is their number. */
  statistics(): PodInput {
    const { data, facts } = this.#options;
    const { count, sum, sumSquares } = featureStatistics(data.train.x, facts.features);
    const named = (prefix: string, values: ArrayLike<number>): Record<string, number> =>
      Object.fromEntries(perFeature(facts, prefix).map((name, i) => [name, values[i]!]));
    return {
      weight: data.train.rows,
      extras: { ...named('sum', sum), ...named('squares', sumSquares) },
      counts: named('count', count),
    };
  }

  /**
   * Standardises all splits with the federation's mean and scale. Later calls have no effect.
   * @throws KonsilError PROTOCOL_VIOLATION when they are not numbers for every feature, or not those of the first call.
   */
  standardise(mean: Float32Array, scale: Float32Array): void {
    const { facts } = this.#options;
    const violation = (what: string): KonsilError => new KonsilError('PROTOCOL_VIOLATION', `standardiser ${what}`);
    if (mean.length !== facts.features || scale.length !== facts.features)
      throw violation(`for ${mean.length} features, expected ${facts.features}`);
    if (!mean.every(Number.isFinite) || !scale.every((value) => Number.isFinite(value) && value > 0))
      throw violation('has a mean that is not finite or a scale that is not above zero');
    if (this.#standardiser) {
      const { mean: first, scale: firstScale } = this.#standardiser;
      // the hash of a sum covers what was sent, so what was sent must be what is used
      if (mean.some((value, i) => value !== first[i]) || scale.some((value, i) => value !== firstScale[i]))
        throw violation('differs from the one sent before');
      return;
    }
    const apply = (part: Subset): Subset => ({ ...part, x: applyStandardiser(part.x, facts.features, mean, scale) });
    const { train, validation, test } = this.#data;
    this.#data = { train: apply(train), validation: apply(validation), test: apply(test) };
    this.#standardiser = { mean, scale };
  }

  /** Standardises all splits by this site's own training rows, where there are no others. */
  standardiseAlone(): void {
    const { facts } = this.#options;
    const { counts, extras } = this.statistics();
    const { mean, scale } = standardiser({
      count: perFeature(facts, 'count').map((name) => counts[name]!),
      sum: perFeature(facts, 'sum').map((name) => extras[name]!),
      sumSquares: perFeature(facts, 'squares').map((name) => extras[name]!),
    });
    this.standardise(mean, scale);
  }

  /**
   * Trains from the parameters in `given`, and from what earlier updates have left unsent; the input is the change to them,
   * with the losses beside it. `completed` counts earlier rounds.
   * @param given - What the task's strategy gives pods: the parameters, and what comes after them.
   */
  async update(given: Float32Array, completed: number, options: WorkOptions = {}): Promise<PodInput> {
    const { trainer, task, facts } = this.#options;
    const { rule } = facts;
    const { train } = this.#data;
    const length = modelLength(facts);
    const parameters = this.personal(given.subarray(0, length));
    const globalControl = given.subarray(length);
    const validation = task.protocol.autoEval ? await this.#validate(parameters) : NO_VALIDATION;
    const from = this.#shared(parameters);
    const start = this.#residual.startFrom(from, completed);
    const correction = this.#control?.correction(globalControl, from.length);
    const trained = await trainer.train({
      parameters: this.#local?.withShared(parameters, start) ?? start,
      x: inputsOf(this.#options.data, train, 'train'),
      y: targetsFor(task, train.y),
      rows: train.rows,
      budget: budgetOf(task, completed),
      // another order in every round, the same order in every repetition of the run
      seed: (task.training.seed + 7919 * completed) >>> 0,
      ...scheduleFor(task, train.rows, completed),
      ...(task.training.optimizerState === 'keep' && { keepsOptimiserState: true }),
      ...(this.#optimiser.kept && { optimiserState: this.#optimiser.kept }),
      ...(correction && { correction: this.#local?.withShared(new Float32Array(length), correction) ?? correction }),
      ...options,
    });
    this.#local?.trained(trained.parameters);
    this.#optimiser = { ...this.#optimiser, next: trained.optimiserState };
    const to = this.#shared(trained.parameters);
    const change = to.map((value, i) => value - from[i]!);
    const { update, shortened } = rule ? keepRule(change, rule) : { update: change, shortened: false };
    const { rows } = train;
    const steps = facts.isNormalised ? normaliserOf(task, trained) : undefined;
    return {
      update: this.#control
        ? joined(update, this.#control.change(globalControl, from, to, trained.rateSum))
        : normalised(update, facts, steps),
      weight: rows,
      extras: {
        ...{ trainingLoss: trained.meanLoss * rows, validationLoss: validation.loss },
        ...(steps !== undefined && { [LOCAL_STEPS]: rows * steps }),
      },
      counts: {
        ...{ validationRows: validation.rows, validationHits: validation.hits },
        ...(rule && { shortened: shortened ? 1 : 0 }),
      },
    };
  }

  /** The part of an update that a round asks for, see {@link Residual.split}. */
  split(...update: Parameters<Residual['split']>): PodInput {
    return this.#residual.split(...update);
  }

  /** The last update is in a sum: what it changes here counts from now on. @throws KonsilError FILE_WRITE_FAILED */
  settle(): void {
    this.#residual.settle();
    this.#control?.settle();
    this.#local?.settle();
    this.#optimiser = { kept: this.#optimiser.next ?? this.#optimiser.kept };
  }

  /** The model as this site has it: `parameters`, with its own values where parameters stay here. */
  personal(parameters: Float32Array): Float32Array {
    return this.#local?.personal(parameters) ?? parameters;
  }

  /** What standardises raw features; null before {@link standardise}. */
  get scaling(): { readonly mean: Float32Array; readonly scale: Float32Array } | null {
    return this.#standardiser;
  }

  #shared(parameters: Float32Array): Float32Array {
    return this.#local?.shared(parameters) ?? parameters;
  }

  /** Evaluates the parameters, with this site's own where some stay here, on the test split. @returns the sum's input, and this site's own metrics. */
  async evaluation(
    given: Float32Array,
  ): Promise<{ readonly input: PodInput; readonly rows: number; readonly metrics: Metrics }> {
    const { facts } = this.#options;
    const parameters = this.personal(given);
    const { rows, statistics, metrics } = await seeRows(this.#by(parameters, 'test'), this.#data.test);
    const names = statisticsLayout(facts.kind, facts.classes).counts;
    const byName = Object.fromEntries(names.map((name, i) => [name, statistics.counts[i]!]));
    const validation = await this.#validate(parameters);
    return {
      ...{ rows, metrics },
      input: {
        weight: rows,
        extras: { ...statistics.sums, validationLoss: validation.loss },
        counts: { ...byName, validationRows: validation.rows, validationHits: validation.hits },
      },
    };
  }

  /** Summed (not mean) loss, rows and hits of `parameters` on the validation split. */
  #validate(parameters: Float32Array): Promise<Losses> {
    return lossOfRows(this.#by(parameters, 'validation'), this.#options.task, this.#data.validation);
  }

  #by(parameters: Float32Array, step: ImageStep): SeenBy {
    const { trainer, data, facts } = this.#options;
    return { trainer, data, parameters, step, problem: facts };
  }
}

const NO_VALIDATION: Losses = { loss: 0, rows: 0, hits: 0 };

/** One vector after the other. */
function joined(first: Float32Array, second: Float32Array): Float32Array {
  const both = new Float32Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
