/**
 * What follows from a result record and several sections need.
 * @module
 */
import { MAIN_METRIC } from './metric.ts';
import type { RunResult } from './result.ts';

/** Names of the hospitals whose update is in the model, in the order of the cohort. */
export function contributorsOf({ cohort, rounds }: RunResult): readonly string[] {
  const summed = new Set(rounds.flatMap(({ survivors }) => survivors));
  return cohort.map(({ name }) => name).filter((name) => summed.has(name));
}

/** Test rows of all hospitals; null unless every hospital that finished said how many it has. */
export function testRowsOf({ cohort, sites, pooled }: RunResult): number | null {
  const rows = new Map(sites.map((site) => [site.name, site.rows]));
  const finished = cohort.filter(({ state }) => state === 'finished');
  if (pooled === null || finished.length === 0 || !finished.every(({ name }) => rows.has(name))) return null;
  return finished.reduce((sum, { name }) => sum + rows.get(name)!, 0);
}

/** Name of the metric that comes first for this kind of problem. */
export function mainMetricOf({ problem }: RunResult): string {
  return MAIN_METRIC[problem.kind];
}

/** Drop-outs of one hospital in one phase for one reason and with one outcome. */
export interface DropOut {
  readonly pod: string;
  readonly phase: string;
  readonly reason: string;
  /** Its update is in the sum all the same: it was lost after it had sent it. */
  readonly isCounted: boolean;
  /** Ascending. */
  readonly rounds: readonly number[];
}

/** Drop-outs with the same hospital, phase, reason and outcome put together, in the order they first happened. */
export function dropOutsOf({ rounds }: RunResult): readonly DropOut[] {
  const groups = new Map<string, Omit<DropOut, 'rounds'> & { readonly rounds: number[] }>();
  for (const { round, dropped, survivors } of rounds)
    for (const { pod, phase, reason } of dropped) {
      const isCounted = survivors.includes(pod);
      const key = JSON.stringify([pod, phase, reason, isCounted]);
      const group = groups.get(key) ?? { pod, phase, reason, isCounted, rounds: [] };
      group.rounds.push(round);
      groups.set(key, group);
    }
  return [...groups.values()];
}
