/**
 * Distribution functions behind tests and intervals: gamma, beta, chi-square, Student and Kolmogorov.
 * @module
 */
import { normalAbove, solveDecreasing } from '../../../src/aggregation/privacy/special.ts';

/** Terms or levels after which a series or continued fraction has long converged. */
const MOST_TERMS = 10_000;
const EPSILON = 2 ** -52;
/** In place of a zero denominator, as Lentz's method has it. */
const TINY = 1e-300;

/** Lanczos coefficients for g = 7 and nine terms; relative error below 1e-14. @source Godfrey's table of Lanczos (1964). */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
] as const;

/** ln Γ(x) for x > 0. */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const shifted = x - 1;
  let sum: number = LANCZOS[0];
  for (let i = 1; i < LANCZOS.length; i++) sum += LANCZOS[i]! / (shifted + i);
  const t = shifted + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(sum);
}

/** Lentz's continued fraction b0 + a1/(b1 + a2/(b2 + …)). */
function continuedFraction(b0: number, term: (i: number) => readonly [a: number, b: number]): number {
  let value = b0 === 0 ? TINY : b0;
  let [c, d] = [value, 0];
  for (let i = 1; i < MOST_TERMS; i++) {
    const [a, b] = term(i);
    d = b + a * d || TINY;
    c = b + a / c || TINY;
    d = 1 / d;
    value *= c * d;
    if (Math.abs(c * d - 1) < EPSILON) break;
  }
  return value;
}

/** Q(a, x) = Γ(a, x)/Γ(a), the upper regularised gamma function; a > 0, x ≥ 0. @source DLMF 8.7.1, 8.9.2. */
export function gammaAbove(a: number, x: number): number {
  if (x <= 0) return 1;
  const log = a * Math.log(x) - x - logGamma(a);
  if (x < a + 1) {
    let [term, sum] = [1 / a, 1 / a];
    for (let i = 1; i < MOST_TERMS && term > EPSILON * sum; i++) {
      term *= x / (a + i);
      sum += term;
    }
    return 1 - sum * Math.exp(log);
  }
  const fraction = continuedFraction(x + 1 - a, (i) => [-i * (i - a), x + 2 * i + 1 - a]);
  return Math.exp(log) / fraction;
}

/** I_x(a, b), the lower regularised beta function; a, b > 0. @source DLMF 8.17.22. */
export function betaBelow(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - betaBelow(1 - x, b, a);
  const log = a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b);
  const fraction = continuedFraction(1, (i) => {
    const m = i >> 1;
    const even = i % 2 === 0;
    return [
      even
        ? (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
        : (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)),
      1,
    ];
  });
  return Math.exp(log) / (a * fraction);
}

/** Pr[χ²_k > x]. */
export function chiSquareAbove(x: number, k: number): number {
  return gammaAbove(k / 2, x / 2);
}

/** Pr[χ'²_k(λ) > x], non-central: a Poisson mixture of central ones, summed from its middle outwards. */
export function noncentralChiSquareAbove(x: number, k: number, lambda: number): number {
  const rate = lambda / 2;
  const weight = (j: number): number => Math.exp(-rate + j * Math.log(rate || TINY) - logGamma(j + 1));
  const [from, to] = [
    Math.max(0, Math.floor(rate - 12 * Math.sqrt(rate) - 12)),
    Math.ceil(rate + 12 * Math.sqrt(rate) + 12),
  ];
  let sum = 0;
  for (let j = from; j <= to; j++) sum += (rate === 0 ? Number(j === 0) : weight(j)) * chiSquareAbove(x, k + 2 * j);
  return Math.min(1, sum);
}

/** x with Pr[χ²_k > x] = p. */
export function chiSquareQuantile(p: number, k: number): number {
  return solveDecreasing((x) => chiSquareAbove(x, k), p, 0, k + 100 * Math.sqrt(2 * k) + 2_000);
}

/** Pr[K > λ] of Kolmogorov's limiting distribution. */
export function kolmogorovAbove(lambda: number): number {
  if (lambda < 0.3) return 1; // below 1e-5 from it; the series alternates badly there
  let sum = 0;
  for (let k = 1; k < 100; k++) {
    const term = Math.exp(-2 * k * k * lambda * lambda);
    sum += k % 2 === 1 ? term : -term;
    if (term < 1e-20) break;
  }
  return Math.min(1, Math.max(0, 2 * sum));
}

/** z with Pr[N(0, 1) > z] = p, p in (0, 1). */
export function normalQuantile(p: number): number {
  return solveDecreasing(normalAbove, p, -40, 40);
}

/** Pr[T > t] for Student's distribution with `k` degrees of freedom. */
export function studentAbove(t: number, k: number): number {
  const tail = betaBelow(k / (k + t * t), k / 2, 0.5) / 2;
  return t >= 0 ? tail : 1 - tail;
}

/** t with Pr[T > t] = p, p in (0, 1/2]. */
export function studentQuantile(p: number, k: number): number {
  return solveDecreasing((t) => studentAbove(t, k), p, 0, 1e6);
}

/** Pr[X ≥ hits] of X binomial with `all` trials of chance `p`. */
export function binomialAtLeast(hits: number, all: number, p: number): number {
  if (hits <= 0) return 1;
  return hits > all ? 0 : betaBelow(p, hits, all - hits + 1);
}
