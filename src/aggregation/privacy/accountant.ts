/**
 * ε of a list of releases, by the tightest method that holds for it: the exact formula when all are Gaussian, privacy loss
 * distributions when some are sampled, Rényi bounds when the noise is on integers.
 * @module
 */
import { type CountedLoss, composeLosses, gridSize, MAX_GRID } from './compose.ts';
import { type CountedEvent, mergeEvents, type PrivacyEvent } from './events.ts';
import { composedMultiplier, gaussianEpsilon } from './gaussian.ts';
import { type LossDistribution, lossEpsilon, sampledGaussianLoss } from './pld.ts';
import { rdpEpsilon } from './rdp.ts';

type Continuous = Extract<PrivacyEvent, { kind: 'gaussian' | 'sampled_gaussian' }>;
type Approximate = Extract<PrivacyEvent, { kind: 'approximate' }>;
type Counted<T> = { readonly event: T; readonly count: number };

/**
 * Smallest known ε such that all `events` together are (ε, `delta`)-differentially private for adding or removing a unit;
 * infinite when one has no noise.
 * @param delta - In (0, 1).
 */
export function epsilonOf(events: readonly CountedEvent[], delta: number): number {
  const merged = mergeEvents(events).filter(({ event, count }) => count > 0 && releases(event));
  if (merged.length === 0) return 0;
  if (merged.some(({ event }) => !hasNoise(event))) return Number.POSITIVE_INFINITY;
  if (merged.every(isKind('gaussian')))
    return gaussianEpsilon(composedMultiplier(multipliers(merged as Counted<Continuous>[])), delta);
  if (merged.some(isKind('approximate'))) return approximateEpsilon(merged, delta);
  const rdp = rdpEpsilon(merged, delta);
  if (!merged.every(({ event }) => event.kind === 'gaussian' || event.kind === 'sampled_gaussian')) return rdp;
  return Math.min(rdp, pldEpsilon(merged as Counted<Continuous>[], delta));
}

/**
 * With (ε, δ) releases among others: each is an ε-private one that fails with probability δ, so all failures come off the δ
 * there is. Of the rest either Rényi bounds add up, or the ε of these releases to that of the others.
 * @source Kairouz, Oh, Viswanath 2015, theorem 3.1; Dwork, Roth 2014, theorem 3.16.
 */
function approximateEpsilon(events: readonly CountedEvent[], delta: number): number {
  const isApproximate = isKind('approximate');
  const approximate = events.filter(isApproximate) as readonly Counted<Approximate>[];
  const rest = delta - approximate.reduce((sum, { event, count }) => sum + count * event.delta, 0);
  const epsilon = approximate.reduce((sum, { event, count }) => sum + count * event.epsilon, 0);
  const others = events.filter((event) => !isApproximate(event));
  if (rest < 0 || (rest === 0 && others.length > 0)) return Number.POSITIVE_INFINITY;
  if (rest === 0) return epsilon;
  return Math.min(rdpEpsilon(events, rest), epsilon + epsilonOf(others, rest));
}

const isKind =
  (kind: PrivacyEvent['kind']) =>
  ({ event }: CountedEvent): boolean =>
    event.kind === kind;

/** Whether anything that depends on a unit comes out. */
function releases(event: PrivacyEvent): boolean {
  if (event.kind === 'sampled_gaussian') return event.rate > 0;
  if (event.kind === 'approximate') return event.epsilon > 0 || event.delta > 0;
  return event.kind === 'gaussian'
    ? event.noiseMultiplier < Number.POSITIVE_INFINITY
    : event.l2 > 0 && event.dimension > 0;
}

function hasNoise(event: PrivacyEvent): boolean {
  if (event.kind === 'skellam') return event.variance > 0;
  if (event.kind === 'approximate') return true;
  return event.kind === 'discrete_gaussian' ? event.shareVariance * event.shares > 0 : event.noiseMultiplier > 0;
}

function* multipliers(events: readonly Counted<Continuous>[]): Generator<number> {
  for (const { event, count } of events) for (let i = 0; i < count; i++) yield event.noiseMultiplier;
}

/** Grid steps per deviation of the smallest loss; the pessimism in ε is then about 1e-4 of it. */
const STEPS_PER_DEVIATION = 40;

/** ε by privacy loss distributions; infinite when they do not fit the grid. */
export function pldEpsilon(
  events: readonly { readonly event: Continuous; readonly count: number }[],
  delta: number,
): number {
  const deviation = Math.min(...events.map(({ event }) => lossDeviation(event)));
  let step = Math.min(0.05, deviation / STEPS_PER_DEVIATION);
  for (; ; step *= 2) {
    if (step > 1) return Number.POSITIVE_INFINITY;
    if (events.some(({ event }) => largestLoss(event) / step > MAX_GRID)) continue;
    const both = (['remove', 'add'] as const).map((direction) =>
      events.map(({ event, count }): CountedLoss => ({ loss: lossOf(event, direction, step), count })),
    );
    if (both.some((parts) => gridSize(parts, step) > MAX_GRID)) continue;
    return Math.max(...both.map((parts) => lossEpsilon(composeLosses(parts), delta)));
  }
}

function lossOf(event: Continuous, direction: 'add' | 'remove', step: number): LossDistribution {
  return sampledGaussianLoss(event.noiseMultiplier, rateOf(event), direction, step);
}

const rateOf = (event: Continuous): number => (event.kind === 'gaussian' ? 1 : event.rate);

/** Deviation of the loss to first order: √(χ²) = q·√(e^(1/z²) − 1), capped by that of the mechanism without sampling. */
function lossDeviation(event: Continuous): number {
  const z = event.noiseMultiplier;
  return Math.min(1 / z, rateOf(event) * Math.sqrt(Math.expm1(1 / (z * z))));
}

/** Span of the losses that the grid must hold. */
function largestLoss(event: Continuous): number {
  const m = 1 / event.noiseMultiplier;
  return 2 * (10 * m + m * m);
}
