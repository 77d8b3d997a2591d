/**
 * What a private query costs: on the account of the dataset over all modellers, and on that of the modeller who asks. Each
 * is looked up in the ledger anew, so that runs at the same time do not spend the same ε.
 * @module
 */
import { type CountedEvent, PrivacyBudget } from '../aggregation/index.ts';
import { KonsilError } from '../base/index.ts';
import type { ModellerBudget } from '../tasks/index.ts';
import type { Ledger } from './ledger.ts';
import type { PrivacyAccount, RoundCost } from './privacyAccount.ts';

/** What a pod asks before it answers a private query, and tells after. */
export type QueryAccount = Pick<PrivacyAccount, 'checkRound' | 'charge'>;

/** One modeller on one dataset. */
export interface ModellerEntry {
  readonly modeller: string;
  readonly dataset: string;
}

/** The account of the dataset, narrowed by the budget of one modeller. */
export class ModellerAccount implements QueryAccount {
  readonly #total: PrivacyAccount;
  readonly #ledger: Ledger;
  readonly #entry: ModellerEntry;
  readonly #limit: ModellerBudget;

  constructor(total: PrivacyAccount, ledger: Ledger, entry: ModellerEntry, limit: ModellerBudget) {
    this.#total = total;
    this.#ledger = ledger;
    this.#entry = entry;
    this.#limit = limit;
  }

  /** @throws KonsilError PRIVACY_BUDGET when it does not fit; of the modeller's own account with what is left of it. */
  checkRound(cost: RoundCost): void {
    const { epsilonBudget, delta } = this.#limit;
    const budget = spentBy(this.#ledger, this.#entry, this.#limit);
    const after = budget.spentAfter(cost.events, cost.times);
    if (after > epsilonBudget) {
      const left = Math.max(0, epsilonBudget - budget.spent());
      throw new KonsilError(
        'PRIVACY_BUDGET',
        `the query would take your ε to ${shown(after)} for dataset "${this.#entry.dataset}"; this site gives you ${epsilonBudget} at δ = ${delta}, of which ${shown(left)} is left`,
      );
    }
    // said last: it depends on what others have asked
    this.#total.checkRound(cost);
  }

  charge(cost: RoundCost, detail: string): ReturnType<PrivacyAccount['charge']> {
    return this.#total.charge(cost, detail);
  }
}

/** What a modeller has spent of its budget. */
export function spentBy(ledger: Ledger, { modeller, dataset }: ModellerEntry, limit: ModellerBudget): PrivacyBudget {
  const events: readonly CountedEvent[] = ledger.recordEventsOf(modeller, dataset);
  return new PrivacyBudget({ epsilon: limit.epsilonBudget, delta: limit.delta }, events);
}

const shown = (epsilon: number): string => (Number.isFinite(epsilon) ? String(Number(epsilon.toPrecision(3))) : '∞');
