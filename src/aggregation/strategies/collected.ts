/**
 * Aggregates that need all updates at once: robust rules, for updates in the open only. Memory is O(pods × parameters).
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import { checkContribution, labelOf } from './contribution.ts';
import type { Aggregate, AggregateResult, Contribution } from './strategy.ts';

/** One update, as a rule sees it. */
export type Update = Contribution['update'];

/** Keeps updates and makes one of them with `combine`, which gets them in the order of the pods' names. */
export class Collected implements Aggregate {
  readonly #length: number;
  readonly #combine: (updates: readonly Update[]) => Float64Array;
  readonly #kept: Contribution[] = [];

  constructor(length: number, combine: (updates: readonly Update[]) => Float64Array) {
    this.#length = length;
    this.#combine = combine;
  }

  add(contribution: Contribution): void {
    checkContribution(contribution, this.#length, this.#kept.map(labelOf));
    this.#kept.push(contribution);
  }

  /** `totalWeight` is the number of pods: a rule that must hold against liars cannot go by what they say they have. */
  result(): AggregateResult {
    if (this.#kept.length === 0) throw new KonsilError('DATA_EMPTY', 'no update to aggregate');
    const sorted = this.#kept.toSorted((a, b) => (a.pod < b.pod ? -1 : 1));
    const mean = this.#combine(sorted.map(({ update }) => update));
    return { mean, totalWeight: sorted.length, pods: sorted.map(({ pod }) => pod) };
  }
}

/** Calls `reduce` with the sorted values of each coordinate. */
export function perCoordinate(updates: readonly Update[], reduce: (sorted: Float64Array) => number): Float64Array {
  const values = new Float64Array(updates.length);
  return Float64Array.from(updates[0]!, (_, i) => {
    for (const [pod, update] of updates.entries()) values[pod] = update[i]!;
    return reduce(values.sort());
  });
}
