import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeWide, encodeCount, encodeWide, maxCount } from './wideInt.ts';

function addUp(all: readonly Uint32Array[]): Uint32Array {
  const sum = new Uint32Array(8);
  for (const words of all) words.forEach((word, i) => (sum[i] = (sum[i]! + word) >>> 0));
  return sum;
}

const UNIT = 2 ** -48;
const LARGEST = 2 ** 64 - 2 ** 11;

describe('wide integers', () => {
  it('sum exactly, rounded once to a double', () => {
    const value = fc.oneof(
      fc.maxSafeInteger().map((k) => k * UNIT),
      fc.maxSafeInteger().map((k) => k * 2 ** 10),
      fc.integer().map((k) => k / 1024),
      fc.constantFrom(0, -0, UNIT, -UNIT, LARGEST, -LARGEST),
    );
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 20 }), (values) => {
        const exact = values.reduce((sum, x) => sum + BigInt(x * 2 ** 48), 0n);
        expect(decodeWide(addUp(values.map((x) => encodeWide(x))))).toBe(Number(exact) / 2 ** 48);
      }),
      { numRuns: 500 },
    );
  });

  it('does not wrap with 2^15 pods at either extreme', () => {
    for (const value of [LARGEST, -LARGEST, -UNIT, UNIT]) {
      const words = encodeWide(value).map((word) => word * 0x8000);
      expect(decodeWide(words)).toBe(value * 0x8000);
    }
  });

  it('rounds to the nearest 2^-48', () => {
    fc.assert(
      fc.property(fc.double({ min: -1, max: 1, noNaN: true }), (x) => {
        expect(Math.abs(decodeWide(encodeWide(x)) - x)).toBeLessThanOrEqual(2 ** -49);
      }),
    );
  });

  it('refuses what is out of range or not a number', () => {
    for (const value of [2 ** 64, -(2 ** 64), Number.NaN, Infinity, -Infinity])
      expect(() => encodeWide(value)).toThrow(expect.objectContaining({ code: 'AGG_OVERFLOW' }));
    expect(() => decodeWide(new Uint32Array(7))).toThrow(RangeError);
  });

  it('counts fill a word with the whole cohort and refuse more', () => {
    for (const cohort of [1, 3, 20]) {
      expect(encodeCount(maxCount(cohort), cohort) * cohort).toBeLessThanOrEqual(0xffffffff);
      for (const count of [maxCount(cohort) + 1, -1, 0.5, Number.NaN])
        expect(() => encodeCount(count, cohort)).toThrow(expect.objectContaining({ code: 'AGG_OVERFLOW' }));
    }
  });
});
