/**
 * Privacy loss distributions: how the loss log(P(x)/Q(x)) is spread when x comes from P. They compose by convolution and
 * give tighter ε than Rényi bounds. Everything here is pessimistic: ε is never below the true one.
 *
 * Losses are put on a grid of step h. The mass of a loss between two grid points is shared between both such that its
 * probability under P and under Q stay what they are; that is the smallest pessimistic distribution on the grid.
 * @source Doroshenko, Ghazi, Kamath, Kumar, Manurangsi, "Connect the dots: tighter discrete approximations of privacy loss
 *   distributions" (PoPETs 2022); composition by FFT as in Koskela, Jälkö, Honkela (AISTATS 2020).
 * @module
 */
import { normalAbove } from './special.ts';

/** A distribution of losses on the grid `step`·k. */
export interface LossDistribution {
  readonly step: number;
  /** k of the first mass. */
  readonly first: number;
  readonly masses: Float64Array;
  /** Probability of an infinite loss. */
  readonly infinite: number;
}

/** P as a density over the real line and its loss, increasing in x. */
interface ContinuousLoss {
  density(x: number): number;
  loss(x: number): number;
  /** The inverse of `loss`; infinite where it has none. */
  inverse(loss: number): number;
  /** Nearly all of P is in [low, high]; both tails together have at most `tails`. */
  readonly low: number;
  readonly high: number;
  readonly tails: number;
}

/** Deviations of a normal density that are looked at; what is beyond has probability 1e-21. */
const REACH = 9.5;
/** Gauss–Legendre nodes and weights on [−1, 1], five points: exact to degree 9. */
const NODES = [0, 0.538469310105683, -0.538469310105683, 0.906179845938664, -0.906179845938664] as const;
const WEIGHTS = [128 / 225, 0.478628670499366, 0.478628670499366, 0.236926885056189, 0.236926885056189] as const;
/** Widest piece, in deviations, that one set of nodes integrates; the error is then below 2^-45 of the piece. */
const PIECE = 0.125;

/**
 * The Gaussian mechanism with noise of `noiseMultiplier` sensitivities, each unit taking part with probability `rate`.
 * @param direction - Whether P is the data with the unit ('remove' it to get Q) or without it ('add').
 * @source densities: Mironov, Talwar, Zhang (2019); both directions are needed since neither dominates (Zhu, Dong, Wang 2022).
 */
export function sampledGaussianLoss(
  noiseMultiplier: number,
  rate: number,
  direction: 'add' | 'remove',
  step: number,
): LossDistribution {
  const m = 1 / noiseMultiplier; // distance of the two normals in deviations
  const normal = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
  // log(1 − q + q·e^t) and its inverse
  const mix = (t: number): number =>
    t > 0 ? t + Math.log(rate + (1 - rate) * Math.exp(-t)) : Math.log1p(rate * Math.expm1(t));
  const unmix = (loss: number): number =>
    loss > 30 ? loss + Math.log1p(-(1 - rate) * Math.exp(-loss)) - Math.log(rate) : Math.log1p(Math.expm1(loss) / rate);
  const bounds = { low: -REACH, high: REACH + m, tails: 2 * normalAbove(REACH) };
  if (direction === 'remove')
    return fromContinuous(
      {
        ...bounds,
        density: (x) => (1 - rate) * normal(x) + rate * normal(x - m),
        loss: (x) => mix(m * x - (m * m) / 2),
        inverse: (loss) => (unmix(loss) + (m * m) / 2) / m,
      },
      step,
    );
  // x mirrored, so that the loss increases
  return fromContinuous(
    {
      ...bounds,
      density: normal,
      loss: (x) => -mix(-m * x - (m * m) / 2),
      inverse: (loss) => -(unmix(-loss) + (m * m) / 2) / m,
    },
    step,
  );
}

