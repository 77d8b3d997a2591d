import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRng } from '../base/index.ts';
import {
  bitsForPrecision,
  expectedRms,
  meanUnit,
  type QuantiseParameters,
  quantisationBound,
  quantiseLevels,
  quantiseWords,
  type RandomWords,
  weightedLevels,
} from './quantise.ts';
import { roundingWords } from './rounding.ts';
import { WeightedMean } from './strategies/weightedMean.ts';

const parameters: QuantiseParameters = { clip: 0.75, maxWeight: 1000, cohort: 20 };
const always = (word: number): RandomWords => ({ next: (count) => new Uint32Array(count).fill(word) });
const coded = (code: string, facts?: object) => expect.objectContaining({ code, ...(facts && { facts }) });

interface Pod {
  readonly update: Float32Array | Float64Array;
  readonly weight: number;
}

function quantise({ update, weight }: Pod, own: QuantiseParameters, random?: RandomWords) {
  const words = new Int32Array(update.length);
  const factor = weightedLevels(weight, own) / own.clip;
  return { words, clipped: quantiseWords(update, words, { clip: own.clip, factor, random }) };
}

/** The sum mod 2^b, lifted to [−2^(b−1), 2^(b−1)). */
function centred(all: readonly Int32Array[], bits: number): Int32Array {
  return all[0]!.map((_, j) => {
    const sum = all.reduce((total, words) => (total + words[j]!) | 0, 0);
    return (sum << (32 - bits)) >> (32 - bits);
  });
}

const meanOf = (sum: Int32Array, totalWeight: number, own: QuantiseParameters): Float64Array =>
  Float64Array.from(sum, (word) => word * meanUnit(own, totalWeight));

function clippedMean(pods: readonly Pod[], clip: number): Float64Array {
  const plain = new WeightedMean(pods[0]!.update.length);
  pods.forEach(({ update, weight }, i) => {
    const clipped = Float64Array.from(update, (x) => Math.min(clip, Math.max(-clip, x)));
    plain.add({ pod: `${i}`, update: clipped, samples: weight });
  });
  return Float64Array.from(plain.result().mean);
}

const totalOf = (pods: readonly Pod[]): number => pods.reduce((sum, { weight }) => sum + weight, 0);

