/**
 * What a site has given away about each of its datasets, over all runs and restarts, and whether a task may have more.
 * @module
 */
import { PrivacyBudget, type PrivacyTerms } from '../aggregation/index.ts';
import { KonsilError } from '../base/index.ts';
import { affordableRounds, privacyTermsOf } from '../protocols/index.ts';
import type { PodPolicy, Task } from '../tasks/index.ts';
import type { Ledger } from './ledger.ts';
import { Refusal } from './refusal.ts';

/** Noise that is tried when a task is told what would fit. */
const MOST_NOISE = 1_000;

/** One run's access to a dataset's account. */
export class PrivacyAccount {
  readonly #ledger: Ledger;
  readonly #entry: { readonly run: string; readonly modeller: string; readonly dataset: string };
  readonly #budget: PrivacyBudget;

  /**
   * @param delta - At which it is reckoned when the site has no budget of its own.
   * @throws KonsilError CONFIG_INVALID when the ledger's record cannot be read.
   */
  constructor(
    ledger: Ledger,
    entry: { readonly run: string; readonly modeller: string; readonly dataset: string },
    policy: PodPolicy['privacy'],
    delta: number,
  ) {
    this.#ledger = ledger;
    this.#entry = entry;
    const limit = { epsilon: policy?.epsilonBudget ?? Number.POSITIVE_INFINITY, delta: policy?.delta ?? delta };
    this.#budget = new PrivacyBudget(limit, ledger.privacyEvents(entry.dataset));
  }

  /** @throws Refusal UNAUTHORISED when the task's rounds do not fit, with what would. */
  checkTask(task: Task, terms: PrivacyTerms, parameters: number): void {
    const { epsilon, delta } = this.#budget.limit;
    const rounds = affordableRounds(task, terms);
    if (this.#budget.allows(terms.events, rounds)) return;
    const fits = this.#budget.remaining(terms.events, rounds);
    const enough = this.#enoughNoise(task, parameters, rounds);
    const advice = [
      fits > 0 ? `${fits} of its ${rounds} rounds still fit` : 'not one of its rounds fits',
      enough === null ? 'no noise would make all of them fit' : `noise_multiplier ${enough} would make all of them fit`,
    ];
    throw new Refusal(
      'UNAUTHORISED',
      `task would exceed this site's privacy budget of ε = ${epsilon} at δ = ${delta} for dataset "${this.#entry.dataset}": ${advice.join('; ')}`,
    );
  }

  /** @throws KonsilError PRIVACY_BUDGET when one more round does not fit. */
  checkRound(terms: PrivacyTerms): void {
    if (this.#budget.allows(terms.events)) return;
    const { epsilon, delta } = this.#budget.limit;
    throw new KonsilError('PRIVACY_BUDGET', `this site's privacy budget of ε = ${epsilon} at δ = ${delta} is spent`);
  }

  /**
   * Writes the cost of a round down; called before anything leaves that could open its sum.
   * @returns ε of the dataset so far. @throws KonsilError FILE_WRITE_FAILED, and then nothing may leave.
   */
  charge(terms: PrivacyTerms, round: number): { readonly epsilon: number; readonly delta: number } {
    this.#ledger.append({
      ...{ event: 'privacy', ...this.#entry, detail: `update ${round}` },
      privacy: terms.events.map((event) => ({ event, count: 1 })),
    });
    return { epsilon: this.#budget.charge(terms.events), delta: this.#budget.limit.delta };
  }

  /** Smallest multiplier, rounded up to three digits, with which `rounds` fit; null when none does. */
  #enoughNoise(task: Task, parameters: number, rounds: number): number | null {
    const privacy = task.aggregator.privacy!;
    const fits = (noiseMultiplier: number): boolean => {
      const louder = { ...task, aggregator: { ...task.aggregator, privacy: { ...privacy, noiseMultiplier } } };
      try {
        return this.#budget.allows(privacyTermsOf(louder, parameters)!.events, rounds);
      } catch {
        return false; // the words are too narrow for so much noise
      }
    };
    let [low, high] = [privacy.noiseMultiplier, privacy.noiseMultiplier];
    while (!fits(high)) {
      [low, high] = [high, 2 * high];
      if (high > MOST_NOISE) return null;
    }
    while (high / low > 1.005) {
      const middle = Math.sqrt(low * high);
      if (fits(middle)) high = middle;
      else low = middle;
    }
    return Number((high * 1.005).toPrecision(3));
  }
}
