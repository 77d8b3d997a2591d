/**
 * A run's differential privacy from the modeller's side: the clip norm as it moves, and what the rounds have cost.
 * @module
 */
import { nextClip, PrivacyBudget, type PrivacyTerms, quantumOf, readPrivateMean } from '../aggregation/index.ts';
import { KonsilError } from '../base/index.ts';
import { affordableRounds, privacyTermsOf, type RoundPrivacy } from '../protocols/index.ts';
import type { PrivacyResult } from '../reports/index.ts';
import { roundsOf, type Task } from '../tasks/index.ts';

/** One run's account; the pods keep their own. */
export class RunPrivacy {
  readonly terms: PrivacyTerms;
  readonly #task: Task;
  readonly #budget: PrivacyBudget;
  #clipNorm: number;
  #spent = 0;
  #charges = 0;

  private constructor(task: Task, terms: PrivacyTerms) {
    const { epsilonBudget = Number.POSITIVE_INFINITY, delta, clipNorm } = task.aggregator.privacy!;
    this.terms = terms;
    this.#task = task;
    this.#budget = new PrivacyBudget({ epsilon: epsilonBudget, delta });
    this.#clipNorm = clipNorm;
  }

  /**
   * Undefined for a task without privacy.
   * @throws KonsilError PRIVACY_BUDGET when not one round fits the task's own budget, CONFIG_INVALID when noise does not fit
   *   the words of a sum.
   */
  static of(task: Task, parameters: number): RunPrivacy | undefined {
    const terms = privacyTermsOf(task, parameters);
    if (!terms) return undefined;
    const run = new RunPrivacy(task, terms);
    if (affordableRounds(task, terms) === 0)
      throw new KonsilError(
        'PRIVACY_BUDGET',
        `task.aggregator.privacy.epsilon_budget is ${run.#budget.limit.epsilon}, and one round costs ε = ${run.#budget.spentAfter(terms.events).toFixed(2)}; add noise or raise it`,
      );
    return run;
  }

  /** What the next round is run with. */
  get round(): RoundPrivacy {
    return { terms: this.terms, clipNorm: this.#clipNorm };
  }

  /** Largest error that rounding makes in a coordinate of the mean, noise aside. */
  get resolution(): number {
    return quantumOf(this.terms, this.#clipNorm);
  }

  /** Whether another round fits the task's budget. */
  isAffordable(): boolean {
    return this.#budget.allows(this.terms.events);
  }

  /** A round's sum was opened, or could have been. @returns ε so far. */
  charge(): number {
    this.#spent = this.#budget.charge(this.terms.events);
    this.#charges++;
    return this.#spent;
  }

  /** What a restart of the coordinator must not undo. */
  snapshot(): { readonly charges: number; readonly clipNorm: number } {
    return { charges: this.#charges, clipNorm: this.#clipNorm };
  }

  /** Takes up the account of another process; nothing may have been charged yet. */
  restore({ charges, clipNorm }: ReturnType<RunPrivacy['snapshot']>): void {
    for (let i = 0; i < charges; i++) this.charge();
    this.#clipNorm = clipNorm;
  }

  /** The mean update of a noisy sum; moves the clip norm when it adapts. */
  read(raw: Float64Array, pods: number): Float64Array {
    const { mean, below } = readPrivateMean(raw, pods, this.#clipNorm, this.terms);
    const { adaptiveClip } = this.#task.aggregator.privacy!;
    if (adaptiveClip && below !== null) this.#clipNorm = nextClip(this.#clipNorm, below, adaptiveClip);
    return mean;
  }

  /** The record of the run. @param rounds - That were completed. */
  result(rounds: number): PrivacyResult {
    const { mechanism, noiseMultiplier, delta, epsilonBudget, adaptiveClip } = this.#task.aggregator.privacy!;
    const { survivors, colluding } = this.terms.update;
    return {
      ...{ mechanism, noiseMultiplier, delta, epsilon: this.#spent, clipNorm: this.#clipNorm },
      ...{ isAdaptive: adaptiveClip !== undefined, survivors, colluding },
      ...(epsilonBudget !== undefined && { epsilonBudget }),
      ...{ rounds, plannedRounds: roundsOf(this.#task) },
    };
  }
}
