import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scoreHistogram } from './index.ts';
import { averagePrecision, averagePrecisionOfBins, mergeGroups, scoreGroups, sensitivityAt, total } from './ranking.ts';

const logit = fc.oneof(fc.double({ min: -20, max: 20, noNaN: true }), fc.integer({ min: -3, max: 3 }));
const rows = fc.array(fc.tuple(logit, fc.nat(1)), { minLength: 1, maxLength: 120 });
const SLACK = 1e-12;

describe('what bins tell', () => {
  it('average precision and sensitivity of the rows lie within the ends, with few bins or many', () => {
    fc.assert(
      fc.property(rows, fc.constantFrom(2, 4, 32, 1024), (data, bins) => {
        const [scores, labels] = [data.map(([score]) => score), data.map(([, label]) => label)];
        const [binned, groups] = [scoreHistogram(scores, labels, bins), scoreGroups(scores, labels)];
        const [precision, exact] = [averagePrecisionOfBins(binned), averagePrecision(groups)];
        if (precision === null) expect(exact).toBeNull();
        else {
          expect(exact!).toBeGreaterThanOrEqual(precision.low - SLACK);
          expect(exact!).toBeLessThanOrEqual(precision.high + SLACK);
          expect(precision.value).toBeGreaterThanOrEqual(precision.low - SLACK);
          expect(precision.value).toBeLessThanOrEqual(precision.high + SLACK);
        }
        const [range, best] = [sensitivityAt(binned, 0.95), sensitivityAt(groups, 0.95)];
        if (range === null) expect(best).toBeNull();
        else {
          expect(best!.low).toBeGreaterThanOrEqual(range.low - SLACK);
          expect(best!.low).toBeLessThanOrEqual(range.high + SLACK);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('the ends of average precision are reached', () => {
    const bin = { negative: Uint32Array.of(3), positive: Uint32Array.of(4) };
    const { low, high } = averagePrecisionOfBins(bin)!;
    expect(averagePrecision(scoreGroups([1, 2, 3, 4, 5, 6, 7], [1, 1, 1, 1, 0, 0, 0]))).toBeCloseTo(low, 12);
    expect(averagePrecision(scoreGroups([1, 1, 1, 2, 2, 2, 2], [0, 0, 0, 1, 1, 1, 1]))).toBeCloseTo(high, 12);
  });

  it('the closed form of many positives is the sum of few', () => {
    // 33 positives of one bin go by the closed form; the same with each term written out
    const bins = { negative: Uint32Array.of(50, 7), positive: Uint32Array.of(33, 5) };
    const sum = (p: number, term: (i: number) => number): number =>
      Array.from({ length: p }, (_, i) => term(i + 1)).reduce((a, b) => a + b, 0);
    const value = sum(5, (i) => i / (i + (7 * i) / 6)) + sum(33, (i) => (5 + i) / (12 + i + (50 * i) / 34));
    const low = sum(5, (i) => i / (7 + i)) + sum(33, (i) => (5 + i) / (62 + i));
    expect(averagePrecisionOfBins(bins)!.value).toBeCloseTo(value / 38, 12);
    expect(averagePrecisionOfBins(bins)!.low).toBeCloseTo(low / 38, 12);
  });
});

it('merged groups keep all rows, and have as many as asked for but the last', () => {
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 20 }), (data, least) => {
      const groups = scoreGroups(
        data.map(([score]) => score),
        data.map(([, label]) => label),
      );
      const merged = mergeGroups(groups, least);
      expect(total(merged.positive)).toBe(total(groups.positive));
      expect(total(merged.negative)).toBe(total(groups.negative));
      for (let g = 1; g < merged.positive.length; g++)
        expect(merged.positive[g]! + merged.negative[g]!).toBeGreaterThanOrEqual(least);
    }),
  );
});
