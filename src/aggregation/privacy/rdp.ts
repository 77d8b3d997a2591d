/**
 * Rényi differential privacy: a bound for every order α on how far apart two neighbouring results can be; bounds of several
 * releases add up, and the sum gives ε at any δ.
 * @module
 * @source Mironov, "Rényi differential privacy" (CSF 2017); per mechanism at each function.
 */
import type { CountedEvent, PrivacyEvent } from './events.ts';

/** Orders at which bounds are kept: dense where the best one usually lies; whole ones are what the Skellam theorem is for. */
export const RDP_ORDERS: readonly number[] = [
  ...Array.from({ length: 99 }, (_, i) => 1.01 + i / 100).filter((_, i) => i % 7 === 0),
  ...Array.from({ length: 80 }, (_, i) => 2 + i / 10),
  ...Array.from({ length: 118 }, (_, i) => 10 + i),
  ...[160, 192, 256, 384, 512, 1_024],
];

/** ε(α) of the Gaussian mechanism, α/(2z²) (Mironov 2017, corollary 3). */
export function gaussianRdp(noiseMultiplier: number, order: number): number {
  return order / (2 * noiseMultiplier * noiseMultiplier);
}

/**
 * ε(α) of the Gaussian mechanism under Poisson sampling, of adding or removing a unit: log(A_α)/(α − 1).
 *
 * Whole α: A_α = Σ_k C(α, k)(1 − q)^(α−k) q^k exp(k(k − 1)/2z²), all terms positive. Others: the integral that it stands
 * for, E[(1 − q + q·exp((2x − 1)/2z²))^α] for x ~ N(0, z²), by the trapezoidal rule; the integrand has no pole within πz²
 * of the real line, so a step of min(z/6, z²/2) leaves a relative error below e^−35.
 * @source Mironov, Talwar, Zhang, "Rényi differential privacy of the sampled Gaussian mechanism" (2019), sections 3.2 and 3.3.
 */
export function sampledGaussianRdp(noiseMultiplier: number, rate: number, order: number): number {
  if (rate === 0) return 0;
  if (rate === 1) return gaussianRdp(noiseMultiplier, order);
  const z = noiseMultiplier;
  return (Number.isInteger(order) ? logBinomialSum(z, rate, order) : logIntegral(z, rate, order)) / (order - 1);
}

function logBinomialSum(z: number, rate: number, order: number): number {
  const terms: number[] = [];
  let logChoose = 0;
  for (let k = 0; k <= order; k++) {
    terms.push(logChoose + (order - k) * Math.log1p(-rate) + k * Math.log(rate) + (k * (k - 1)) / (2 * z * z));
    logChoose += Math.log((order - k) / (k + 1));
  }
  return logSum(terms);
}

function logIntegral(z: number, rate: number, order: number): number {
  const step = Math.min(z / 6, (z * z) / 2);
  // the integrand is at most a normal density around 0 plus, e^(α(α−1)/2z²) times, one around α
  const [low, high] = [-12 * z, order + 12 * z];
  const terms: number[] = [];
  for (let x = low; x <= high; x += step) {
    const shift = (2 * x - 1) / (2 * z * z);
    const mixture =
      shift > 0 ? shift + Math.log(rate + (1 - rate) * Math.exp(-shift)) : Math.log1p(rate * Math.expm1(shift));
    terms.push(order * mixture - (x * x) / (2 * z * z));
  }
  return logSum(terms) + Math.log(step / (z * Math.sqrt(2 * Math.PI)));
}

function logSum(logs: readonly number[]): number {
  const largest = logs.reduce((a, b) => Math.max(a, b));
  return largest + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - largest), 0));
}

/**
 * ε(α) of Skellam noise of variance μ: αΔ₂²/2μ + min(((2α − 1)Δ₂² + 6Δ₁)/4μ², 3Δ₁/2μ) for whole α. In between, the chord
 * of (α − 1)ε(α), which is the logarithm of a moment and so convex.
 * @param l1 - Δ₁; unless known, {@link largestL1}.
 * @source Agarwal, Kairouz, Liu, "The Skellam mechanism for differentially private federated learning" (2021), theorem 3.5.
 */
