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
