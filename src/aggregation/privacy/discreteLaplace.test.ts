/**
 * Exact coins, discrete Laplace noise and the exponential mechanism, against the exact laws.
 *
 * χ² of k cells is above k + 5√(2k) + 10 with probability below 1e-6. With 200 000 draws a probability of 0.1 that is wrong
 * by 3 % adds 20 to it, by 10 % adds 220.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { byteStream } from '../../../test/support/byteStream.ts';
import { DiscreteLaplace, laplaceTail } from './discreteLaplace.ts';
import { isExpHead, uniformBelow } from './exactCoins.ts';
import { chooseByPenalty } from './exponentialMechanism.ts';
import { RandomWords } from './randomWords.ts';

const DRAWS = 200_000;

/** Whether draws follow the probabilities; what is left of them is one more cell. */
function follows(draws: readonly number[], law: ReadonlyMap<number, number>): boolean {
  const seen = new Map<number, number>();
  for (const draw of draws) seen.set(draw, (seen.get(draw) ?? 0) + 1);
  let [chiSquare, cells, restSeen, restExpected] = [0, 1, draws.length, draws.length];
  for (const [value, probability] of law) {
    const expected = draws.length * probability;
    if (expected < 10) continue;
    const observed = seen.get(value) ?? 0;
    chiSquare += (observed - expected) ** 2 / expected;
    restSeen -= observed;
    restExpected -= expected;
    cells++;
  }
  chiSquare += (restSeen - restExpected) ** 2 / Math.max(1, restExpected);
  return chiSquare < cells + 5 * Math.sqrt(2 * cells) + 10;
}

function laplaceLaw(scale: number): Map<number, number> {
  const q = Math.exp(-1 / scale);
  const reach = Math.ceil(40 * scale) + 60;
  return new Map(
    Array.from({ length: 2 * reach + 1 }, (_, i) => {
      const y = i - reach;
      return [y, ((1 - q) / (1 + q)) * q ** Math.abs(y)];
    }),
  );
}

describe('coins', () => {
  it.each([
    [0n, 1n],
    [1n, 3n],
    [1n, 1n],
    [5n, 2n],
  ])('show heads with probability exp(-%d/%d)', (numerator, denominator) => {
    const words = new RandomWords(byteStream(1));
    const p = Math.exp(-Number(numerator) / Number(denominator));
    let heads = 0;
    for (let i = 0; i < DRAWS; i++) if (isExpHead(numerator, denominator, words)) heads++;
    expect(Math.abs(heads - DRAWS * p)).toBeLessThanOrEqual(5 * Math.sqrt(DRAWS * p * (1 - p)));
  });

  it('end soon for exponents without end', () => {
    expect(isExpHead(10n ** 40n, 1n, new RandomWords(byteStream(2)))).toBe(false);
  });

  it('dice with any number of sides are even', () => {
    for (const limit of [3n, 3n << 40n, 5n << 61n]) {
      const words = new RandomWords(byteStream(3));
      const draws = Array.from({ length: 30_000 }, () => uniformBelow(limit, words));
      expect(draws.every((draw) => draw >= 0n && draw < limit)).toBe(true);
      const thirds = draws.map((draw) => Number((3n * draw) / limit));
      expect(follows(thirds, new Map([0, 1, 2].map((third) => [third, 1 / 3])))).toBe(true);
    }
  });
});

describe('discrete Laplace noise', () => {
  it.each([
    [1n, 3n],
    [1n, 1n],
    [7n, 2n],
    [1_000n, 41n],
  ])('has the exact probabilities (scale %d/%d)', (numerator, denominator) => {
    const sampler = new DiscreteLaplace({ numerator, denominator }, byteStream(4));
    const draws = Array.from({ length: DRAWS }, () => Number(sampler.draw()));
    const scale = Number(numerator) / Number(denominator);
    expect(follows(draws, laplaceLaw(scale))).toBe(true);
    // the test can tell: 5 % more noise is seen
    expect(follows(draws, laplaceLaw(1.05 * scale))).toBe(false);
  });

  it('has its moments at scales beyond doubles', () => {
    const scale = 1n << 70n;
    const sampler = new DiscreteLaplace({ numerator: scale, denominator: 1n }, byteStream(5));
    const units = Array.from({ length: 50_000 }, () => Number(sampler.draw()) / Number(scale));
    const mean = (f: (u: number) => number): number => units.reduce((sum, u) => sum + f(u), 0) / units.length;
    // E|u| = 1 with deviation 1; E u = 0 with √2; E u² = 2 with √20
    expect(Math.abs(mean((u) => u))).toBeLessThan(5 * Math.sqrt(2 / units.length));
    expect(Math.abs(mean(Math.abs) - 1)).toBeLessThan(5 * Math.sqrt(1 / units.length));
    expect(Math.abs(mean((u) => u * u) - 2)).toBeLessThan(5 * Math.sqrt(20 / units.length));
  });

  it('has the tails that thresholds rely on', () => {
    for (const scale of [0.2, 1, 8]) {
      const law = laplaceLaw(scale);
      for (const t of [1, 3, 10]) {
        const exact = [...law].reduce((sum, [y, p]) => sum + (y >= t ? p : 0), 0);
        expect(laplaceTail(scale, t) / exact).toBeCloseTo(1, 9);
      }
    }
  });

  it('refuses scales that are none', () => {
    expect(() => new DiscreteLaplace({ numerator: 0n, denominator: 1n }, byteStream(1))).toThrow(
      'scale must be above 0',
    );
  });
});

describe('the exponential mechanism', () => {
  it('has the exact probabilities', () => {
    const penalties = [7n, 4n, 5n, 4n, 1_000n, 6n];
    const weights = penalties.map((penalty) => Math.exp((-Number(penalty) * 2) / 3));
    const total = weights.reduce((a, b) => a + b);
    const words = new RandomWords(byteStream(6));
    const rate = { numerator: 2n, denominator: 3n };
    const draws = Array.from({ length: 50_000 }, () => chooseByPenalty(penalties, rate, words));
    expect(follows(draws, new Map(weights.map((weight, i) => [i, weight / total])))).toBe(true);
  });

  it('needs something to choose from', () => {
    const rate = { numerator: 1n, denominator: 1n };
    const words = new RandomWords(byteStream(1));
    expect(() => chooseByPenalty([], rate, words)).toThrow('expected at least one candidate');
    expect(() => chooseByPenalty([1n], { ...rate, numerator: 0n }, words)).toThrow('a rate above 0');
  });
});
