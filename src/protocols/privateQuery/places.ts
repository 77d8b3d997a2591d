/**
 * Quantiles, smallest and largest values: a bin of the column's range, chosen by the exponential mechanism with the distance
 * of its rank from the wanted one as penalty.
 * @source Smith 2011 (see `chooseByPenalty`), for ranks as penalties.
 * @module
 */
import type { ExactScale } from '../../aggregation/index.ts';
import type { Grid } from '../../datasources/index.ts';
import type { Target } from './releases.ts';

/** Bins of a range, about: the finest answer is 1/1,024 of it. */
const BINS = 1_024;
/** Chance that all bins beyond the end of the data together get, and that of the rank being farther off than is said. */
const MISS = 0.05;

/** The range cut into bins of `width` steps each; the last may be shorter. A bin stands for its lower end. */
export interface Bins {
  readonly width: number;
  readonly count: number;
}

export function binsOf({ low, high }: Grid): Bins {
  const width = Math.max(1, Math.floor((high - low) / BINS));
  return { width, count: Math.floor((high - low) / width) + 1 };
}

/** A place as penalties see it: people count `unit` each. */
export interface PlacePlan {
  readonly target: Target;
  readonly bins: Bins;
  readonly unit: bigint;
  /** One person moves a penalty by at most so much. */
  readonly sensitivity: bigint;
  /** Of `min` and `max`: people beyond the place that is looked for. */
  readonly margin: bigint;
  /** Penalties count exp(−rate·penalty): ε/2Δ. */
  readonly rate: ExactScale;
  /** People by which the rank is off, with a chance of at most 5 %. */
  readonly rankError95: number;
}

/** @param epsilon - Of this place in one group. */
export function planPlace(target: Target, grid: Grid, epsilon: ExactScale): PlacePlan {
  const bins = binsOf(grid);
  // `min` and `max` count people twice since half of all people may be a half number
  const unit = target.kind === 'share' ? BigInt(target.denominator) : 2n;
  const sensitivity =
    target.kind === 'share' ? BigInt(Math.max(target.numerator, target.denominator - target.numerator)) : 2n;
  const rate = { numerator: epsilon.numerator, denominator: 2n * sensitivity * epsilon.denominator };
  // every bin beyond the data must be rarer than exp(−ln(bins/miss)) beside the best one
  const penalty = Math.log(bins.count / MISS) / (Number(rate.numerator) / Number(rate.denominator));
  const people = Math.ceil(penalty / Number(unit));
  return { target, bins, unit, sensitivity, margin: BigInt(people), rate, rankError95: people };
}

/**
 * Penalty of every bin: how far the wanted rank is from the ranks of the people in it, times `unit`. With b people below, a
 * above, n in all, and the wanted rank t: max(0, b − t, t − (n − a)).
 * @param people - Of each bin.
 */
export function penaltiesOf({ target, unit, margin }: PlacePlan, people: readonly bigint[]): bigint[] {
  const all = people.reduce((sum, count) => sum + count, 0n);
  const wanted = wantedRank(target, all, margin);
  let below = 0n;
  return people.map((count) => {
    const [early, late] = [unit * below - wanted, wanted - unit * (below + count)];
    below += count;
    return early > 0n ? early : late > 0n ? late : 0n;
  });
}

/** Times `unit`; it follows the number of people by less than one of them, which `sensitivity` counts in. */
function wantedRank(target: Target, all: bigint, margin: bigint): bigint {
  if (target.kind === 'share') return BigInt(target.numerator) * all;
  const fromEnd = 2n * margin < all ? 2n * margin : all;
  return target.kind === 'min' ? fromEnd : 2n * all - fromEnd;
}
