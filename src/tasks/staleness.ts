/**
 * The section `aggregator.staleness` of a task: what becomes of updates that come too late for their round.
 * @module
 */
import { z } from 'zod';
import type { Path, Problem } from './configFile.ts';
import type { StrategyFile } from './strategy.ts';

export const staleness = z.strictObject({
  max_rounds: z.int().min(1).max(1_000).meta({
    description: 'An update that is more rounds late than this is dropped, and its pod asked for a new one.',
  }),
  exponent: z.number().min(0).max(10).default(0.5).meta({
    description: 'a: an update that is s rounds late weighs (1 + s)^−a of what it would have. Default 0.5.',
  }),
});

export interface StalenessSettings {
  /** In [1, 1000]. */
  readonly maxRounds: number;
  /** a in [0, 10]. */
  readonly exponent: number;
}

export function stalenessOf({ max_rounds, exponent }: z.output<typeof staleness>): StalenessSettings {
  return { maxRounds: max_rounds, exponent };
}

/** The section that gives `settings`. */
export function stalenessFileOf({ maxRounds, exponent }: StalenessSettings): z.output<typeof staleness> {
  return { max_rounds: maxRounds, exponent };
}

/** Strategies that take a weighted mean of whole updates, whichever rounds they are from. */
const FITTING: readonly string[] = ['FedAvg', 'FedProx', 'FedAvgM', 'FedAdam', 'FedYogi', 'FedAdagrad'];

/** Rules between the keys. @param path - Of the section. */
export function checkStaleness(
  path: Path,
  secure: boolean,
  { strategy, privacy }: { readonly strategy?: StrategyFile | undefined; readonly privacy?: unknown },
): Problem[] {
  const aggregator = path.slice(0, -1);
  const problem = (message: string): Problem[] => [{ path, message, atKey: true }];
  if (secure)
    return problem(
      `not possible with secure aggregation: a masked update can only be opened with the sum of its own round; remove it or set ${[...aggregator, 'secure'].join('.')} to false`,
    );
  if (privacy !== undefined) return problem('not possible with privacy, whose price is for updates of one round');
  if (strategy !== undefined && !FITTING.includes(strategy.name))
    return problem(`not possible with strategy ${strategy.name}; expected one of ${FITTING.join(', ')}`);
  return [];
}
