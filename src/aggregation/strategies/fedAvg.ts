/**
 * FedAvg: the mean of the updates weighted by sample counts.
 * @source McMahan et al., "Communication-Efficient Learning of Deep Networks from Decentralized Data" (AISTATS 2017), alg. 1.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import type { Aggregate, Contribution, Strategy } from './strategy.ts';

export interface FedAvgOptions {
  /** Weight of each pod instead of its sample count; a pod that is not listed is refused. @default sample counts */
  readonly weights?: ReadonlyMap<string, number>;
}

/** The strategy. Sums in float64; the order of arrival changes the result by rounding only. */
export function fedAvg(options: FedAvgOptions = {}): Strategy {
  return { name: 'FedAvg', begin: (length) => new WeightedMean(length, options.weights) };
}

class WeightedMean implements Aggregate {
  readonly #sum: Float64Array;
  readonly #weights: ReadonlyMap<string, number> | undefined;
  readonly #pods: string[] = [];
  #totalWeight = 0;

  constructor(length: number, weights: ReadonlyMap<string, number> | undefined) {
    this.#sum = new Float64Array(length);
    this.#weights = weights;
  }

  add({ pod, update, samples }: Contribution): void {
    const weight = this.#weights === undefined ? samples : this.#weights.get(pod);
    if (update.length !== this.#sum.length)
      throw bad(pod, `has ${update.length} coordinates, expected ${this.#sum.length}`);
    if (weight === undefined || !(weight > 0 && Number.isFinite(weight))) throw bad(pod, 'has no weight above zero');
    if (this.#pods.includes(pod)) throw bad(pod, 'was already added');
    const broken = update.findIndex((value) => !Number.isFinite(value));
    if (broken >= 0) throw bad(pod, `is not finite at index ${broken}`);
    for (let i = 0; i < update.length; i++) this.#sum[i] = this.#sum[i]! + weight * update[i]!;
    this.#totalWeight += weight;
    this.#pods.push(pod);
  }

  result(): { mean: Float64Array; totalWeight: number; pods: readonly string[] } {
    if (this.#pods.length === 0) throw new KonsilError('DATA_EMPTY', 'no update to average');
    return {
      mean: this.#sum.map((value) => value / this.#totalWeight),
      totalWeight: this.#totalWeight,
      pods: [...this.#pods],
    };
  }
}

function bad(pod: string, why: string): KonsilError {
  return new KonsilError('AGG_BAD_MESSAGE', `update of pod ${pod} ${why}`, { pod });
}

/** `model + rate · delta` in a new array; computed in float64, rounded once. @param rate server learning rate, @default 1 */
export function applyDelta(model: Float32Array, delta: Float32Array | Float64Array, rate = 1): Float32Array {
  if (model.length !== delta.length) throw new RangeError(`delta needs length ${model.length}, got ${delta.length}`);
  return model.map((value, i) => value + rate * delta[i]!);
}
