/**
 * A running account of what has been released about one unit of privacy, with a limit. Plain JSON in a ledger.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import { epsilonOf } from './accountant.ts';
import { type CountedEvent, mergeEvents, type PrivacyEvent, readEvent } from './events.ts';

/** A limit: all releases together are to be (epsilon, delta)-differentially private. */
export interface BudgetLimit {
  /** In (0, ∞]; infinite when spending is only recorded. */
  readonly epsilon: number;
  /** In (0, 1). */
  readonly delta: number;
}

/** What has been spent, and what is still allowed. */
export class PrivacyBudget {
  readonly limit: BudgetLimit;
  #events: readonly CountedEvent[];

  /** @throws KonsilError CONFIG_INVALID when the limit is out of range. */
  constructor(limit: BudgetLimit, events: readonly CountedEvent[] = []) {
    if (!(limit.epsilon > 0)) throw new KonsilError('CONFIG_INVALID', `epsilon must be above 0, got ${limit.epsilon}`);
    if (!(limit.delta > 0 && limit.delta < 1))
      throw new KonsilError('CONFIG_INVALID', `delta must be in (0, 1), got ${limit.delta}`);
    this.limit = limit;
    this.#events = mergeEvents(events);
  }

  /** Everything charged so far; equal events counted together. */
  get events(): readonly CountedEvent[] {
    return this.#events;
  }

  /** ε of all that was charged, at the limit's δ. */
  spent(): number {
    return epsilonOf(this.#events, this.limit.delta);
  }

  /** ε there would be after `events` too, each of them `times` times. */
  spentAfter(events: readonly PrivacyEvent[], times = 1): number {
    return epsilonOf([...this.#events, ...counted(events, times)], this.limit.delta);
  }

  /** Whether `events` fit. */
  allows(events: readonly PrivacyEvent[], times = 1): boolean {
    return this.spentAfter(events, times) <= this.limit.epsilon;
  }

  /** How many times all of `events` still fit, at most `most`. */
  remaining(events: readonly PrivacyEvent[], most: number): number {
    let [fits, fails] = [0, most + 1];
    while (fails - fits > 1) {
      const middle = Math.floor((fits + fails) / 2);
      if (this.allows(events, middle)) fits = middle;
      else fails = middle;
    }
    return fits;
  }

  /** Records `events`, whether they fit or not: what was released was released. @returns ε spent since the beginning. */
  charge(events: readonly PrivacyEvent[], times = 1): number {
    this.#events = mergeEvents([...this.#events, ...counted(events, times)]);
    return this.spent();
  }
}

function counted(events: readonly PrivacyEvent[], count: number): CountedEvent[] {
  return events.map((event) => ({ event, count }));
}

/**
 * Events out of JSON, checked.
 * @throws KonsilError CONFIG_INVALID when it is not a list of events with counts: a record that cannot be read must not
 *   look like one in which nothing was spent.
 */
export function readEvents(json: unknown): CountedEvent[] {
  if (!Array.isArray(json)) throw new KonsilError('CONFIG_INVALID', 'privacy events are not a list');
  return json.map((entry: unknown) => {
    const { event, count } = (entry ?? {}) as { event?: unknown; count?: unknown };
    if (!Number.isSafeInteger(count) || (count as number) < 1)
      throw new KonsilError('CONFIG_INVALID', 'privacy event has no whole count above 0');
    return { event: readEvent(event), count: count as number };
  });
}
