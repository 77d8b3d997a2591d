/**
 * The two integer noises, as a sampler wants them: symmetric and log-concave, known up to a constant factor.
 *
 * Discrete Gaussian: f(y) ∝ exp(−y²/2σ²) (Canonne, Kamath, Steinke 2020). Skellam: the difference of two Poisson numbers
 * with mean μ/2 each, f(y) = e^−μ·I_|y|(μ), of variance μ (Agarwal, Kairouz, Liu 2021); a sum of Skellam numbers is one.
 * @module
 */
import { besselRatios, dyadic, expNegative } from './exactMath.ts';

/** The noises that pods can add. */
export const INTEGER_NOISES = ['skellam', 'discrete_gaussian'] as const;
export type IntegerNoise = (typeof INTEGER_NOISES)[number];

/** A symmetric log-concave distribution on the integers with its mode at 0. */
export interface IntegerDistribution {
  /** Smallest or nearly smallest y with f(y) ≤ f(0)/2; integer in [1, 2^32). */
  readonly halfWidth: number;
  /** f(y)/f(0) in double precision; |error| times 2^⌊y/halfWidth⌋ is below {@link FILTER_ERROR}. @param y - Integer ≥ 0. */
  ratio(y: number): number;
  /** f(y)/f(0)·2^bits; the truth lies within 1. @param y - Integer ≥ 0. */
  exactRatio(y: number, bits: number): bigint;
}

/** What {@link IntegerDistribution.ratio} may be wrong by; measured below 2^-49, so this is 30 times the truth. */
export const FILTER_ERROR = 2 ** -44;

/** Variances a sampler can serve: below, all is zero; above, the exact path of the Skellam noise would take minutes. */
export const VARIANCE_LIMITS = { smallest: 2 ** -10, skellam: 2 ** 44, discrete_gaussian: 2 ** 60 } as const;

/** The distribution of one coordinate's noise. @throws RangeError when `variance` is out of {@link VARIANCE_LIMITS}. */
export function distributionOf(noise: IntegerNoise, variance: number): IntegerDistribution {
  if (!(variance >= VARIANCE_LIMITS.smallest && variance <= VARIANCE_LIMITS[noise]))
    throw new RangeError(
      `variance of ${noise} must be in [${VARIANCE_LIMITS.smallest}, ${VARIANCE_LIMITS[noise]}], got ${variance}`,
    );
  return noise === 'skellam' ? skellam(variance) : discreteGaussian(variance);
}

/** Discrete Gaussian with parameter σ² = `variance`, taken as the exact fraction that the double is. */
function discreteGaussian(variance: number): IntegerDistribution {
  const { numerator, shift } = dyadic(variance);
  const halfWidth = Math.ceil(Math.sqrt(2 * Math.LN2 * variance) * (1 + 2 ** -40));
  return {
    halfWidth,
    ratio: (y) => Math.exp((-y * y) / (2 * variance)),
    exactRatio: (y, bits) => expNegative((BigInt(y) * BigInt(y)) << shift, 2n * numerator, BigInt(bits)),
  };
}

/** Below this, Debye's expansion is not good to 2^-49; a table of exact values is. Its fifth term is below 2^-60 here. */
const DEBYE_FROM = 4_096;
const TABLE_ENDS = 2 ** -90;

/** Skellam noise of variance μ. */
function skellam(mu: number): IntegerDistribution {
  const { numerator, shift } = dyadic(mu);
  const ratio = mu < DEBYE_FROM ? tableRatio(numerator, shift, mu) : debyeRatio(mu);
  let halfWidth = Math.ceil(Math.sqrt(2 * Math.LN2 * mu));
  while (ratio(halfWidth) > 0.5 - FILTER_ERROR) halfWidth++; // tails are a little heavier than a Gaussian's
  const exactRatio = (y: number, bits: number): bigint => {
    let found = 0n;
    besselRatios(numerator, shift, y, BigInt(bits), (at, value) => {
      if (at === y) found = value;
    });
    return found;
  };
  return { halfWidth, ratio, exactRatio };
}

function tableRatio(numerator: bigint, shift: bigint, mu: number): (y: number) => number {
  const table: number[] = [];
  // f(y)/f(0) falls below 2^-90 within 12 deviations and, for small μ where factorials take over, 40 more
  besselRatios(numerator, shift, Math.ceil(12 * Math.sqrt(mu)) + 40, 160n, (_y, value) => {
    const double = Number(value >> 60n) / 2 ** 100;
    if (double > TABLE_ENDS) table.push(double);
  });
  return (y) => table[y] ?? 0;
}

/** Debye's expansion of log(I_y(μ)/I_0(μ)), four terms (DLMF 10.41.3 with U_k of 10.41.10), uniform in y ≥ 0. */
function debyeRatio(mu: number): (y: number) => number {
  const atZero = debyeSum(0, mu);
  return (y) => {
    const s = Math.hypot(y, mu);
    const exponent = (y * y) / (s + mu) - y * Math.asinh(y / mu) - 0.5 * Math.log1p((y * y) / (s + mu) / mu);
    return Math.exp(exponent) * (debyeSum((y / s) ** 2, s) / atZero);
  };
}

/** Σ U_k(p)/y^k with p² = `pp` and y/p = `s`, so that y = 0 is no special case. */
function debyeSum(pp: number, s: number): number {
  const u1 = (3 - 5 * pp) / 24;
  const u2 = (81 + pp * (-462 + 385 * pp)) / 1_152;
  const u3 = (30_375 + pp * (-369_603 + pp * (765_765 - 425_425 * pp))) / 414_720;
  const u4 =
    (4_465_125 + pp * (-94_121_676 + pp * (349_922_430 + pp * (-446_185_740 + 185_910_725 * pp)))) / 39_813_120;
  return 1 + (u1 + (u2 + (u3 + u4 / s) / s) / s) / s;
}
