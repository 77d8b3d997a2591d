/**
 * How much noise a budget buys: the quieter one of discrete Laplace and discrete Gaussian noise for all numbers of a query,
 * and what an accountant is to charge.
 * @source Dwork, Roth, "The algorithmic foundations of differential privacy" (2014), theorems 3.6, 3.14; Canonne, Kamath,
 *   Steinke, "The discrete Gaussian for differential privacy" (NeurIPS 2020), for both noises on integers.
 * @module
 */
import {
  DiscreteLaplace,
  dyadic,
  type ExactScale,
  epsilonOf,
  laplaceTail,
  NoiseSampler,
  normalAbove,
  type PrivacyEvent,
  solveDecreasing,
} from '../../aggregation/index.ts';
import type { RandomBytes } from '../../crypto/index.ts';

/** Noise of one whole number. */
export type Noise =
  | { readonly kind: 'discrete_laplace'; readonly scale: ExactScale }
  | { readonly kind: 'discrete_gaussian'; readonly variance: number };

/** What is to be released within which budget. */
export interface NoiseRequest {
  readonly epsilon: number;
  /** In [0, 1). */
  readonly delta: number;
  /** Groups that one person is in at most. */
  readonly maxGroups: number;
  /** Sensitivity of each number, whole. */
  readonly sensitivities: readonly number[];
  /** Places (quantiles) besides. */
  readonly places: number;
  /** Whether groups are shown by a threshold, which takes δ. */
  readonly hasThreshold: boolean;
}

export interface NoiseSplit {
  /** Of each number, in the order of the sensitivities. */
  readonly noises: readonly Noise[];
  /** ε of each place in each group, as a fraction. */
  readonly placeEpsilon: ExactScale;
  /** Chance that the threshold may show somebody; 0 without one. */
  readonly thresholdDelta: number;
  /** What the query costs. */
  readonly events: readonly PrivacyEvent[];
}

/** Variances that the sampler of Gaussian noise serves. */
const VARIANCES = { smallest: 2 ** -10, largest: 2 ** 60 };
/** Multipliers that are tried; more noise than that is no answer. */
const MULTIPLIERS = { smallest: 2 ** -6, largest: 1e6 };

/** ε is split evenly over all releases. */
export function splitBudget(request: NoiseRequest): NoiseSplit {
  const { epsilon, delta, maxGroups, sensitivities, places, hasThreshold } = request;
  const releases = BigInt(sensitivities.length + places);
  const { numerator, shift } = dyadic(epsilon);
  const groups = BigInt(maxGroups);
  // ε/(releases·groups), exactly
  const placeEpsilon = { numerator, denominator: (releases * groups) << shift };
  const share = epsilon / Number(releases);
  const shared = (count: number): PrivacyEvent[] =>
    Array.from({ length: count }, () => ({ kind: 'approximate', epsilon: share, delta: 0 }));
  const failure = (chance: number): PrivacyEvent[] =>
    chance > 0 ? [{ kind: 'approximate', epsilon: 0, delta: chance }] : [];
  const gaussianDelta = hasThreshold ? delta / 2 : 0;
  const gaussian = (multiplier: number): PrivacyEvent[] => {
    const variance = multiplier * multiplier;
    const one: PrivacyEvent = { kind: 'discrete_gaussian', shareVariance: variance, shares: 1, l2: 1, dimension: 1 };
    return [...sensitivities.map(() => one), ...shared(places), ...failure(gaussianDelta)];
  };
  const laplaceDeviation = (Math.SQRT2 * maxGroups) / share;
  const multiplier = delta > 0 && sensitivities.length > 0 ? findMultiplier(gaussian, epsilon, delta) : undefined;
  const variances = sensitivities.map((one) => ((multiplier ?? 0) * one) ** 2 * maxGroups);
  const isQuieter =
    multiplier !== undefined &&
    multiplier * Math.sqrt(maxGroups) < laplaceDeviation &&
    variances.every((variance) => variance <= VARIANCES.largest);
  if (isQuieter) {
    const noises = variances.map((variance): Noise => {
      return { kind: 'discrete_gaussian', variance: Math.max(variance, VARIANCES.smallest) };
    });
    return { noises, placeEpsilon, thresholdDelta: gaussianDelta, events: gaussian(multiplier) };
  }
  const thresholdDelta = hasThreshold ? delta : 0;
  const noises = sensitivities.map((one): Noise => {
    return {
      kind: 'discrete_laplace',
      scale: { numerator: (BigInt(one) * releases * groups) << shift, denominator: numerator },
    };
  });
  return {
    noises,
    placeEpsilon,
    thresholdDelta,
    events: [...shared(sensitivities.length + places), ...failure(thresholdDelta)],
  };
}

/** Smallest multiplier, a billionth up, with which the events are (ε, δ)-private by the accountant that will charge them. */
function findMultiplier(
  events: (multiplier: number) => PrivacyEvent[],
  epsilon: number,
  delta: number,
): number | undefined {
  const spent = (multiplier: number): number =>
    epsilonOf(
      events(multiplier).map((event) => ({ event, count: 1 })),
      delta,
    );
  const found = solveDecreasing(spent, epsilon, MULTIPLIERS.smallest, MULTIPLIERS.largest) * (1 + 1e-9);
  return spent(found) <= epsilon ? found : undefined;
}

/** Draws numbers of the noise, exactly. */
export function drawer(noise: Noise, randomBytes: RandomBytes): { draw(): bigint; wipe(): void } {
  if (noise.kind === 'discrete_laplace') return new DiscreteLaplace(noise.scale, randomBytes);
  const sampler = new NoiseSampler('discrete_gaussian', noise.variance, randomBytes);
  return { draw: () => BigInt(sampler.draw()), wipe: () => sampler.wipe() };
}

/** Deviation in steps; for Laplace noise that of the continuous one, which is a little larger. */
export function deviationOf(noise: Noise): number {
  return noise.kind === 'discrete_laplace' ? Math.SQRT2 * scaleOf(noise.scale) : Math.sqrt(noise.variance);
}

/**
 * A whole t with Pr[|noise| > t] ≤ `chance`, nearly the smallest.
 * @source for Gaussian noise: Canonne, Kamath, Steinke 2020, proposition 25: Pr[Y ≥ t + 1] ≤ Pr[N(0, σ²) ≥ t].
 */
export function halfWidth(noise: Noise, chance: number): number {
  if (noise.kind === 'discrete_gaussian') {
    const deviations = solveDecreasing(normalAbove, chance / 2, 0, 40);
    return Math.ceil(Math.sqrt(noise.variance) * deviations * (1 + 1e-9));
  }
  const scale = scaleOf(noise.scale);
  // Pr[Y ≥ t + 1] = q^(t+1)/(1 + q) ≤ chance/2
  const least = scale * Math.log(laplaceTail(scale, 0) / (chance / 2));
  return Math.max(0, Math.ceil(least * (1 + 1e-9)) - 1);
}

/** Of people in a group, at which it is shown: one person alone passes with a chance of at most `chance`. */
export function thresholdOf(noise: Noise, chance: number): number {
  // 1 + Y ≥ t + 2 when Y > t, on one side of two
  return halfWidth(noise, 2 * chance) + 2;
}

const scaleOf = ({ numerator, denominator }: ExactScale): number => {
  // both may be beyond doubles: their quotient to 60 digits is not
  const surplus = BigInt(Math.max(0, denominator.toString(2).length - numerator.toString(2).length + 60));
  return Number((numerator << surplus) / denominator) / 2 ** Number(surplus);
};