export function skellamRdp(variance: number, l2: number, l1: number, order: number): number {
  const whole = (a: number): number => {
    const quadratic = ((2 * a - 1) * l2 * l2 + 6 * l1) / (4 * variance * variance);
    return (a * l2 * l2) / (2 * variance) + Math.min(quadratic, (3 * l1) / (2 * variance));
  };
  const below = Math.floor(order);
  if (below === order) return whole(order);
  const part = order - below;
  return ((1 - part) * (below - 1) * whole(below) + part * below * whole(below + 1)) / (order - 1);
}

/** Largest L1 norm of `dimension` integers of L2 norm `l2`: √d·Δ₂, and Δ₂² since |k| ≤ k². */
export function largestL1(l2: number, dimension: number): number {
  return Math.min(Math.sqrt(dimension) * l2, l2 * l2);
}

/**
 * ε(α) of a sum of n discrete Gaussian numbers of variance σ² each:
 * min(αΔ₂²/2nσ² + τd, α/2·(Δ₂/√n·σ + τ√d)²), τ = 10·Σ_{k<n} exp(−2π²σ²k/(k + 1)).
 * @source Kairouz, Liu, Steinke, "The distributed discrete Gaussian mechanism for federated learning with secure
 *   aggregation" (ICML 2021), sums of discrete Gaussians.
 */
export function distributedDiscreteGaussianRdp(
  event: Extract<PrivacyEvent, { kind: 'discrete_gaussian' }>,
  order: number,
): number {
  const { shareVariance, shares, l2, dimension } = event;
  let tau = 0;
  for (let k = 1; k < shares; k++) tau += 10 * Math.exp((-2 * Math.PI ** 2 * shareVariance * k) / (k + 1));
  const relative = l2 / Math.sqrt(shares * shareVariance);
  const direct = (order * relative ** 2) / 2 + tau * dimension;
  return Math.min(direct, (order / 2) * (relative + tau * Math.sqrt(dimension)) ** 2);
}

/**
 * ε(α) of any ε-differentially private release: that of randomised response, which is the worst of them,
 * log(p^α·q^(1−α) + q^α·p^(1−α))/(α − 1) with p = e^ε/(1 + e^ε), q = 1 − p.
 * @source Kairouz, Oh, Viswanath, "The composition theorem for differential privacy" (ICML 2015), theorem 3.1, that nothing
 *   is worse; Mironov 2017, table II, for the value.
 */
export function pureRdp(epsilon: number, order: number): number {
  // = log((e^(αε) + e^((1−α)ε))/(1 + e^ε))/(α − 1), without large powers
  const log = (order - 1) * epsilon + Math.log1p(Math.exp((1 - 2 * order) * epsilon)) - Math.log1p(Math.exp(-epsilon));
  return Math.max(0, Math.min(epsilon, log / (order - 1)));
}

/** ε(α) of one event, up to its chance of failure δ if it has one. */
export function rdpOf(event: PrivacyEvent, order: number): number {
  switch (event.kind) {
    case 'gaussian':
      return gaussianRdp(event.noiseMultiplier, order);
    case 'sampled_gaussian':
      return sampledGaussianRdp(event.noiseMultiplier, event.rate, order);
    case 'skellam':
      return skellamRdp(event.variance, event.l2, largestL1(event.l2, event.dimension), order);
    case 'discrete_gaussian':
      return distributedDiscreteGaussianRdp(event, order);
    case 'approximate':
      return pureRdp(event.epsilon, order);
  }
}

/**
 * Smallest ε ≥ 0 that the bounds at {@link RDP_ORDERS} give at `delta`:
 * min over α of Σ ε(α) + log((α − 1)/α) − (log δ + log α)/(α − 1).
 * @param orders - All above 1.
 * @source Canonne, Kamath, Steinke, "The discrete Gaussian for differential privacy" (NeurIPS 2020), proposition 12.
 */
export function rdpEpsilon(
  events: readonly CountedEvent[],
  delta: number,
  orders: readonly number[] = RDP_ORDERS,
): number {
  if (events.length === 0) return 0;
  let best = Number.POSITIVE_INFINITY;
  for (const order of orders) {
    const rdp = events.reduce((sum, { event, count }) => sum + count * rdpOf(event, order), 0);
    // a NaN (0 noise times 0 sensitivity) must not look private
    const epsilon = rdp + Math.log1p(-1 / order) - (Math.log(delta) + Math.log(order)) / (order - 1);
    if (epsilon < best) best = Math.max(0, epsilon);
  }
  return best;
}
