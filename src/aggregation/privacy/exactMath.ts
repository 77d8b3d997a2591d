/**
 * Probabilities to as many binary digits as a sampler asks for, in integer arithmetic only.
 *
 * Slow (microseconds to seconds); samplers come here about once in 2^43 decisions, when double precision cannot tell.
 * @module
 */

/** Working digits beyond those asked for; the errors below use up fewer than half of them. */
const GUARD_BITS = 128n;

/** A finite double as an exact fraction `numerator / 2^shift`. */
export function dyadic(value: number): { readonly numerator: bigint; readonly shift: bigint } {
  let shift = 0n;
  let scaled = value;
  while (!Number.isInteger(scaled)) {
    scaled *= 2; // exact: only the exponent changes
    shift++;
  }
  return { numerator: BigInt(scaled), shift };
}

/**
 * floor-like value of exp(−numerator/denominator)·2^bits; the truth lies in [result − 1, result + 1].
 *
 * Taylor's series at x/2^k < 2^-16, then k squarings, each of which at most doubles the relative error: below
 * 2^(k + 8) units of 2^-(bits + 128), where k ≤ 80 for every exponent that a sampler meets.
 * @param numerator - ≥ 0. @param denominator - > 0.
 */
export function expNegative(numerator: bigint, denominator: bigint, bits: bigint): bigint {
  const work = bits + GUARD_BITS;
  const whole = numerator / denominator;
  if (whole > bits) return 0n; // e^-x < 2^-bits
  const squarings = BigInt(whole.toString(2).length) + 16n;
  const x = (numerator << (work - squarings)) / denominator;
  let term = 1n << work;
  let sum = term;
  for (let k = 1n; term !== 0n; k++) {
    term = (-term * x) / (k << work);
    sum += term;
  }
  for (let k = 0n; k < squarings; k++) sum = (sum * sum) >> work;
  return sum >> GUARD_BITS;
}

/**
 * I_y(μ)/I_0(μ)·2^bits for y = 0, 1, …, `last`, where μ = numerator/2^shift; each within 1 of the truth.
 *
 * The ratios r_j = I_{j+1}/I_j fulfil r_{j−1} = 1/(2j/μ + r_j) with r in (0, 1). Run downwards, an error in r_j shrinks by
 * r_{j−1}², so starting from r = 0 far enough above gives every digit (Miller's method). Amos (1974) bounds r_j above by
 * μ/(j + ½ + √((j + ½)² + μ²)), which says how far.
 * @param keep - Called with y and the value, for y upwards.
 */
export function besselRatios(
  numerator: bigint,
  shift: bigint,
  last: number,
  bits: bigint,
  keep: (y: number, value: bigint) => void,
): void {
  const work = bits + GUARD_BITS;
  const mu = Number(numerator) / 2 ** Number(shift);
  let start = last;
  for (let digits = 0; digits < Number(work) + 8; start++) {
    const half = start + 0.5;
    digits -= 2 * Math.log2(mu / (half + Math.hypot(half, mu)));
  }
  const ratios: bigint[] = [];
  let ratio = 0n;
  for (let j = start; j >= 1; j--) {
    // r_{j−1} = μ/(2j + μ·r_j), all times 2^work
    ratio = (numerator << (2n * work)) / (((2n * BigInt(j)) << (work + shift)) + numerator * ratio);
    if (j <= last) ratios[j - 1] = ratio;
  }
  let value = 1n << work;
  keep(0, value >> GUARD_BITS);
  for (let y = 1; y <= last; y++) {
    value = (value * ratios[y - 1]!) >> work;
    keep(y, value >> GUARD_BITS);
  }
}
