/**
 * Vectors that a server optimiser carries from round to round, and how they are put back after a restart.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import type { StrategyState } from './strategy.ts';

/** @throws KonsilError DATA_INVALID unless `state` has the names and lengths of `like`, and numbers that are finite. */
export function checkState(strategy: string, state: StrategyState, like: StrategyState): void {
  const wrong = (what: string): KonsilError => new KonsilError('DATA_INVALID', `saved state of ${strategy} ${what}`);
  const [names, expected] = [state, like].map((vectors) => Object.keys(vectors).sort().join(', '));
  if (names !== expected) throw wrong(`has the vectors (${names}), expected (${expected})`);
  for (const [name, vector] of Object.entries(state)) {
    if (vector.length !== like[name]!.length)
      throw wrong(`has ${vector.length} numbers in ${name}, expected ${like[name]!.length}`);
    if (!vector.every(Number.isFinite)) throw wrong(`has a number in ${name} that is not finite`);
  }
}

/** Copies of all vectors. */
export function copyState<S extends StrategyState>(state: S): S {
  return Object.fromEntries(Object.entries(state).map(([name, vector]) => [name, vector.slice()])) as unknown as S;
}