function fromContinuous(of: ContinuousLoss, step: number): LossDistribution {
  const { low, high } = of;
  const first = Math.floor(of.loss(low) / step);
  const last = Math.ceil(of.loss(high) / step);
  const masses = new Float64Array(last - first + 1);
  // x of a grid point; unmixing gives NaN below the smallest loss there is
  const edge = (k: number): number => {
    const x = of.inverse(k * step);
    return Math.min(high, Math.max(low, Number.isNaN(x) ? (k * step < of.loss(low) ? low : high) : x));
  };
  let from = low;
  for (let k = first; k < last; k++) {
    const to = edge(k + 1);
    const pieces = Math.max(1, Math.ceil((to - from) / PIECE));
    for (let piece = 0; piece < pieces; piece++) {
      const half = (to - from) / pieces / 2;
      const centre = from + (2 * piece + 1) * half;
      for (let node = 0; node < NODES.length; node++) {
        const x = centre + half * NODES[node]!;
        share(masses, k - first, half * WEIGHTS[node]! * of.density(x), of.loss(x) - k * step, step);
      }
    }
    from = to;
  }
  return { step, first, masses, infinite: of.tails };
}

/** Shares `mass` at `above` (in [0, h]) over grid point k between k and k + 1, keeping Σ mass and Σ mass·e^−loss. */
function share(masses: Float64Array, k: number, mass: number, above: number, step: number): void {
  const up = Math.min(1, Math.max(0, Math.expm1(-above) / Math.expm1(-step)));
  masses[k]! += mass * (1 - up);
  masses[k + 1]! += mass * up;
}

/**
 * Of two distributions over the same finite set.
 * @param losses - log(P/Q) of each point, +∞ where Q has none. @param probabilities - P of each point, summing to at most 1;
 *   what is missing counts as infinite loss.
 */
export function discreteLoss(
  losses: ArrayLike<number>,
  probabilities: ArrayLike<number>,
  step: number,
): LossDistribution {
  let [low, high, total] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (let i = 0; i < losses.length; i++) {
    if (losses[i] === Number.POSITIVE_INFINITY) continue;
    low = Math.min(low, losses[i]!);
    high = Math.max(high, losses[i]!);
    total += probabilities[i]!;
  }
  const first = Math.floor(low / step);
  const masses = new Float64Array(Math.max(0, Math.floor(high / step) - first + 2));
  for (let i = 0; i < losses.length; i++) {
    if (losses[i] === Number.POSITIVE_INFINITY) continue;
    const k = Math.floor(losses[i]! / step);
    share(masses, k - first, probabilities[i]!, losses[i]! - k * step, step);
  }
  return { step, first, masses, infinite: Math.max(0, 1 - total) };
}

/** Smallest ε ≥ 0 with δ(ε) ≤ `delta`; infinite when an infinite loss is likelier than that. */
export function lossEpsilon({ step, first, masses, infinite }: LossDistribution, delta: number): number {
  // from the largest loss down: A = Σ p_j and R = Σ p_j·e^(ℓ_i − ℓ_j) over ℓ_j > ℓ_i, so that δ(ℓ_i) = ∞ + A − R
  const target = delta - infinite;
  if (!(target > 0)) return Number.POSITIVE_INFINITY;
  let [above, reduced] = [0, 0];
  for (let i = masses.length - 1; i >= 0; i--) {
    if (i + 1 < masses.length) {
      above += masses[i + 1]!;
      reduced = (reduced + masses[i + 1]!) * Math.exp(-step);
    }
    if (above - reduced > target) return Math.max(0, (first + i) * step + Math.log((above - target) / reduced));
    if ((first + i) * step <= 0) return 0;
  }
  return 0;
}

/** δ(ε): infinite losses and, of each loss ℓ above ε, 1 − e^(ε − ℓ). */
export function lossDelta({ step, first, masses, infinite }: LossDistribution, epsilon: number): number {
  let delta = infinite;
  for (let i = Math.max(0, Math.floor(epsilon / step) - first); i < masses.length; i++) {
    const above = (first + i) * step - epsilon;
    if (above > 0) delta -= masses[i]! * Math.expm1(-above);
  }
  return Math.min(1, delta);
}
