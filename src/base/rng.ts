/**
 * Seeded pseudo-random numbers for shuffles, splits and initial weights, where a run must be repeatable. Never for
 * anything secret: secrets come from `crypto/random.ts`.
 * @module
 */

/** A stream of uniform numbers in [0, 1); the same seed gives the same stream on every machine. */
export type Rng = () => number;

/**
 * xoshiro128** seeded by SplitMix32 over `seed` and the label, so that streams with different labels are unrelated.
 *
 * @source Blackman and Vigna, "Scrambled linear pseudorandom number generators" (2021), xoshiro128**.
 */
export function seededRng(seed: number, label = ''): Rng {
  let mix = seed >>> 0;
  for (const ch of label) mix = Math.imul(mix ^ ch.codePointAt(0)!, 0x01000193) >>> 0;
  const next32 = (): number => {
    mix = (mix + 0x9e3779b9) >>> 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  let [a, b, c, d] = [next32(), next32(), next32(), next32()];
  const rotl = (x: number, k: number): number => ((x << k) | (x >>> (32 - k))) >>> 0;
  return () => {
    const result = Math.imul(rotl(Math.imul(b, 5) >>> 0, 7), 9) >>> 0;
    const t = (b << 9) >>> 0;
    c = (c ^ a) >>> 0;
    d = (d ^ b) >>> 0;
    b = (b ^ c) >>> 0;
    a = (a ^ d) >>> 0;
    c = (c ^ t) >>> 0;
    d = rotl(d, 11);
    return result / 0x1_0000_0000;
  };
}

/** A uniformly random permutation of 0..n-1 (Fisher–Yates). */
export function permutation(n: number, rng: Rng): Uint32Array {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(rng() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** One standard normal number (Box–Muller). */
export function normal(rng: Rng): number {
  return Math.sqrt(-2 * Math.log(1 - rng())) * Math.cos(2 * Math.PI * rng());
}
