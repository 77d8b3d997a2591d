/**
 * Compares a simulated run with the reference: from the parameters that its first pods were given to those it ended with.
 * @module
 */

import { MemorySource } from '../../sim/data/memorySource.ts';
import type { Site } from '../../sim/data/partition.ts';
import type { RunEvent, RunOutcome } from '../../src/coordinator/index.ts';
import { trainerOptions } from '../../src/protocols/index.ts';
import { compile, type OpenTrainer } from '../../src/training/index.ts';
import { compareRound, ReferenceSite } from './reference.ts';

interface Seen {
  readonly survivors: readonly string[];
  readonly start: Float32Array;
  readonly clip: number | undefined;
}

/** Watches a run from outside, and replays it when it is over. */
export class Replay {
  /** Where each pod's latest training began. */
  readonly #starts = new Map<string, Float32Array>();
  readonly #rounds = new Map<number, Seen>();
  #clip: number | undefined;
  readonly problems: string[] = [];

  trained(pod: string, start: Float32Array): void {
    this.#starts.set(pod, start);
  }

  see(event: RunEvent): void {
    if (event.type === 'scale') this.#clip = event.most;
    if (event.type !== 'round') return;
    const { round, survivors } = event;
    const [first, ...others] = survivors.map((pod) => this.#starts.get(pod));
    if (!first) return void this.problems.push(`round ${round} counts a pod that never trained`);
    if (others.some((start) => !start || start.some((value, i) => value !== first[i])))
      this.problems.push(`survivors of round ${round} began from different parameters`);
    const earlier = this.#rounds.get(round);
    if (earlier && earlier.survivors.join() !== survivors.join())
      this.problems.push(`round ${round} came out twice: of ${earlier.survivors.join()} and of ${survivors.join()}`);
    this.#rounds.set(round, { survivors, start: first, clip: this.#clip });
  }

  /** Trains every round again. @returns what is wrong, in words. */
  async check(outcome: RunOutcome, sites: readonly Site[], openTrainer: OpenTrainer): Promise<readonly string[]> {
    const { resolved, facts, standardiser, parameters, secure } = outcome;
    const { problems } = this;
    if (!resolved || !facts || !parameters) {
      if (outcome.rounds.length > 0) problems.push('rounds were completed, and there are no parameters');
      return problems;
    }
    const options = trainerOptions(resolved.task, resolved.model, resolved.source);
    const trainer = await openTrainer(options);
    const shared = { task: resolved.task, facts, trainer, standardiser };
    const references = new Map<string, ReferenceSite>();
    for (const { name, table } of sites)
      references.set(name, await ReferenceSite.open(new MemorySource('data', table), shared));
    let expected = compile(resolved.model, options).initial;
    for (const [i, { round, survivors, clipped }] of outcome.rounds.entries()) {
      const seen = this.#rounds.get(round);
      if (!seen || seen.survivors.join() !== survivors.join()) {
        problems.push(`round ${round} of ${survivors.join()} is in the result, and was never seen to end`);
        break;
      }
      if (seen.start.some((value, at) => value !== expected[at]))
        problems.push(`round ${round} does not begin where the one before it ended`);
      if (clipped > 0 && seen.clip === undefined) problems.push(`round ${round}: ${clipped} values were clipped`);
      const next = outcome.rounds[i + 1];
      const end = next ? this.#rounds.get(next.round)!.start : parameters;
      const updates = await Promise.all(survivors.map((pod) => references.get(pod)!.train(seen.start, round - 1)));
      const share = compareRound({
        ...{ start: seen.start, end, updates, secure },
        clip: seen.clip ?? secure?.clip ?? 0,
      });
      // pods that were not there when clips were agreed on may have larger updates, cut to them: that the mean does not have
      if (!(share <= 1) && !(clipped > 0 && seen.clip !== undefined))
        problems.push(`round ${round} is not the mean of what ${survivors.join()} train: ${share} times the bound`);
      expected = end;
    }
    await trainer.close();
    return problems;
  }
}
