/**
 * Integer noise: against exact probabilities, in digits and in draws.
 * @module
 */
import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RandomBytes } from '../../crypto/index.ts';
import { distributionOf, FILTER_ERROR, INTEGER_NOISES, type IntegerDistribution } from './distributions.ts';
import { besselRatios, dyadic, expNegative } from './exactMath.ts';
import { RandomWords } from './randomWords.ts';
import { keeps, NoiseSampler } from './sampler.ts';

/** A reproducible stream of uniform bytes. */
function seededBytes(seed: number): RandomBytes {
  const cipher = createCipheriv('aes-128-ctr', new Uint8Array(16).fill(seed), new Uint8Array(16));
  return (length) => new Uint8Array(cipher.update(new Uint8Array(length)));
}

/** Probabilities of 0, ±1, ±2, … from the exact ratios; what is left out is below 1e-12. */
function exactPmf(distribution: IntegerDistribution, last: number): number[] {
  const ratios = Array.from({ length: last + 1 }, (_, y) => Number(distribution.exactRatio(y, 60)) / 2 ** 60);
  const total = ratios.reduce((sum, r, y) => sum + (y === 0 ? r : 2 * r), 0);
  return ratios.map((r) => r / total);
}

describe('exact probabilities', () => {
  it('are those of the exponential function', () => {
    // mpmath 1.3, floor(e^-x·2^100)
    const apart = (numerator: bigint, denominator: bigint, expected: bigint): number =>
      Math.abs(Number(expNegative(numerator, denominator, 100n) - expected));
    expect(expNegative(0n, 1n, 100n)).toBe(1n << 100n);
    expect(apart(1n, 1n, 466_342_594_412_604_466_517_458_581_545n)).toBeLessThanOrEqual(1);
    expect(apart(123_456_789n, 3_000_001n, 1_701_393_561_783n)).toBeLessThanOrEqual(1);
  });

  it.each([
    [1, 0.5, 0.242_499_612_580_801_88],
    [1, 1, 0.446_389_965_896_534_5],
    [5, 10, 0.276_017_933_959_001_1],
    [3, 100, 0.955_783_362_903_573],
  ] as const)('are ratios of Bessel functions: I_%d(%d)/I_0', (y, mu, expected) => {
    // SciPy 1.17 special.ive
    const { numerator, shift } = dyadic(mu);
    let got = 0n;
    besselRatios(numerator, shift, y, 80n, (_at, value) => {
      got = value;
    });
    expect(Number(got) / 2 ** 80).toBeCloseTo(expected, 13);
  });

  it('agree with double precision far better than the filter assumes', () => {
    for (const [noise, variance] of [
      ...[2 ** -10, 0.3, 1, 100, 4_095.5, 4_096, 5_000, 123_456.7].map((v) => ['skellam', v] as const),
      ...[2 ** -10, 0.3, 1, 100, 1e9, 2 ** 60].map((v) => ['discrete_gaussian', v] as const),
    ]) {
      const distribution = distributionOf(noise, variance);
      for (let k = 1; k <= 48; k++) {
        const y = Math.ceil(k * 0.25 * Math.sqrt(variance));
        const stair = Math.floor(y / distribution.halfWidth);
        const exact = Number(distribution.exactRatio(y, 120 + stair)) / 2 ** 120;
        const error = Math.abs(exact - distribution.ratio(y) * 2 ** stair);
        expect(error, `${noise} ${variance} at ${y}`).toBeLessThan(FILTER_ERROR / 16);
        expect(exact, 'the staircase lies above').toBeLessThanOrEqual(1);
      }
    }
  });
});

describe('the decision to keep a value', () => {
  it('is the exact one when doubles cannot tell', () => {
    // p = 1/2 + 2^-60 and U within 2^-62 of it on either side
    const p = (1n << 59n) + 1n;
    const distribution: IntegerDistribution = {
      halfWidth: 1,
      ratio: () => 0.5,
      exactRatio: (_y, bits) => p << BigInt(bits - 60),
    };
    const decide = (u: bigint): boolean => {
      const words = Array.from({ length: 8 }, (_, i) => Number((u >> BigInt(32 * (7 - i))) & 0xffffffffn));
      const bytes = new Uint8Array(4 * 8_192);
      bytes.set(new Uint8Array(Uint32Array.from(words).buffer));
      return keeps(distribution, 1, 0, new RandomWords(() => bytes));
    };
    const at = p << 196n; // in units of 2^-256
    expect(decide(at - (1n << 130n))).toBe(true);
    expect(decide(at + (1n << 130n))).toBe(false);
    // 2^-186 away: more digits than the first exact comparison has
    expect(decide(at - (1n << 70n))).toBe(true);
    expect(decide(at + (1n << 70n))).toBe(false);
  });
});

