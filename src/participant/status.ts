/**
 * What a pod tells its own people about itself. The schema is also what its control socket answers with.
 * @module
 */
import { z } from 'zod';
import { PrivacyBudget } from '../aggregation/index.ts';
import { budgetOfModeller, type PodConfig } from '../tasks/index.ts';
import { PURPOSES } from '../wire/index.ts';
import type { Ledger } from './ledger.ts';
import { spentBy } from './queryAccount.ts';

const count = z.int().min(0);

/** A run that the pod takes part in. */
const RunStatusSchema = z.strictObject({
  run: z.string(),
  modeller: z.string(),
  dataset: z.string(),
  /** `away`: its coordinator is; the run is kept for `limits.coordinator_grace`. */
  state: z.enum(['starting', 'running', 'away', 'pausing', 'paused']),
  /** What it is doing in its round: local work, waiting for others before a sum, the sum, waiting after it. */
  phase: z.enum(['waiting', 'working', 'ready', 'summing', 'done']),
  /** The protocol's number of the round, and what is summed in it. */
  round: count.nullable(),
  purpose: z.enum(PURPOSES).nullable(),
  /** Training rounds that are over, of how many. */
  completed: count,
  rounds: count,
  /** Of the training of this round. */
  progress: z.strictObject({ done: count, total: count }).nullable(),
  /** Until all training rounds are over, at the pace so far. */
  etaSeconds: z.number().min(0).nullable(),
  seconds: z.number().min(0),
  sentBytes: count,
});
export type RunStatus = z.infer<typeof RunStatusSchema>;

export const PodStatusSchema = z.strictObject({
  pod: z.string(),
  version: z.string(),
  /** `draining`: stops when its runs are over. */
  state: z.enum(['running', 'paused', 'draining']),
  uptimeSeconds: z.number().min(0),
  /** Whether there is a connection to the broker. */
  connected: z.boolean(),
  runs: z.array(RunStatusSchema),
  /** Runs that wait for their turn, the next one first. */
  queue: z.array(z.strictObject({ run: z.string(), modeller: z.string(), dataset: z.string() })),
  /** Of all runs since the pod was started, envelopes included. */
  traffic: z.strictObject({ sentBytes: count, receivedBytes: count }),
  /** What all runs ever have spent on each dataset that has a budget or has been charged. */
  budgets: z.array(
    z.strictObject({
      dataset: z.string(),
      /** Of one modeller's budget for private queries; absent for that of all together. */
      modeller: z.string().optional(),
      unit: z.enum(['site', 'record']),
      epsilon: z.number().min(0),
      /** Null when the site has set no budget. */
      limit: z.number().positive().nullable(),
      delta: z.number(),
    }),
  ),
  /** The ledger's head. */
  ledgerHead: z.string(),
});
export type PodStatus = z.infer<typeof PodStatusSchema>;

/** δ of accounts without a budget, which has one. */
const DELTA = 1e-5;

/** What has been spent on the datasets of a pod, in all and by each modeller that has a budget of its own. */
export function budgetsOf(
  { datasources, policy }: PodConfig,
  ledger: Ledger,
  /** What a modeller is called besides its name. */
  fingerprintOf: (modeller: string) => string | undefined,
): PodStatus['budgets'] {
  const units = [
    { unit: 'site', budget: policy.privacy },
    { unit: 'record', budget: policy.recordPrivacy },
  ] as const;
  return datasources.flatMap(({ name: dataset }) => [
    ...units.flatMap(({ unit, budget }) => {
      const events = ledger.privacyEvents(dataset, unit);
      if (!budget && events.length === 0) return [];
      const delta = budget?.delta ?? DELTA;
      const epsilon = new PrivacyBudget({ epsilon: Number.POSITIVE_INFINITY, delta }, events).spent();
      return [{ dataset, unit, epsilon, limit: budget?.epsilonBudget ?? null, delta }];
    }),
    ...ledger.modellersOf(dataset).flatMap((modeller) => {
      const names = [modeller, fingerprintOf(modeller) ?? modeller];
      const limit = policy.privateQuery && budgetOfModeller(policy.privateQuery, names);
      if (!limit) return [];
      const epsilon = spentBy(ledger, { modeller, dataset }, limit).spent();
      return [{ dataset, modeller, unit: 'record' as const, epsilon, limit: limit.epsilonBudget, delta: limit.delta }];
    }),
  ]);
}

/** How fast a run goes, from the first training round it is seen in. */
export class Pace {
  #from: { readonly done: number; readonly atMs: number } | null = null;

  /** A round begins when `done` training rounds are over. */
  begin(done: number, nowMs: number): void {
    this.#from ??= { done, atMs: nowMs };
  }

  /**
   * @param done - Training rounds that are over, with the part of the present one.
   * @returns seconds until `total` are, or null when that cannot be told yet.
   */
  estimate(done: number, total: number, nowMs: number): number | null {
    if (!this.#from) return null;
    const perMs = (done - this.#from.done) / (nowMs - this.#from.atMs);
    return perMs > 0 ? Math.max(0, (total - done) / perMs / 1_000) : null;
  }
}
