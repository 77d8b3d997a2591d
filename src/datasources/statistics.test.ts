import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyStandardiser, featureStatistics, imputeMean, standardiser } from './index.ts';

const WIDTH = 3;
// whole numbers, so that sums are exact in any order
const cell = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: -1000, max: 1000 }) },
  { weight: 1, arbitrary: fc.constant(Number.NaN) },
);
const rows = fc.array(fc.tuple(cell, cell, cell), { maxLength: 40 });

describe('featureStatistics', () => {
  it('of shards sum to those of the whole', () => {
    fc.assert(
      fc.property(fc.array(rows, { minLength: 1, maxLength: 5 }), (shards) => {
        const whole = featureStatistics(Float32Array.from(shards.flat(2)), WIDTH);
        const parts = shards.map((shard) => featureStatistics(Float32Array.from(shard.flat()), WIDTH));
        for (const key of ['count', 'sum', 'sumSquares'] as const)
          expect(
            Float64Array.from({ length: WIDTH }, (_, j) => parts.reduce((total, part) => total + part[key][j]!, 0)),
          ).toEqual(whole[key]);
      }),
    );
  });

  it('refuses a width that does not fit', () => {
    expect(() => featureStatistics(new Float32Array(4), 3)).toThrow('width needs an integer ≥ 1 that divides 4, got 3');
    expect(() => featureStatistics(new Float32Array(4), 0)).toThrow(RangeError);
  });
});

describe('standardiser', () => {
  it('gives mean 0 and deviation 1, and 0 for what is missing', () => {
    const x = Float32Array.of(1, 5, 2, 5, 3, 5, Number.NaN, 5);
    const { mean, scale } = standardiser(featureStatistics(x, 2));
    expect([...mean]).toEqual([2, 5]);
    expect(scale[0]).toBeCloseTo(Math.sqrt(2 / 3), 6);
    expect(scale[1]).toBe(1); // constant
    const scaled = applyStandardiser(x, 2, mean, scale);
    expect([...scaled].map((value) => Number(value.toFixed(4)))).toEqual([-1.2247, 0, 0, 0, 1.2247, 0, 0, 0]);
    expect([...imputeMean(x, 2, mean)]).toEqual([1, 5, 2, 5, 3, 5, 2, 5]);
  });

  it('takes a constant for a constant whatever its size, and the never seen for 0', () => {
    for (const value of [0, 1e-6, 0.1, 12345.678, 1e9]) {
      const x = new Float32Array(1000).fill(value);
      expect(standardiser(featureStatistics(x, 1)).scale[0]).toBe(1);
    }
    expect(standardiser({ count: [0], sum: [0], sumSquares: [0] })).toEqual({
      mean: Float32Array.of(0),
      scale: Float32Array.of(1),
    });
  });
});
