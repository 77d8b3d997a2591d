/**
 * Whether each round was the average of what its survivors trained: seen from outside, where a simulation sees every
 * pod's update and a coordinator sees none.
 * @module
 */
import { largestClip, meanBound } from '../../src/aggregation/index.ts';
import type { RunEvent, RunOutcome } from '../../src/coordinator/index.ts';
import { sumSpec } from '../../src/protocols/index.ts';
import type { Check } from '../result.ts';

interface Trained {
  readonly start: Float32Array;
  readonly parameters: Float32Array;
  readonly rows: number;
}

interface Expected {
  readonly round: number;
  readonly start: Float32Array;
  /** Weighted mean of the survivors' updates, in double precision. */
  readonly mean: Float64Array;
  readonly weight: number;
  readonly survivors: number;
  readonly clipped: number;
  /** Largest clip that pods agreed on for this round, where they do. */
  readonly clip: number | undefined;
}

/** Keeps one update a pod, and one mean a round. */
export class AverageWitness {
  readonly #latest = new Map<string, Trained>();
  readonly #expected: Expected[] = [];
  #clip: number | undefined;

  /** A pod trained. */
  trained(pod: string, start: Float32Array, parameters: Float32Array, rows: number): void {
    this.#latest.set(pod, { start, parameters, rows });
  }

  see(event: RunEvent): void {
    if (event.type === 'scale') this.#clip = event.most;
    if (event.type !== 'round') return;
    const updates = event.survivors.map((pod) => this.#latest.get(pod)!);
    const weight = updates.reduce((sum, { rows }) => sum + rows, 0);
    const { start } = updates[0]!;
    const mean = new Float64Array(start.length);
    for (const { parameters, rows } of updates)
      for (let i = 0; i < mean.length; i++) mean[i]! += (rows / weight) * Math.fround(parameters[i]! - start[i]!);
    const { round, clipped } = event;
    this.#expected.push({ round, start, mean, weight, survivors: updates.length, clipped, clip: this.#clip });
  }

  /** Compares every round with where the next one started, the last with the result. */
  check(outcome: RunOutcome): Check {
    const name = 'each round is the average of its survivors’ updates';
    const { facts, secure, parameters } = outcome;
    if (!facts || !parameters || this.#expected.length === 0)
      return { name, passed: false, detail: 'no round was completed' };
    let worst = { share: 0, error: 0, bound: 0, round: 0 };
    for (const [i, { round, start, mean, weight, survivors, clipped, clip }] of this.#expected.entries()) {
      if (clipped > 0)
        return { name, passed: false, detail: `round ${round}: ${clipped} values were clipped; raise aggregator.clip` };
      const { clips: _last, ...fixed } = secure ?? { bound: 0, minimum: 0, clip: 0, cohort: 1, maxWeight: 1 };
      const spec = secure && sumSpec('update', facts, { ...fixed, clip: clip ?? largestClip(secure) });
      const bound = spec ? meanBound(spec, weight, survivors) : 0;
      const end = this.#expected[i + 1]?.start ?? parameters;
      for (let at = 0; at < mean.length; at++) {
        // the coordinator rounds the mean and the parameters to float32, and so does a pod its update
        const rounding = 2 ** -22 * (Math.abs(start[at]!) + Math.abs(mean[at]!)) + 2 ** -126;
        const error = Math.abs(end[at]! - start[at]! - mean[at]!);
        const share = error / (bound + rounding);
        if (share > worst.share || Number.isNaN(share)) worst = { share, error, bound: bound + rounding, round };
      }
    }
    const detail = `largest difference ${worst.error.toExponential(2)} in round ${worst.round}, bound there ${worst.bound.toExponential(2)}`;
    return { name, passed: worst.share <= 1, detail };
  }
}
