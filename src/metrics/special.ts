/**
 * Special functions.
 * @module
 */

/** Digamma ψ(x) for x > 0. @source Abramowitz and Stegun 6.3.5 (recurrence) and 6.3.18 (asymptotic series). */
export function digamma(x: number): number {
  let shift = 0;
  let z = x;
  for (; z < 10; z++) shift -= 1 / z;
  const inverse = 1 / (z * z);
  const series =
    inverse *
    (1 / 12 -
      inverse * (1 / 120 - inverse * (1 / 252 - inverse * (1 / 240 - inverse * (1 / 132 - inverse * (691 / 32760))))));
  return shift + Math.log(z) - 1 / (2 * z) - series;
}

/** ψ(x + count) - ψ(x) = Σ 1/(x+i) for i = 0…count-1. */
export function digammaDifference(x: number, count: number): number {
  return digamma(x + count) - digamma(x);
}

/** @source Lanczos (1964) with g = 7 and nine terms (coefficients of Godfrey); relative error below 1e-14 for x > 0. */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** ln Γ(x) for x > 0. */
export function lnGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - lnGamma(1 - x);
  const z = x - 1;
  const t = z + 7.5;
  const sum = LANCZOS.reduce((total, coefficient, i) => (i === 0 ? coefficient : total + coefficient / (z + i)), 0);
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum);
}

const TERMS = 10_000;
const TINY = 1e-300;

/**
 * Regularised upper incomplete gamma function Q(a, x) for a > 0, x ≥ 0.
 * @source Press et al., Numerical Recipes, §6.2: a series for x < a + 1, else Lentz's continued fraction.
 */
export function upperGamma(a: number, x: number): number {
  if (x <= 0) return 1;
  const front = Math.exp(-x + a * Math.log(x) - lnGamma(a));
  if (x < a + 1) {
    let [term, sum] = [1 / a, 1 / a];
    for (let n = 1; n < TERMS && term > sum * 1e-17; n++) sum += term *= x / (a + n);
    return 1 - front * sum;
  }
  return front * continuedFraction(x + 1 - a, (n) => [-n * (n - a), x + 2 * n + 1 - a]);
}

/** 1 / (b₀ + a₁ / (b₁ + a₂ / (b₂ + …))) by Lentz's method. @param step - The n-th `[a, b]`. */
function continuedFraction(first: number, step: (n: number) => readonly [number, number]): number {
  let [d, c] = [1 / (first || TINY), 1 / TINY];
  let value = d;
  for (let n = 1; n < TERMS; n++) {
    const [a, b] = step(n);
    d = 1 / (a * d + b || TINY);
    c = b + a / c || TINY;
    value *= d * c;
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return value;
}

/** P(X > x) of a chi-square distribution with `degrees` > 0 degrees of freedom. */
export function chiSquareAbove(x: number, degrees: number): number {
  return upperGamma(degrees / 2, x / 2);
}

/**
 * Regularised incomplete beta function I_x(a, b).
 * @source Press et al., Numerical Recipes, §6.4.
 */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // the fraction converges fast below the mean
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(lnGamma(a + b) - lnGamma(a) - lnGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a;
  const fraction = continuedFraction(1, (n) => {
    const m = n >> 1;
    const above =
      n % 2 === 0
        ? (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
        : (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    return [above, 1];
  });
  return front * fraction;
}

/** P(T > t) of Student's distribution, t ≥ 0. */
export function studentAbove(t: number, degrees: number): number {
  return incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5) / 2;
}

/** The t with P(T ≤ t) = `probability`, in [0.5, 1), by bisection to the last digit. */
export function studentQuantile(probability: number, degrees: number): number {
  let [low, high] = [0, 1];
  while (studentAbove(high, degrees) > 1 - probability) high *= 2;
  for (let i = 0; i < 200 && high - low > 1e-15 * high; i++) {
    const middle = (low + high) / 2;
    if (studentAbove(middle, degrees) > 1 - probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
