/**
 * What a run must have computed, computed again without one: each survivor trains on its own rows from where the round
 * began, and the weighted mean of what comes out is the round. No masks, no messages, no journal: small enough to be
 * checked by reading.
 * @module
 */
import type { DataSource } from '../../src/datasources/index.ts';
import { loadSiteData, PodWork, type SumFacts } from '../../src/protocols/index.ts';
import type { Task } from '../../src/tasks/index.ts';
import type { ModelTrainer } from '../../src/training/index.ts';
import type { SecureParameters } from '../../src/wire/index.ts';

/** What one site trains. */
export interface LocalUpdate {
  readonly update: Float32Array;
  readonly rows: number;
}

/** What all sites of a run have in common. */
export interface ReferenceTask {
  readonly task: Task;
  readonly facts: SumFacts;
  readonly trainer: ModelTrainer;
  readonly standardiser: { readonly mean: Float32Array; readonly scale: Float32Array } | null;
}

/** One site, alone with its rows. */
export class ReferenceSite {
  readonly #work: PodWork;

  private constructor(work: PodWork) {
    this.#work = work;
  }

  static async open(source: DataSource, { task, facts, trainer, standardiser }: ReferenceTask): Promise<ReferenceSite> {
    const work = new PodWork({ data: await loadSiteData(source, task), trainer, task, facts });
    if (standardiser) work.standardise(standardiser.mean, standardiser.scale);
    return new ReferenceSite(work);
  }

  /** The change of `start` that the round after `completed` rounds trains here. */
  async train(start: Float32Array, completed: number): Promise<LocalUpdate> {
    const { update, weight } = await this.#work.update(start, completed);
    return { update: update as Float32Array, rows: weight };
  }
}

/** Σ n_i·x_i / Σ n_i in double precision. */
export function weightedMean(updates: readonly LocalUpdate[]): Float64Array {
  const total = updates.reduce((sum, { rows }) => sum + rows, 0);
  const mean = new Float64Array(updates[0]!.update.length);
  for (const { update, rows } of updates) for (let i = 0; i < mean.length; i++) mean[i]! += (rows * update[i]!) / total;
  return mean;
}

/**
 * Most that a coordinate of the mean can be off by quantisation to nearest: half a level of each survivor, where a level of
 * a pod of weight n is C·W/(L·n). @param clip - C, largest of the round.
 */
export function quantisationBound(
  { maxWeight, cohort, bits = 32, maxTotalWeight = maxWeight * cohort }: SecureParameters,
  clip: number,
  weight: number,
  survivors: number,
): number {
  const levels = Math.floor(((2 ** (bits - 1) - 1 - cohort) * maxWeight) / maxTotalWeight);
  return (survivors * clip * maxWeight) / (2 * levels * weight);
}

/** A round as it was, and as it should have been. */
export interface RoundToCompare {
  readonly start: Float32Array;
  readonly end: Float32Array;
  readonly updates: readonly LocalUpdate[];
  /** Null in the open. */
  readonly secure: SecureParameters | null;
  readonly clip: number;
}

/** Largest difference of any coordinate as a share of what it may be: right up to 1. */
export function compareRound({ start, end, updates, secure, clip }: RoundToCompare): number {
  const mean = weightedMean(updates);
  const weight = updates.reduce((sum, { rows }) => sum + rows, 0);
  const bound = secure ? quantisationBound(secure, clip, weight, updates.length) : 0;
  let worst = 0;
  for (let i = 0; i < mean.length; i++) {
    // float32 of the mean, of the sum of it and the start, and of each update
    const rounding = 2 ** -22 * (Math.abs(start[i]!) + Math.abs(mean[i]!)) + 2 ** -126;
    const share = Math.abs(end[i]! - start[i]! - mean[i]!) / (bound + rounding);
    if (!(share <= worst)) worst = share; // NaN counts as worst
  }
  return worst;
}
