/**
 * Real updates as integers of b bits, so that they can be masked and summed, and back.
 *
 * With C the clip of a coordinate, N the cohort, w_i = n_i/W_max ∈ (0, 1], S ≥ Σ n_i the largest total weight a sum may
 * have and H the headroom left to noise, pod i sends q_ij = round(L·w_i·x_ij/C), x clipped to [−C, C], and
 * L = ⌊(2^(b−1) − 1 − H − N)·W_max/S⌋.
 *
 * No overflow. In exact numbers |L·w_i·x/C| ≤ L·w_i. Four float64 operations make it at most L·w_i·(1 + 2^-50.9), and
 * L < 2^31, so the number to be rounded is below L·w_i + 2^-19. Rounding to nearest or stochastically moves it by less
 * than 1. So Σ|q_ij| < L·Σw_i + N·(1 + 2^-19) ≤ (2^(b−1) − 1 − H − N) + N + N·2^-19, and N ≤ 2^15 makes the last term less
 * than 1: the integer Σ|q_ij| is at most 2^(b−1) − 1 − H. The centred lift of the sum mod 2^b is therefore the exact
 * integer sum of any N or fewer pods, noise of magnitude up to H included. That Σ n_i ≤ S is checked on the exact sum of
 * weights, which travels in the same vector.
 * @source own; Bonawitz et al. (CCS 2017) take inputs already in Z_R.
 * @module
 */
import { KonsilError } from '../base/index.ts';

/** How a number between two integers becomes one of them. */
export type Rounding = 'nearest' | 'stochastic';

/** Width of a coordinate in bits. */
export const MIN_BITS = 8;
export const MAX_BITS = 32;
/** The word width of exact sums, and the default of an update. */
export const DEFAULT_BITS = 32;
/** Clips outside could overflow or underflow a float64 on the way. */
const CLIP_RANGE = [1e-100, 1e100] as const;

/** Public parameters of the quantiser; every pod and the coordinator use the same. */
export interface QuantiseParameters {
  /** Clip bound C > 0, in the update's own unit. */
  readonly clip: number;
  /** W_max: largest weight (sample count) a pod may have, integer ≥ 1. */
  readonly maxWeight: number;
  /** N: most pods a sum may have, integer ≥ 1. */
  readonly cohort: number;
  /** b, integer in [8, 32]. @default 32 */
  readonly bits?: number | undefined;
  /** @default 'nearest' */
  readonly rounding?: Rounding | undefined;
  /** S: most weight all pods of a sum have together, in [maxWeight, cohort·maxWeight]. @default cohort·maxWeight */
  readonly maxTotalWeight?: number | undefined;
  /** H: integer ≥ 0 that noise added to the words of all pods together may reach. @default 0 */
  readonly headroom?: number | undefined;
}

function checkParameters(parameters: QuantiseParameters): void {
  const { clip, cohort, maxWeight, bits = DEFAULT_BITS, rounding = 'nearest', headroom = 0 } = parameters;
  const total = parameters.maxTotalWeight ?? maxWeight * cohort;
  const need = (holds: boolean, what: string, got: number | string): void => {
    if (!holds) throw new KonsilError('CONFIG_INVALID', `${what}, got ${got}`);
  };
  need(clip >= CLIP_RANGE[0] && clip <= CLIP_RANGE[1], 'clip must be in [1e-100, 1e100]', clip);
  need(isWithin(cohort, 1, 0x8000), 'cohort must be an integer in [1, 2^15]', cohort);
  need(
    isWithin(maxWeight, 1, 0xffffffff / cohort),
    'maxWeight must be an integer in [1, (2^32 − 1)/cohort]',
    maxWeight,
  );
  need(isWithin(bits, MIN_BITS, MAX_BITS), `bits must be an integer in [${MIN_BITS}, ${MAX_BITS}]`, bits);
  need(rounding === 'nearest' || rounding === 'stochastic', 'rounding must be nearest or stochastic', rounding);
  need(isWithin(headroom, 0, 0x7fffffff), 'headroom must be an integer in [0, 2^31)', headroom);
  need(
    isWithin(total, maxWeight, maxWeight * cohort),
    'maxTotalWeight must be an integer in [maxWeight, cohort·maxWeight]',
    total,
  );
}

const isWithin = (value: number, least: number, most: number): boolean =>
  Number.isInteger(value) && value >= least && value <= most;

/** 2^(b−1) − 1 − H − N: what all pods together may fill before rounding. */
const roomOf = (bits: number, { cohort, headroom = 0 }: QuantiseParameters): number =>
  2 ** (bits - 1) - 1 - headroom - cohort;

/**
 * L, the magnitude of a full-weight word at the clip; at least one level for a pod of average weight.
 * @throws KonsilError CONFIG_INVALID, naming the smallest width that works when `bits` is too small for the cohort.
 */
export function quantiseLevels(parameters: QuantiseParameters): number {
  checkParameters(parameters);
  const { cohort, maxWeight, bits = DEFAULT_BITS } = parameters;
  const room = roomOf(bits, parameters);
  if (room < cohort) {
    const least = smallestWidth((width) => roomOf(width, parameters) >= cohort);
    throw new KonsilError(
      'CONFIG_INVALID',
      `${bits} bits a parameter are too few for a cohort of ${cohort}: ${least === null ? 'no width is enough' : `at least ${least} are needed`}`,
      { bits, cohort },
    );
  }
  const total = parameters.maxTotalWeight ?? maxWeight * cohort;
  return Number((BigInt(room) * BigInt(maxWeight)) / BigInt(total)); // BigInt: the proof needs the exact floor
}

