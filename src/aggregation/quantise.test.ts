import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMean, encode, type QuantiseParameters, quantisationBound, quantiseLevels } from './quantise.ts';
import { fedAvg } from './strategies/fedAvg.ts';

const parameters: QuantiseParameters = { clip: 0.75, maxWeight: 1000, cohort: 20 };

function secureSum(all: readonly Uint32Array[]): Uint32Array {
  const sum = new Uint32Array(all[0]!.length);
  for (const words of all) words.forEach((word, i) => (sum[i] = (sum[i]! + word) >>> 0));
  return sum;
}

describe('quantiser', () => {
  it('mean of encodings is the weighted mean of the clipped updates within the stated bound', () => {
    const pod = fc.record({
      update: fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 5, maxLength: 5 }),
      weight: fc.integer({ min: 1, max: 1000 }),
    });
    const clip = fc.double({ min: 1e-6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(fc.array(pod, { minLength: 1, maxLength: 20 }), clip, (pods, c) => {
        const own = { ...parameters, clip: c };
        const encoded = pods.map(({ update, weight }) => encode(Float64Array.from(update), weight, own));
        const totalWeight = pods.reduce((sum, { weight }) => sum + weight, 0);
        const mean = decodeMean(secureSum(encoded.map(({ words }) => words)), totalWeight, own);
        const plain = fedAvg().begin(5);
        pods.forEach(({ update, weight }, i) => {
          const clipped = Float64Array.from(update, (x) => Math.min(c, Math.max(-c, x)));
          plain.add({ pod: `${i}`, update: clipped, samples: weight });
          expect(encoded[i]!.clipped).toBe(update.filter((x) => Math.abs(x) > c).length);
        });
        // the float64 mean itself is off by at most a few 2^-53 a pod of the largest value
        const slack = (pods.length + 2) * 2 ** -52 * c;
        const bound = quantisationBound(own, totalWeight, pods.length) + slack;
        plain.result().mean.forEach((x, i) => expect(Math.abs(mean[i]! - x)).toBeLessThanOrEqual(bound));
      }),
    );
  });

  it('does not wrap when every pod sends ±C with the largest weight', () => {
    for (const cohort of [1, 2, 3, 7, 20, 0x8000])
      for (const clip of [1, 0.1, 1 / 3, 1e-30, 3e30]) {
        const own = { clip, maxWeight: 1000, cohort };
        const { words } = encode(Float64Array.of(clip, -clip, 2 * clip), 1000, own);
        const sum = words.map((word) => Math.imul(word, cohort));
        const levels = quantiseLevels(own);
        expect([...sum].map((word) => word | 0)).toEqual([cohort * levels, -cohort * levels, cohort * levels]);
        expect(cohort * levels).toBeLessThanOrEqual(0x7fffffff);
        const bound = quantisationBound(own, 1000 * cohort, cohort);
        decodeMean(sum, 1000 * cohort, own).forEach((x, i) =>
          expect(Math.abs(x - [clip, -clip, clip][i]!)).toBeLessThanOrEqual(bound),
        );
      }
  });

  it('names the first value that is not finite', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
      expect(() => encode(Float32Array.of(0, 5, value), 1, parameters)).toThrow(
        expect.objectContaining({ code: 'AGG_OVERFLOW', facts: { index: 2 } }),
      );
  });

  it('refuses weights and parameters out of range', () => {
    for (const weight of [0, -1, 1001, 1.5, Number.NaN])
      expect(() => encode(new Float32Array(1), weight, parameters)).toThrow(
        expect.objectContaining({ code: 'AGG_OVERFLOW' }),
      );
    for (const bad of [{ clip: 0 }, { clip: Number.NaN }, { clip: Infinity }, { cohort: 0 }, { maxWeight: 2 ** 32 }])
      expect(() => encode(new Float32Array(1), 1, { ...parameters, ...bad })).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID' }),
      );
    expect(() => decodeMean(new Uint32Array(1), 0, parameters)).toThrow(
      expect.objectContaining({ code: 'DATA_EMPTY' }),
    );
  });

  it('writes into a float32 array when given one', () => {
    const out = new Float32Array(1);
    expect(decodeMean(encode(Float32Array.of(0.5), 10, parameters).words, 10, parameters, out)).toBe(out);
    expect(Math.abs(out[0]! - 0.5)).toBeLessThanOrEqual(quantisationBound(parameters, 10, 1) + 2 ** -25);
    expect(() => decodeMean(new Uint32Array(2), 10, parameters, out)).toThrow(RangeError);
  });
});
