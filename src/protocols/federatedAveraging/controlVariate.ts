/**
 * SCAFFOLD at a pod: its own control variate cᵢ from round to round.
 *
 * In memory only. A pod that starts again, or is admitted again, begins with cᵢ = 0, as all do at first, while what it told
 * the server before stays in c: its steps are corrected less well for a while, and nothing else.
 * @source Karimireddy et al., "SCAFFOLD" (ICML 2020), alg. 1, option II.
 * @module
 */
import { nextControl, scaffoldCorrection } from '../../training/index.ts';

export class ControlVariate {
  #own: Float32Array;
  /** After the round that was trained last, until it is known to be in a sum. */
  #next: Float32Array | null = null;
  readonly #clip: number;

  /** @param clip - Largest change of one number in a round, > 0: what the server can be told. */
  constructor(length: number, clip: number) {
    this.#own = new Float32Array(length);
    this.#clip = clip;
  }

  /** What is added to each gradient, c − cᵢ; zero for the other coordinates of a model of `length`. */
  correction(globalControl: Float32Array, length: number): Float32Array {
    const correction = new Float32Array(length);
    correction.set(scaffoldCorrection({ control: this.#own, globalControl }));
    return correction;
  }

  /** cᵢ⁺ − cᵢ for a round from `from` to `to`, cut to the clip; remembered once {@link settle} says that it was sent. */
  change(globalControl: Float32Array, from: Float32Array, to: Float32Array, rateSum: number): Float32Array {
    const { length } = this.#own;
    const next = nextControl({
      ...{ control: this.#own, globalControl, rateSum },
      ...{ from: from.subarray(0, length), to: to.subarray(0, length) },
    });
    const change = next.map((value, i) => Math.max(-this.#clip, Math.min(this.#clip, value - this.#own[i]!)));
    // what the server adds up is what is kept here
    this.#next = this.#own.map((value, i) => value + change[i]!);
    return change;
  }

  /** The last change is in a sum. */
  settle(): void {
    this.#own = this.#next ?? this.#own;
    this.#next = null;
  }
}
