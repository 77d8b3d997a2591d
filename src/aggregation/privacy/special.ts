/**
 * Tails of the normal distribution, to a relative error of about 2^-45 even where they are tiny.
 * @module
 */

const CONTINUED_FROM = 2;

/** exp(x²)·erfc(x) for x ≥ {@link CONTINUED_FROM}: Laplace's continued fraction, bottom up. 120 levels give 2^-50 at x = 2. */
function scaledErfc(x: number): number {
  let tail = 0;
  for (let k = 120; k >= 1; k--) tail = (0.5 * k) / (x + tail);
  return 1 / (Math.sqrt(Math.PI) * (x + tail));
}

/** erf(x) for |x| < {@link CONTINUED_FROM}: 2/√π·exp(−x²)·Σ 2^k·x^(2k+1)/(2k+1)!!, whose terms have one sign (DLMF 7.6.2). */
function erfSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let k = 1; Math.abs(term) > 2 ** -56 * Math.abs(sum); k++) {
    term *= (2 * x * x) / (2 * k + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** log Pr[N(0, 1) > t], for any finite t. */
export function logNormalAbove(t: number): number {
  const x = t / Math.SQRT2;
  if (x >= CONTINUED_FROM) return Math.log(scaledErfc(x) / 2) - x * x;
  return x > -CONTINUED_FROM ? Math.log1p(-erfSeries(x)) - Math.LN2 : Math.log1p(-Math.exp(logNormalAbove(-t)));
}

/** Pr[N(0, 1) > t]. */
export function normalAbove(t: number): number {
  return Math.exp(logNormalAbove(t));
}

/** Smallest x in [low, high] (to within 2^-52 of it) where the decreasing `f` is ≤ `target`; `high` when there is none. */
export function solveDecreasing(f: (x: number) => number, target: number, low: number, high: number): number {
  if (f(low) <= target) return low;
  for (let [a, b] = [low, high]; ; ) {
    const middle = a + (b - a) / 2;
    if (middle <= a || middle >= b) return b;
    if (f(middle) <= target) b = middle;
    else a = middle;
  }
}