describe.each(INTEGER_NOISES)('%s noise', (noise) => {
  it.each([0.4, 2, 37.5])('has the exact probabilities (variance %d)', (variance) => {
    const count = 200_000;
    const last = Math.ceil(9 * Math.sqrt(variance)) + 8;
    const pmf = exactPmf(distributionOf(noise, variance), last);
    const sampler = new NoiseSampler(noise, variance, seededBytes(7));
    const seen = new Map<number, number>();
    for (let i = 0; i < count; i++) {
      const value = sampler.draw();
      seen.set(value, (seen.get(value) ?? 0) + 1);
    }
    let [chiSquare, cells, restSeen, restExpected] = [0, 0, count, count];
    for (let y = -last; y <= last; y++) {
      const expected = count * pmf[Math.abs(y)]!;
      if (expected < 10) continue;
      const observed = seen.get(y) ?? 0;
      chiSquare += (observed - expected) ** 2 / expected;
      restSeen -= observed;
      restExpected -= expected;
      cells++;
    }
    if (restExpected > 1) chiSquare += (restSeen - restExpected) ** 2 / restExpected;
    // a χ² variable of k degrees is above k + 5√(2k) + 10 with probability below 1e-6
    expect(chiSquare).toBeLessThan(cells + 5 * Math.sqrt(2 * cells) + 10);
  });

  it.each([5_000, 2 ** 40])('has mean 0, its variance and normal tails (variance %d)', (variance) => {
    const values = new Float64Array(200_000);
    new NoiseSampler(noise, variance, seededBytes(3)).addTo(values);
    const units = values.map((value) => value / Math.sqrt(variance));
    const moment = (power: number): number => units.reduce((sum, u) => sum + u ** power, 0) / units.length;
    const error = 5 / Math.sqrt(units.length); // five standard errors; a normal number's powers vary by 1, 2, 15, 96
    expect(Math.abs(moment(1))).toBeLessThan(error);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(error * Math.sqrt(2));
    expect(Math.abs(moment(3))).toBeLessThan(error * Math.sqrt(15));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(error * Math.sqrt(96));
    expect(values.every(Number.isInteger)).toBe(true);
  });

  it('is the same for the same bytes and another for others', () => {
    const draw = (seed: number): number[] => {
      const sampler = new NoiseSampler(noise, 1e6, seededBytes(seed));
      return Array.from({ length: 50 }, () => sampler.draw());
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  it('refuses variances it cannot serve', () => {
    for (const variance of [0, -1, Number.NaN, 2 ** 61])
      expect(() => new NoiseSampler(noise, variance, seededBytes(1))).toThrow('variance of');
  });
});

it('sums of Skellam shares are Skellam numbers of the summed variance', () => {
  // convolution of the exact probabilities
  const [share, whole] = [3, 9];
  const pmf = exactPmf(distributionOf('skellam', share), 40);
  const at = (y: number): number => pmf[Math.abs(y)] ?? 0;
  const twice = (y: number): number => [...Array(121).keys()].reduce((sum, k) => sum + at(k - 60) * at(y - k + 60), 0);
  const thrice = (y: number): number =>
    [...Array(121).keys()].reduce((sum, k) => sum + at(k - 60) * twice(y - k + 60), 0);
  const expected = exactPmf(distributionOf('skellam', whole), 60);
  for (const y of [0, 1, 5, 12]) expect(thrice(y)).toBeCloseTo(expected[y]!, 12);
});

it('uniform integers below a limit are in range and all of them come', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 255 }), (limit, seed) => {
      const words = new RandomWords(seededBytes(seed));
      const seen = new Set(Array.from({ length: 60 * limit }, () => words.below(limit)));
      expect([...seen].sort((a, b) => a - b)).toEqual([...Array(limit).keys()]);
    }),
    { numRuns: 30, seed: 1 },
  );
});
