/**
 * The mean of plain updates, weighted by sample counts.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import { badUpdate, checkContribution, labelOf } from './contribution.ts';
import type { Aggregate, AggregateResult, Contribution } from './strategy.ts';

/** Takes updates as they come and keeps none. Sums in float64; the order of arrival changes the result by rounding. */
export class WeightedMean implements Aggregate {
  readonly #sum: Float64Array;
  readonly #weights: ReadonlyMap<string, number> | undefined;
  readonly #taken: string[] = [];
  #totalWeight = 0;

  /** @param weights - Of each pod instead of its sample count; a pod that is not listed is refused. */
  constructor(length: number, weights?: ReadonlyMap<string, number>) {
    this.#sum = new Float64Array(length);
    this.#weights = weights;
  }

  add(contribution: Contribution): void {
    const { pod, update, samples, late } = contribution;
    const own = this.#weights === undefined ? samples : this.#weights.get(pod);
    checkContribution(contribution, this.#sum.length, this.#taken);
    const weight = (own ?? Number.NaN) * (late?.discount ?? 1);
    if (!(weight > 0 && Number.isFinite(weight))) throw badUpdate(pod, 'has no weight above zero');
    for (let i = 0; i < update.length; i++) this.#sum[i] = this.#sum[i]! + weight * update[i]!;
    this.#totalWeight += weight;
    this.#taken.push(labelOf(contribution));
  }

  result(): AggregateResult {
    if (this.#taken.length === 0) throw new KonsilError('DATA_EMPTY', 'no update to average');
    return {
      mean: this.#sum.map((value) => value / this.#totalWeight),
      totalWeight: this.#totalWeight,
      pods: [...this.#taken],
    };
  }
}
