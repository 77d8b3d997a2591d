/**
 * Against published tables and closed forms.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { seededRng } from '../../../src/base/index.ts';
import { randomBytes } from '../../../src/crypto/index.ts';
import { aucInterval, detectableAccuracy, meanInterval, shareInterval } from './intervals.ts';
import {
  betaBelow,
  binomialAtLeast,
  chiSquareAbove,
  chiSquareQuantile,
  kolmogorovAbove,
  logGamma,
  noncentralChiSquareAbove,
  normalQuantile,
  studentQuantile,
} from './special.ts';
import { testUniformity } from './uniformity.ts';

describe('distributions', () => {
  it('are those of the tables', () => {
    expect(logGamma(10)).toBeCloseTo(Math.log(362_880), 11);
    expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.PI) / 2, 12);
    // Abramowitz and Stegun, table 26.8
    for (const [p, k, x] of [
      [0.05, 1, 3.841459],
      [0.05, 10, 18.307038],
      [0.01, 30, 50.892181],
      [0.001, 100, 149.449253],
    ] as const) {
      expect(chiSquareAbove(x, k)).toBeCloseTo(p, 7);
      expect(chiSquareQuantile(p, k)).toBeCloseTo(x, 4);
    }
    expect(chiSquareAbove(2 * 18.420681, 2)).toBeCloseTo(1e-8, 13); // e^(−x/2)
    // Smirnov (1948): 1.3581 and 1.6276 are the 5 % and 1 % points
    expect(kolmogorovAbove(1.3581)).toBeCloseTo(0.05, 5);
    expect(kolmogorovAbove(1.6276)).toBeCloseTo(0.01, 5);
    expect(normalQuantile(0.025)).toBeCloseTo(1.959963984540054, 12);
    expect(studentQuantile(0.025, 10)).toBeCloseTo(2.228139, 6);
    expect(studentQuantile(0.005, 3)).toBeCloseTo(5.840909, 5);
    expect(betaBelow(0.3, 2, 3)).toBeCloseTo(0.3483, 10); // 6x² − 8x³ + 3x⁴
    expect(binomialAtLeast(8, 10, 0.5)).toBeCloseTo(56 / 1024, 12);
  });

  it('have a non-central chi-square that is the central one at zero, and a squared shifted normal with one degree', () => {
    expect(noncentralChiSquareAbove(10, 5, 0)).toBeCloseTo(chiSquareAbove(10, 5), 12);
    // (Z + 2)² > 4: Z > 0 or Z < −4
    expect(noncentralChiSquareAbove(4, 1, 4)).toBeCloseTo(0.5 + 3.167124e-5, 8);
  });
});

describe('intervals', () => {
  it('of shares are those of Clopper and Pearson', () => {
    // 7 of 20: Newcombe (1998) and every table
    const { low, high } = shareInterval(7, 20, 0.95);
    expect([low, high].map((x) => x.toFixed(4))).toEqual(['0.1539', '0.5922']);
    expect(shareInterval(0, 10, 0.95).high).toBeCloseTo(1 - 0.025 ** 0.1, 10);
    expect(shareInterval(10, 10, 0.95).low).toBeCloseTo(0.025 ** 0.1, 10);
  });

  it('of areas and means cover what they should as often as they say', () => {
    const rng = seededRng(5, 'coverage');
    let [areas, means] = [0, 0];
    for (let i = 0; i < 400; i++) {
      const [a, b] = [Array.from({ length: 40 }, rng), Array.from({ length: 50 }, rng)];
      const area = aucInterval(a, b, 0.9);
      if (area.low <= 0.5 && area.high >= 0.5) areas++;
      const mean = meanInterval(a, 0.9);
      if (mean.low <= 0.5 && mean.high >= 0.5) means++;
    }
    for (const share of [areas / 400, means / 400]) expect(Math.abs(share - 0.9)).toBeLessThan(0.06); // 4 deviations
    expect(aucInterval([2, 3], [0, 1], 0.95)).toMatchObject({ value: 1, high: 1, low: shareInterval(2, 2, 0.95).low });
  });

  it('say what they would have shown', () => {
    const accuracy = detectableAccuracy(200, 1 - 1e-8);
    // normal approximation: 1/2 + (5.73 + 1.645·√(4pq))/(2√200)
    expect(accuracy).toBeGreaterThan(0.73);
    expect(accuracy).toBeLessThan(0.77);
    expect(detectableAccuracy(10, 1 - 1e-8)).toBe(1);
  });
});

const random = (count: number): Uint8Array[] => Array.from({ length: count }, () => randomBytes(256));
const lowest = (vectors: readonly Uint8Array[]): number => Math.min(...testUniformity(vectors, 1e-8).map(({ p }) => p));

describe('uniformity', () => {
  it('passes the system’s random bytes', () => {
    expect(lowest(random(300))).toBeGreaterThan(1e-8);
  });

  it.each<[string, (vectors: Uint8Array[]) => Uint8Array[], string]>([
    ['one bit that is stuck', (all) => all.map((v) => v.with(77, v[77]! | 4)), 'each bit'],
    [
      'a top bit that is often clear',
      (all) => all.map((v, i) => v.map((b, at) => (at % 4 === 3 && i % 2 === 0 ? b & 127 : b))),
      'distribution',
    ],
    ['bytes without one value', (all) => all.map((v) => v.map((b) => (b === 7 ? 8 : b))), 'values of bytes'],
    ['words that repeat', (all) => all.map((v) => v.map((b, i) => (i % 8 < 4 ? b : v[i - 4]!))), 'correlation'],
    [
      'masks that are used twice',
      (all) => all.map((_, i) => all[i - (i % 2)]!.map((b, at) => (at % 4 === 0 ? b ^ (i & 3) : b))),
      'differences',
    ],
  ])('finds %s', (_name, spoil, test) => {
    const found = testUniformity(spoil(random(300)), 1e-8).filter(({ p }) => p < 1e-8);
    expect(found.map((one) => one.test).join()).toContain(test);
  });

  it('finds a deviation of the size it says, nearly always', () => {
    const detectable = testUniformity(random(300), 1e-8)[0]!.detectable;
    const rng = seededRng(3, 'power');
    let found = 0;
    for (let i = 0; i < 40; i++) {
      const biased = random(300).map((v) => v.with(9, (v[9]! & 254) | Number(rng() < 0.5 + detectable)));
      if (testUniformity(biased, 1e-8)[0]!.p < 1e-8) found++;
    }
    expect(found).toBeGreaterThan(32); // 38 expected, 4 deviations
  });
});