function smallestWidth(isEnough: (bits: number) => boolean): number | null {
  for (let bits = MIN_BITS; bits <= MAX_BITS; bits++) if (isEnough(bits)) return bits;
  return null;
}

/**
 * Smallest width whose {@link quantisationBound} with all pods and all weight is at most `precision` of the clip.
 * @param precision in (0, 1), for example 1e-3.
 * @throws KonsilError CONFIG_INVALID when 32 bits are not enough.
 */
export function bitsForPrecision(parameters: QuantiseParameters, precision: number): number {
  const { cohort, maxWeight, clip } = parameters;
  const total = parameters.maxTotalWeight ?? maxWeight * cohort;
  const bits = smallestWidth((width) => {
    if (roomOf(width, parameters) < cohort) return false;
    return quantisationBound({ ...parameters, bits: width }, total, cohort) <= precision * clip;
  });
  if (bits === null)
    throw new KonsilError('CONFIG_INVALID', `no width up to 32 bits keeps a mean within ${precision} of the clip`);
  return bits;
}

/** Uniform words for stochastic rounding: `next(n)` gives n fresh ones in [0, 2^32), valid until the next call. */
export interface RandomWords {
  next(count: number): Uint32Array;
}

/** Quantises stretches of one pod's update. */
export interface Quantiser {
  /** Weight and clip in one: levels a unit of the update. */
  readonly factor: number;
  readonly clip: number;
  /** Needed for stochastic rounding, not for rounding to nearest. */
  readonly random?: RandomWords | undefined;
}

/** L·w_i. @throws KonsilError AGG_OVERFLOW for a weight that is not an integer in [1, maxWeight]. */
export function weightedLevels(weight: number, parameters: QuantiseParameters): number {
  const { maxWeight } = parameters;
  if (!isWithin(weight, 1, maxWeight))
    throw new KonsilError('AGG_OVERFLOW', `weight must be an integer in [1, ${maxWeight}], got ${weight}`, { weight });
  return quantiseLevels(parameters) * (weight / maxWeight);
}

/**
 * Quantises `update` into `words` (signed), both of one length.
 * @param at index of the first coordinate, for the error.
 * @returns how many coordinates were clipped.
 * @throws KonsilError AGG_OVERFLOW naming the first NaN or infinite coordinate.
 */
export function quantiseWords(
  update: Float32Array | Float64Array,
  words: Int32Array,
  { factor, clip, random }: Quantiser,
  at = 0,
): number {
  const uniform = random?.next(words.length);
  let clipped = 0;
  for (let i = 0; i < words.length; i++) {
    let x = update[i]!;
    if (!(x <= clip && x >= -clip)) {
      if (!Number.isFinite(x))
        throw new KonsilError('AGG_OVERFLOW', `update is not finite at index ${at + i}`, { index: at + i });
      x = x > 0 ? clip : -clip;
      clipped++;
    }
    const value = x * factor;
    if (uniform === undefined) words[i] = Math.floor(value + 0.5);
    else {
      // value − floor is exact, so an integer stays what it is and the mean is off by less than 2^-32 of a level;
      // adding without a branch, since no branch predictor guesses random numbers
      const floor = Math.floor(value);
      words[i] = floor + Math.floor(value - floor + uniform[i]! * 2 ** -32);
    }
  }
  return clipped;
}

/** Mean's unit: a sum of quantised words times this is the weighted mean. @throws KonsilError DATA_EMPTY without weight. */
export function meanUnit(parameters: QuantiseParameters, totalWeight: number): number {
  if (!(totalWeight > 0)) throw new KonsilError('DATA_EMPTY', `a mean needs a total weight > 0, got ${totalWeight}`);
  return (parameters.clip / quantiseLevels(parameters)) * (parameters.maxWeight / totalWeight);
}

/**
 * Largest |mean of what was sent − exact weighted mean of the clipped updates| of any coordinate, for float64 output.
 *
 * The mean is Σ q_i·u with u = {@link meanUnit}, and without rounding Σ q_i·u would be the exact mean; rounding to nearest
 * moves each q_i by at most 1/2, stochastic rounding by less than 1. What float64 adds is at most 2^-19 of a level a pod
 * (see the module) and a few 2^-53 of the mean.
 */
export function quantisationBound(parameters: QuantiseParameters, totalWeight: number, survivors: number): number {
  const perPod = parameters.rounding === 'stochastic' ? 1 : 0.5;
  return survivors * (perPod + 2 ** -19) * meanUnit(parameters, totalWeight) + parameters.clip * 2 ** -49;
}

/**
 * Root mean square of the same error over many coordinates, as expected: rounding errors of different pods are
 * independent; uniform in ±1/2 when rounding to nearest (variance 1/12, provided that a pod's words spread over several
 * levels), of variance f·(1 − f) for a fraction f when rounding stochastically (1/6 over uniform f).
 */
export function expectedRms(parameters: QuantiseParameters, totalWeight: number, survivors: number): number {
  const variance = parameters.rounding === 'stochastic' ? 1 / 6 : 1 / 12;
  return Math.sqrt(survivors * variance) * meanUnit(parameters, totalWeight);
}
