/**
 * Tests of uniform randomness. Every limit is one that uniform input exceeds with a probability below 10^-9.
 * @module
 */

/** ln of the reciprocal of that probability. */
const NATS = Math.log(1e9);

/**
 * Pearson's chi-square of counts against equal ones, as a fraction of its limit: below 1 passes.
 * @source limit: Laurent and Massart (2000), lemma 1: P(X ≥ k + 2√(kx) + 2x) ≤ e^-x.
 */
export function chiSquare(values: ArrayLike<number>, cells: number): number {
  const counts = new Float64Array(cells);
  for (let i = 0; i < values.length; i++) counts[values[i]!] = counts[values[i]!]! + 1;
  const expected = values.length / cells;
  const statistic = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  const k = cells - 1;
  return statistic / (k + 2 * Math.sqrt(k * NATS) + 2 * NATS);
}

/**
 * Kolmogorov's distance of values below 2^bits to the uniform distribution, as a fraction of its limit.
 * @source limit: Massart (1990), P(D > ε) ≤ 2·e^(−2Nε²); a lattice of 2^bits values adds 2^−bits.
 */
export function kolmogorov(values: ArrayLike<number>, bits: number): number {
  const sorted = Float64Array.from(values, (value) => value / 2 ** bits).sort();
  const n = sorted.length;
  const distance = sorted.reduce((worst, x, i) => Math.max(worst, Math.abs(x - i / n), Math.abs(x - (i + 1) / n)), 0);
  return distance / (Math.sqrt((NATS + Math.LN2) / (2 * n)) + 2 ** -bits);
}

/** Pearson's correlation of two vectors as a fraction of its limit: 6.2 standard deviations of 1/√N. */
export function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const n = a.length;
  const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((sum, x) => sum + x, 0) / n;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const [x, y] = [a[i]! - meanA, b[i]! - meanB];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  // a constant vector tells everything
  return aa === 0 || bb === 0 ? Number.POSITIVE_INFINITY : Math.abs(ab / Math.sqrt(aa * bb)) / (6.2 / Math.sqrt(n));
}

/** Rank over GF(2) of byte strings as rows of bits: at most as many as the bits that they are linear functions of. */
export function rankOf(rows: readonly Uint8Array[]): number {
  const pivots = new Map<number, bigint>();
  for (const bytes of rows) {
    let row = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
    while (row !== 0n) {
      const lead = row.toString(2).length;
      const pivot = pivots.get(lead);
      if (pivot === undefined) {
        pivots.set(lead, row);
        break;
      }
      row ^= pivot;
    }
  }
  return pivots.size;
}

/**
 * Whether seeds of 32 bytes may have 128 bits of entropy each: all different in every 8 bytes, no linear function of
 * fewer than 128 bits, every byte and every bit balanced. At least 300 of them.
 */
export function lookRandom(seeds: readonly Uint8Array[]): boolean {
  const parts = seeds.flatMap((seed) =>
    [0, 8, 16, 24].map((at) => Buffer.from(seed.subarray(at, at + 8)).toString('hex')),
  );
  if (seeds.some(({ length }) => length !== 32) || new Set(parts).size !== parts.length) return false;
  if (rankOf(seeds) < 256 - 16) return false; // 300 uniform rows lack 16 dimensions with probability below 2^-800
  const ones = Array.from(
    { length: 256 },
    (_, bit) => seeds.filter((seed) => (seed[bit >> 3]! >> (bit & 7)) & 1).length,
  );
  const isBalanced = ones.every((count) => Math.abs(count - seeds.length / 2) < 6.5 * Math.sqrt(seeds.length / 4));
  return isBalanced && chiSquare(Buffer.concat(seeds), 256) < 1;
}
