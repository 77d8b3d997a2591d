/**
 * How far one site can move a sum of rounded updates, and how much noise each site must add so that those who can be relied
 * on add enough.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import { type IntegerNoise, VARIANCE_LIMITS } from './distributions.ts';
import type { PrivacyEvent } from './events.ts';

/** Finer than this, rounding costs nothing any more (0.01 % of the noise at 10^9 coordinates) and sampling gets no better. */
const MOST_LEVELS = 2 ** 20;
/** Deviations of noise that a sum has room for; past it (1 in 10^23 coordinates) it would wrap, which costs use, not privacy. */
const TAIL = 10;

/** Public numbers of a noised sum; every pod computes the same from task and roster. */
export interface NoiseOptions {
  readonly noise: IntegerNoise;
  /** z: deviation of the noise that is relied on, in sensitivities; in (0, 1000]. */
  readonly noiseMultiplier: number;
  /** Coordinates of the update, ≥ 1. */
  readonly dimension: number;
  /** Pods in the sum at most. */
  readonly cohort: number;
  /** Pods without which the sum is not opened, in [1, cohort]. */
  readonly survivors: number;
  /** Of these, how many may tell others their noise, in [0, survivors). */
  readonly colluding: number;
  /** Largest magnitude that a summed word may have. */
  readonly limit: number;
}

/** What follows from them, in units of the quantised words. */
export interface NoisePlan extends NoiseOptions {
  /** Units of the clip norm: an update of that norm is `levels` units long. */
  readonly levels: number;
  /** Largest squared L2 norm of a site's rounded update, whole. */
  readonly maxSquare: number;
  /** Its root Δ₂: what one site can move the sum by. */
  readonly l2: number;
  /** Variance that each pod adds per coordinate. */
  readonly shareVariance: number;
  /** Largest magnitude of a summed word that honest pods have, up to a chance of 1e-23 a coordinate. */
  readonly sumBound: number;
}

/**
 * Largest squared norm after stochastic rounding of a vector of norm `levels`, for roundings that are drawn again until they
 * keep to it: min((c + √d)², c² + d/4 + √(2·log(1/β))·(c + √d/2)) with β = e^−½, so a draw is good with probability 1 − β
 * at least.
 * @source Kairouz, Liu, Steinke, "The distributed discrete Gaussian mechanism" (ICML 2021), conditional randomised rounding.
 */
export function roundedSquare(levels: number, dimension: number): number {
  const root = Math.sqrt(dimension);
  return Math.floor(Math.min((levels + root) ** 2, levels ** 2 + dimension / 4 + levels + root / 2));
}

/** Pods whose noise counts: survivors that do not collude. Others are on top: m of them make m/reliedOn times the variance. */
export function reliedOn({ survivors, colluding }: Pick<NoiseOptions, 'survivors' | 'colluding'>): number {
  return survivors - colluding;
}

/**
 * The finest resolution that fits the words, and the noise at it.
 * @throws KonsilError CONFIG_INVALID when nobody's noise can be relied on, or words are too narrow for the noise.
 */
export function planNoise(options: NoiseOptions): NoisePlan {
  const { noiseMultiplier: z, dimension, cohort, survivors, colluding, limit, noise } = options;
  const honest = reliedOn(options);
  if (!(honest >= 1 && survivors <= cohort))
    throw new KonsilError(
      'CONFIG_INVALID',
      `${survivors} survivors of whom ${colluding} collude leave nobody whose noise can be relied on`,
    );
  if (!(z > 0 && z <= 1_000))
    throw new KonsilError('CONFIG_INVALID', `noise multiplier must be in (0, 1000], got ${z}`);
  // both terms of the bound are proportional to Δ₂
  const room = limit / (cohort + TAIL * z * Math.sqrt(cohort / honest));
  const fits = (levels: number): boolean =>
    roundedSquare(levels, dimension) <= room * room &&
    (z * z * roundedSquare(levels, dimension)) / honest <= VARIANCE_LIMITS[noise];
  let levels = Math.floor(Math.min(MOST_LEVELS, room));
  while (levels >= 1 && !fits(levels)) levels = Math.floor(levels * 0.99);
  if (levels < 1)
    throw new KonsilError(
      'CONFIG_INVALID',
      `words up to ${limit} are too narrow for ${cohort} updates of ${dimension} coordinates with noise of ${z}; use wider ones`,
      { limit, cohort, dimension },
    );
  const maxSquare = roundedSquare(levels, dimension);
  const l2 = Math.sqrt(maxSquare);
  const shareVariance = Math.max((z * z * maxSquare) / honest, VARIANCE_LIMITS.smallest);
  return {
    ...options,
    ...{ levels, maxSquare, l2, shareVariance },
    sumBound: Math.min(limit, Math.ceil(l2 * (cohort + TAIL * z * Math.sqrt(cohort / honest)))),
  };
}

/** What an accountant charges for one sum by this plan: only the noise that is relied on. */
export function eventOf({ noise, dimension, l2, shareVariance, ...plan }: NoisePlan): PrivacyEvent {
  const shares = reliedOn(plan);
  return noise === 'skellam'
    ? { kind: 'skellam', variance: shareVariance * shares, l2, dimension }
    : { kind: 'discrete_gaussian', shareVariance, shares, l2, dimension };
}
