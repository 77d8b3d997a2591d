/**
 * Parameters that stay at a pod: its own values, from round to round and over restarts.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import { gatherStretches, type Stretch, scatterStretches } from '../../training/index.ts';
import type { SumFacts } from './sums.ts';

/** Where a pod keeps the values between starts. */
export interface LocalStore {
  /** What was saved last, or null. @throws KonsilError DATA_INVALID */
  readonly load: () => Float32Array | null;
  /** @throws KonsilError FILE_WRITE_FAILED; what was saved before is kept then. */
  readonly save: (values: Float32Array) => void;
}

/** The coordinates of a model of `length` that are in none of `stretches`. */
function complement(stretches: readonly Stretch[], length: number): Stretch[] {
  const ends = [...stretches, { from: length, to: length }];
  return ends.flatMap(({ from: to }, i) => {
    const from = i === 0 ? 0 : ends[i - 1]!.to;
    return from < to ? [{ from, to }] : [];
  });
}

/** One pod's values in one run. A new value counts from when the update that was trained with it is in a sum. */
export class LocalParameters {
  readonly #shared: readonly Stretch[];
  readonly #local: readonly Stretch[];
  readonly #store: LocalStore | undefined;
  /** Null until it was looked for. */
  #own: Float32Array | null = null;
  #next: Float32Array | null = null;

  /** @param store - In memory only without one. */
  constructor({ stretches, model }: NonNullable<SumFacts['shared']>, store?: LocalStore) {
    this.#shared = stretches;
    this.#local = complement(stretches, model);
    this.#store = store;
  }

  /** The pod's own model: `parameters` with this pod's values, or as they are before it has any. */
  personal(parameters: Float32Array): Float32Array {
    this.#own ??= this.#stored(parameters);
    return scatterStretches(this.#own, this.#local, parameters.slice());
  }

  /** Values that the pod begins with: those of its last start, else those of the first model it is given. */
  #stored(parameters: Float32Array): Float32Array {
    const first = gatherStretches(parameters, this.#local);
    const saved = this.#store?.load() ?? first;
    if (saved.length !== first.length)
      throw new KonsilError('DATA_INVALID', `${saved.length} local parameters were saved, expected ${first.length}`);
    return saved;
  }

  /** The shared part of a whole model. */
  shared(parameters: Float32Array): Float32Array {
    return gatherStretches(parameters, this.#shared);
  }

  /** `parameters` with another shared part, in a new array. */
  withShared(parameters: Float32Array, shared: Float32Array): Float32Array {
    return scatterStretches(shared, this.#shared, parameters.slice());
  }

  /** Remembers the local part of a trained model once {@link settle} says that its update was sent. */
  trained(parameters: Float32Array): void {
    this.#next = gatherStretches(parameters, this.#local);
  }

  /** The last update is in a sum. @throws KonsilError FILE_WRITE_FAILED */
  settle(): void {
    if (!this.#next) return;
    this.#store?.save(this.#next);
    this.#own = this.#next;
    this.#next = null;
  }
}