describe('quantiser', () => {
  it('mean of any width and rounding is the weighted mean of the clipped updates within the stated bound', () => {
    const pod = fc.record({
      update: fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 5, maxLength: 5 }),
      weight: fc.integer({ min: 1, max: 1000 }),
    });
    const clip = fc.double({ min: 1e-6, max: 1e6, noNaN: true });
    const rounding = fc.constantFrom('nearest' as const, 'stochastic' as const);
    const width = fc.integer({ min: 8, max: 32 });
    fc.assert(
      fc.property(
        fc.array(pod, { minLength: 1, maxLength: 20 }),
        ...[clip, width, rounding, fc.boolean(), fc.infiniteStream(fc.nat(0xffffffff))],
        (drawn, c, bits, way, isTotalKnown, stream) => {
          const pods = drawn.map(({ update, weight }) => ({ update: Float64Array.from(update), weight }));
          const totalWeight = totalOf(pods);
          const maxTotalWeight = isTotalKnown ? Math.max(1000, totalWeight) : undefined;
          const own = { ...parameters, clip: c, bits, rounding: way, maxTotalWeight };
          const random = { next: (count: number) => Uint32Array.from({ length: count }, () => stream.next().value) };
          const all = pods.map((each) => quantise(each, own, way === 'stochastic' ? random : undefined));
          const mean = meanOf(
            centred(
              all.map(({ words }) => words),
              bits,
            ),
            totalWeight,
            own,
          );
          all.forEach(({ clipped }, i) => expect(clipped).toBe(drawn[i]!.update.filter((x) => Math.abs(x) > c).length));
          // the float64 mean itself is off by at most a few 2^-53 a pod of the largest value
          const slack = (pods.length + 2) * 2 ** -52 * c;
          const bound = quantisationBound(own, totalWeight, pods.length) + slack;
          clippedMean(pods, c).forEach((x, i) => expect(Math.abs(mean[i]! - x)).toBeLessThanOrEqual(bound));
        },
      ),
    );
  });

  it('does not wrap when every pod sends ±C with all the weight there may be, rounded outwards', () => {
    for (const cohort of [1, 2, 3, 7, 20, 0x8000])
      for (const clip of [1, 0.1, 1 / 3, 1e-30, 3e30])
        for (const bits of [8, 12, 16, 24, 32])
          for (const maxTotalWeight of [1000, 1000 * cohort]) {
            const headroom = 5;
            if (2 ** (bits - 1) - 1 - headroom - cohort < cohort) continue; // refused, see below
            const own = { clip, maxWeight: 1000, cohort, bits, maxTotalWeight, headroom };
            const weight = Math.max(1, Math.floor(maxTotalWeight / cohort)); // of each of `pods`
            const pods = Math.min(cohort, maxTotalWeight / weight);
            const limit = 2 ** (bits - 1) - 1 - headroom;
            for (const random of [undefined, always(0), always(0xffffffff)]) {
              const { words } = quantise({ update: Float64Array.of(clip, -clip, 2 * clip), weight }, own, random);
              for (const word of words) expect(Math.abs(word) * pods).toBeLessThanOrEqual(limit);
              expect(Math.abs(Math.abs(words[0]!) - quantiseLevels(own) * (weight / 1000))).toBeLessThanOrEqual(1);
            }
          }
  });

  it('uses what the cohort leaves of the width, and no factor of the cohort when the total weight is known', () => {
    expect(quantiseLevels({ ...parameters, bits: 16 })).toBe(Math.floor((0x7fff - 20) / 20));
    expect(quantiseLevels({ ...parameters, bits: 16, maxTotalWeight: 1000 })).toBe(0x7fff - 20);
    expect(quantiseLevels({ ...parameters, bits: 16, maxTotalWeight: 4000, headroom: 747 })).toBe(8000);
  });

  it('names the smallest width that a cohort needs', () => {
    const least = (cohort: number): number => {
      for (let bits = 8; bits <= 32; bits++) {
        try {
          quantiseLevels({ ...parameters, cohort, bits });
          return bits;
        } catch (error) {
          expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
          expect(String(error)).toMatch(/at least \d+ are needed/);
        }
      }
      return Number.NaN;
    };
    expect([3, 63, 64, 100, 127, 128, 0x8000].map(least)).toEqual([8, 8, 9, 9, 9, 10, 18]);
    expect(() => quantiseLevels({ ...parameters, cohort: 100, bits: 8 })).toThrow('at least 9 are needed');
    expect(() => quantiseLevels({ ...parameters, headroom: 0x7fffffff })).toThrow('no width is enough');
  });

  it('finds the smallest width for a wanted precision', () => {
    for (const cohort of [3, 10, 100])
      for (const precision of [1e-1, 1e-3, 1e-4, 1e-6]) {
        const own = { ...parameters, cohort };
        const bits = bitsForPrecision(own, precision);
        const bound = (width: number) => quantisationBound({ ...own, bits: width }, 1000 * cohort, cohort) / own.clip;
        expect(bound(bits)).toBeLessThanOrEqual(precision);
        if (bits > 8 && 2 ** (bits - 2) > 2 * cohort) expect(bound(bits - 1)).toBeGreaterThan(precision);
      }
    expect(() => bitsForPrecision(parameters, 1e-12)).toThrow(coded('CONFIG_INVALID'));
  });

  it('names the first value that is not finite', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
      expect(() => quantise({ update: Float32Array.of(0, 5, value), weight: 1 }, parameters)).toThrow(
        coded('AGG_OVERFLOW', { index: 2 }),
      );
  });

  it('refuses weights and parameters out of range', () => {
    for (const weight of [0, -1, 1001, 1.5, Number.NaN])
      expect(() => weightedLevels(weight, parameters)).toThrow(coded('AGG_OVERFLOW'));
    const bad: object[] = [
      ...[{ clip: 0 }, { clip: Number.NaN }, { clip: Infinity }, { cohort: 0 }, { maxWeight: 2 ** 32 }],
      ...[{ bits: 7 }, { bits: 33 }, { bits: 12.5 }, { rounding: 'up' }, { headroom: -1 }],
      ...[{ maxTotalWeight: 999 }, { maxTotalWeight: 20_001 }],
    ];
    for (const change of bad)
      expect(() => quantiseLevels({ ...parameters, ...change })).toThrow(coded('CONFIG_INVALID'));
    expect(() => meanUnit(parameters, 0)).toThrow(coded('DATA_EMPTY'));
  });
});

