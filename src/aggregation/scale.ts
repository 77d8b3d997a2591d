/**
 * Agreement on clips before anything is masked: each pod says, for every stretch of the vector, which power of two holds
 * the largest magnitude of its update there, as one count among {@link EXPONENTS}. The counts travel in a masked vector of
 * their own. Their sum says how many pods need which power of two, not which pods, and no magnitude any closer.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import type { ClipRun } from './vectorSpec.ts';

/** 2^-32, far below a step that float32 weights notice, to 2^15. */
const LEAST = -32;
const MOST = 15;
/** The powers of two a clip is chosen from. */
export const EXPONENTS: readonly number[] = Array.from({ length: MOST - LEAST + 1 }, (_, i) => LEAST + i);

/** Slot names of the counts for `stretches` stretches, stretch by stretch, exponents ascending. */
export function rangeNames(stretches: number): string[] {
  return Array.from({ length: stretches }, (_, stretch) => EXPONENTS.map((e) => slot(stretch, e))).flat();
}

const slot = (stretch: number, exponent: number): string => `range.${stretch}.${exponent}`;

/** Least exponent of {@link EXPONENTS} with `magnitude` ≤ 2^exponent; the greatest when there is none. */
function exponentOf(magnitude: number): number {
  const exponent = EXPONENTS.find((e) => magnitude <= 2 ** e);
  return exponent ?? MOST;
}

/**
 * One pod's counts: 1 at the exponent of each stretch's largest magnitude, else 0.
 * @param lengths of the stretches; together the whole update.
 * @throws KonsilError AGG_OVERFLOW naming the first NaN or infinite coordinate.
 */
export function rangeCounts(
  update: Float32Array | Float64Array,
  lengths: readonly number[],
): Readonly<Record<string, number>> {
  checkLengths(update.length, lengths);
  const counts = Object.fromEntries(rangeNames(lengths.length).map((name) => [name, 0]));
  let at = 0;
  lengths.forEach((length, stretch) => {
    const end = at + length;
    let largest = 0;
    for (; at < end; at++) {
      const magnitude = Math.abs(update[at]!);
      if (!(magnitude < Number.POSITIVE_INFINITY))
        throw new KonsilError('AGG_OVERFLOW', `update is not finite at index ${at}`, { index: at });
      if (magnitude > largest) largest = magnitude;
    }
    counts[slot(stretch, exponentOf(largest))] = 1;
  });
  return counts;
}

function checkLengths(total: number, lengths: readonly number[]): void {
  if (lengths.reduce((sum, length) => sum + length, 0) !== total)
    throw new RangeError(`stretches must cover the ${total} coordinates of the update`);
}

/** How clips follow from counts. */
export interface ClipRule {
  /** Pods in the sum. */
  readonly pods: number;
  /**
   * Share of pods, in (0, 1], whose stretch must not be clipped at all. Below 1, single pods far out cannot coarsen
   * everybody's steps; what is clipped of theirs is counted. @default 1
   */
  readonly quantile?: number;
  /** No clip is above this; one number for all stretches, or one for each. @default Infinity */
  readonly most?: number | readonly number[];
}

/**
 * The clip of each stretch: the least power of two that enough pods fit under. Neighbours with one clip are merged.
 * @param counts sums of {@link rangeCounts}.
 * @throws KonsilError AGG_OVERFLOW when a stretch's counts do not add up to the pods: some pod sent garbage.
 */
export function agreedClips(
  counts: Readonly<Record<string, number>>,
  lengths: readonly number[],
  { pods, quantile = 1, most = Number.POSITIVE_INFINITY }: ClipRule,
): ClipRun[] {
  if (!(quantile > 0 && quantile <= 1)) throw new RangeError(`quantile must be in (0, 1], got ${quantile}`);
  const wanted = Math.ceil(quantile * pods);
  const runs: { length: number; clip: number }[] = [];
  lengths.forEach((length, stretch) => {
    const numbers = EXPONENTS.map((e) => counts[slot(stretch, e)] ?? Number.NaN);
    if (numbers.reduce((sum, count) => sum + count, 0) !== pods)
      throw new KonsilError('AGG_OVERFLOW', `ranges of stretch ${stretch} do not come from ${pods} pods`, { stretch });
    let within = 0;
    const at = numbers.findIndex((count) => (within += count) >= wanted);
    const clip = Math.min(typeof most === 'number' ? most : most[stretch]!, 2 ** EXPONENTS[at]!);
    const last = runs.at(-1);
    if (last?.clip === clip) last.length += length;
    else runs.push({ length, clip });
  });
  return runs;
}
