/**
 * Thresholds by exact arithmetic: probabilities are fractions of big integers, compared without rounding.
 * @module
 */

export interface ReferenceThresholds {
  readonly n: number;
  readonly c: number;
  readonly k: number;
  readonly t: number;
  readonly s: number;
  readonly m: number;
}

export interface ReferenceAssumptions {
  readonly graph?: 'auto' | 'complete';
  readonly colluding?: number;
  readonly dropouts?: number;
}

const half = (x: number): number => Math.floor(x / 2);

/** Binomial coefficient; 0 outside the triangle. */
function choose(n: number, k: number): bigint {
  if (k < 0 || k > n) return 0n;
  let result = 1n;
  for (let i = 1; i <= k; i++) result = (result * BigInt(n - k + i)) / BigInt(i);
  return result;
}

/** Whether factor · Pr[Hyp(population, marked, draws) > x] ≤ 2^-bits. */
function isRareAbove(
  population: number,
  marked: number,
  draws: number,
  x: number,
  factor: number,
  bits: number,
): boolean {
  let ways = 0n;
  for (let i = x + 1; i <= Math.min(draws, marked); i++)
    ways += choose(marked, i) * choose(population - marked, draws - i);
  return ways * BigInt(factor) * 2n ** BigInt(bits) <= choose(population, draws);
}

/** Section 3. @returns null for a cohort that is refused. */
export function referenceThresholds(
  n: number,
  { graph, colluding, dropouts = 0.1 }: ReferenceAssumptions,
  least = 0,
): ReferenceThresholds | null {
  if (graph === 'complete' || n <= 32) return complete(n, colluding, least);
  const c = Math.ceil((colluding ?? 0.1) * n);
  const lost = Math.ceil(dropouts * n);
  for (let k = 4; k < n - 1 && k <= 254; k += 2) {
    const b = c + lost;
    const isConnected =
      k > b || BigInt(n * Math.max(1, n - k - 1)) * choose(n - k, b - k) * 2n ** 41n <= 2n * choose(n, b);
    if (!isConnected) continue;
    let a = 0;
    while (!isRareAbove(n - 1, c, k, a, n, 41)) a++;
    const t = half(k + 1 + a) + 1;
    if (!isRareAbove(n - 1, lost, k, k - t, n, 20)) continue;
    const s = half(n + c) + 1;
    if (Math.max(3, t, s, c + 2) <= n - lost) return { n, c, k, t, s, m: Math.max(3, t, s, c + 2, least) };
  }
  return n <= 255 ? complete(n, colluding ?? 0.1, least) : null;
}

function complete(n: number, colluding: number | undefined, least: number): ReferenceThresholds | null {
  const c = colluding === undefined ? Math.floor((n - 1) / 3) : Math.ceil(colluding * n);
  const t = half(n + c) + 1;
  if (t > n || c + 2 > n || n > 255) return null;
  return { n, c, k: n - 1, t, s: t, m: Math.max(3, t, c + 2, least) };
}