describe('error of a mean', () => {
  const DIMENSION = 4_000;

  function measured(
    pods: number,
    own: Partial<QuantiseParameters>,
    random = (_pod: number): RandomWords | undefined => undefined,
  ) {
    const rng = seededRng(pods, 'rms');
    const drawn = Array.from({ length: pods }, () => ({
      update: Float32Array.from({ length: DIMENSION }, () => 2 * rng() - 1),
      weight: 50 + Math.floor(500 * rng()),
    }));
    const totalWeight = totalOf(drawn);
    const full = { clip: 1, maxWeight: 1000, cohort: pods, ...own };
    const all = drawn.map((pod, i) => quantise(pod, full, random(i)).words);
    const mean = meanOf(centred(all, full.bits ?? 32), totalWeight, full);
    const exact = clippedMean(drawn, 1);
    const squares = mean.reduce((sum, x, i) => sum + (x - exact[i]!) ** 2, 0);
    return { rms: Math.sqrt(squares / DIMENSION), expected: expectedRms(full, totalWeight, pods) };
  }

  it('is at most 1e-8 of the clip at 32 bits, for 10 to 100 pods of different weights', () => {
    for (const pods of [10, 30, 100]) expect(measured(pods, {}).rms).toBeLessThanOrEqual(1e-8);
  });

  it('is what the formula says, at every width and for both roundings', () => {
    for (const pods of [3, 10])
      for (const bits of [12, 16, 24, 32]) {
        const nearest = measured(pods, { bits });
        expect(nearest.rms / nearest.expected).toBeCloseTo(1, 1);
        const seeds = (pod: number) => roundingWords(new Uint8Array(32).fill(pod));
        const stochastic = measured(pods, { bits, rounding: 'stochastic' }, seeds);
        expect(stochastic.rms / stochastic.expected).toBeCloseTo(1, 1);
      }
  });
});

describe('stochastic rounding', () => {
  const own: QuantiseParameters = { clip: 1, maxWeight: 1, cohort: 10, bits: 8, rounding: 'stochastic' };
  const levels = quantiseLevels(own);
  const seeded = (fill: number) => roundingWords(new Uint8Array(32).fill(fill));

  it('is unbiased', () => {
    const times = 100_000;
    for (const fraction of [0.001, 0.25, 0.5, 0.9, -0.3, -0.999]) {
      const update = new Float64Array(times).fill((3 + fraction) / levels);
      const { words } = quantise({ update, weight: 1 }, own, seeded(7));
      expect(new Set(words)).toEqual(new Set([3 + Math.floor(fraction), 3 + Math.ceil(fraction)]));
      const mean = words.reduce((sum, word) => sum + word, 0) / times;
      const frac = fraction - Math.floor(fraction);
      // six standard deviations of a Bernoulli mean
      expect(Math.abs(mean - 3 - fraction)).toBeLessThanOrEqual(6 * Math.sqrt((frac * (1 - frac)) / times));
    }
  });

  it('leaves whole levels and zero as they are', () => {
    const update = Float64Array.from({ length: 2 * levels + 1 }, (_, i) => i - levels);
    const whole: QuantiseParameters = { ...own, clip: levels };
    for (const random of [always(0), always(0xffffffff)])
      expect([...quantise({ update, weight: 1 }, whole, random).words]).toEqual([...update]);
  });

  it('is the same for the same seed only', () => {
    const update = Float64Array.from({ length: 50 }, (_, i) => i / 60);
    const words = (fill: number) => [...quantise({ update, weight: 1 }, own, seeded(fill)).words];
    expect(words(1)).toEqual(words(1));
    expect(words(1)).not.toEqual(words(2));
    expect(() => roundingWords(new Uint8Array(16))).toThrow(RangeError);
  });

  it('draws the same stream in pieces of any size', () => {
    const [whole, parts] = [seeded(3), seeded(3)];
    const expected = [...whole.next(30)];
    expect([1, 7, 0, 22].flatMap((count) => [...parts.next(count)])).toEqual(expected);
  });
});
