/**
 * What a site has given away about each of its datasets, over all runs and restarts, and whether a task may have more.
 * @module
 */
import { type BudgetLimit, PrivacyBudget, type PrivacyEvent, type PrivacyTerms } from '../aggregation/index.ts';
import { KonsilError } from '../base/index.ts';
import { affordableRounds, privacyTermsOf, recordCostOf } from '../protocols/index.ts';
import { type BudgetPolicy, roundsOf, type Task } from '../tasks/index.ts';
import type { Ledger, PrivacyUnit } from './ledger.ts';
import { Refusal } from './refusal.ts';

/** Noise that is tried when a task is told what would fit. */
const MOST_NOISE = 1_000;

/** What one round costs: some releases, each so many times. */
export interface RoundCost {
  readonly events: readonly PrivacyEvent[];
  readonly times: number;
}

/** Whose account it is. */
export interface AccountEntry {
  readonly run: string;
  readonly modeller: string;
  readonly dataset: string;
  readonly unit: PrivacyUnit;
}

/** One run's access to one account of a dataset. */
export class PrivacyAccount {
  readonly #ledger: Ledger;
  readonly #entry: AccountEntry;
  readonly #limit: BudgetLimit;

  /**
   * @param delta - At which it is reckoned when the site has no budget of its own.
   */
  constructor(ledger: Ledger, entry: AccountEntry, policy: BudgetPolicy | undefined, delta: number) {
    this.#ledger = ledger;
    this.#entry = entry;
    this.#limit = { epsilon: policy?.epsilonBudget ?? Number.POSITIVE_INFINITY, delta: policy?.delta ?? delta };
  }

  /** As it stands: other runs at the same time spend from the same account. */
  get #budget(): PrivacyBudget {
    return new PrivacyBudget(this.#limit, this.#ledger.privacyEvents(this.#entry.dataset, this.#entry.unit));
  }

  /** @throws Refusal UNAUTHORISED when the rounds of a task with noise on its sums do not fit, with what would. */
  checkTask(task: Task, terms: PrivacyTerms, parameters: number): void {
    const privacy = task.aggregator.privacy!;
    const rounds = affordableRounds(task, terms);
    this.#checkRounds({ events: terms.events, times: 1 }, rounds, privacy.noiseMultiplier, (noiseMultiplier) => {
      const louder = { ...task, aggregator: { ...task.aggregator, privacy: { ...privacy, noiseMultiplier } } };
      return { events: privacyTermsOf(louder, parameters)!.events, times: 1 };
    });
  }

  /** The same for private steps over `rows` training rows. */
  checkSteps(task: Task, rows: number): void {
    const { privateSteps } = task.training;
    if (!privateSteps) return;
    this.#checkRounds(stepCost(task, rows, 0), roundsOf(task), privateSteps.noiseMultiplier, (noiseMultiplier) => {
      const louder = { ...task, training: { ...task.training, privateSteps: { ...privateSteps, noiseMultiplier } } };
      return stepCost(louder, rows, 0);
    });
  }

  /** @throws KonsilError PRIVACY_BUDGET when one more round does not fit. */
  checkRound({ events, times }: RoundCost): void {
    if (this.#budget.allows(events, times)) return;
    const { epsilon, delta } = this.#limit;
    throw new KonsilError(
      'PRIVACY_BUDGET',
      `this site's privacy budget of ε = ${epsilon} at δ = ${delta}${this.#perRecord()} is spent`,
    );
  }

  /**
   * Writes the cost of a round down; called before anything leaves that could open its sum.
   * @returns ε of the dataset so far. @throws KonsilError FILE_WRITE_FAILED, and then nothing may leave.
   */
  charge(
    { events, times }: RoundCost,
    /** What was released, for the ledger. */
    detail: string,
  ): { readonly unit: PrivacyUnit; readonly epsilon: number; readonly delta: number } {
    this.#ledger.append({
      ...{ event: 'privacy', ...this.#entry, detail, delta: this.#limit.delta },
      privacy: events.map((event) => ({ event, count: times })),
    });
    return {
      unit: this.#entry.unit,
      epsilon: this.#budget.spent(),
      delta: this.#limit.delta,
    };
  }

  #checkRounds(
    { events, times }: RoundCost,
    rounds: number,
    noiseMultiplier: number,
    costWith: (noiseMultiplier: number) => RoundCost,
  ): void {
    if (this.#budget.allows(events, times * rounds)) return;
    const fits = Math.floor(this.#budget.remaining(events, times * rounds) / times);
    const enough = this.#enoughNoise(rounds, noiseMultiplier, costWith);
    const { epsilon, delta } = this.#limit;
    const advice = [
      fits > 0 ? `${fits} of its ${rounds} rounds still fit` : 'not one of its rounds fits',
      enough === null ? 'no noise would make all of them fit' : `noise_multiplier ${enough} would make all of them fit`,
    ];
    throw new Refusal(
      'UNAUTHORISED',
      `task would exceed this site's privacy budget of ε = ${epsilon} at δ = ${delta}${this.#perRecord()} for dataset "${this.#entry.dataset}": ${advice.join('; ')}`,
    );
  }

  #perRecord(): string {
    return this.#entry.unit === 'record' ? ' a row' : '';
  }

  /** Smallest multiplier, rounded up to three digits, with which `rounds` fit; null when none does. */
  #enoughNoise(rounds: number, from: number, costWith: (noiseMultiplier: number) => RoundCost): number | null {
    const fits = (noiseMultiplier: number): boolean => {
      try {
        const { events, times } = costWith(noiseMultiplier);
        return this.#budget.allows(events, times * rounds);
      } catch {
        return false; // the words of a sum are too narrow for so much noise
      }
    };
    let [low, high] = [from, from];
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

/** Cost of private steps in the round after `completed` rounds. */
export function stepCost(task: Task, rows: number, completed: number): RoundCost {
  const { event, steps } = recordCostOf(task, rows, completed)!;
  return { events: [event], times: steps };
}
