import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PercentageSplit, type PredefinedSplit, splitDataset, subsetOf } from './index.ts';

const percentage = (changes: Partial<PercentageSplit> = {}): PercentageSplit => ({
  splitter: 'percentage',
  testPercentage: 20,
  validationPercentage: 10,
  shuffle: true,
  stratify: false,
  seed: 0,
  ...changes,
});
const predefined: PredefinedSplit = {
  splitter: 'predefined',
  column: 'part',
  trainingLabel: 'TRAIN',
  validationLabel: 'VALIDATION',
  testLabel: 'TEST',
};

const cases = fc.record({
  y: fc.array(fc.nat(3), { minLength: 5, maxLength: 200 }).map((labels) => Int32Array.from(labels)),
  testPercentage: fc.integer({ min: 0, max: 40 }),
  validationPercentage: fc.integer({ min: 0, max: 40 }),
  shuffle: fc.boolean(),
  stratify: fc.boolean(),
  seed: fc.nat(),
});

describe('splitDataset of rows in groups', () => {
  it('never puts a group in two parts, and comes near the percentages', () => {
    fc.assert(
      fc.property(cases, fc.integer({ min: 1, max: 6 }), ({ y, ...options }, size) => {
        const rows = y.length;
        const groups = Uint32Array.from({ length: rows }, (_, row) => Math.floor(row / size));
        const dataset = { rows, y, groups };
        const split = splitDataset(dataset, percentage(options));
        const all = [...split.training, ...split.validation, ...split.test].sort((a, b) => a - b);
        expect(all).toEqual(Array.from({ length: rows }, (_, i) => i));
        const partsOf = (part: Uint32Array): Set<number> => new Set([...part].map((row) => groups[row]!));
        const [training, validation, test] = [split.training, split.validation, split.test].map(partsOf);
        expect([...validation!].every((group) => !test!.has(group))).toBe(true);
        expect([...training!].every((group) => !test!.has(group) && !validation!.has(group))).toBe(true);
        expect(splitDataset(dataset, percentage(options))).toEqual(split);
        if (options.stratify || options.testPercentage + options.validationPercentage > 60) return;
        expect(Math.abs(split.test.length - (rows * options.testPercentage) / 100)).toBeLessThanOrEqual(size + 1);
      }),
    );
  });

  it('stratifies groups by the class of their rows', () => {
    const rows = 400;
    const groups = Uint32Array.from({ length: rows }, (_, row) => row >> 1);
    const y = Int32Array.from({ length: rows }, (_, row) => (row < 80 ? 1 : 0));
    const { test } = splitDataset({ rows, y, groups }, percentage({ testPercentage: 25, stratify: true }));
    expect(test.length).toBe(100);
    expect([...test].filter((row) => y[row] === 1).length).toBe(20);
  });
});

describe('splitDataset', () => {
  it('puts each row in exactly one part, and repeats itself', () => {
    fc.assert(
      fc.property(cases, ({ y, ...options }) => {
        const dataset = { rows: y.length, y };
        const split = splitDataset(dataset, percentage(options));
        const rows = [...split.training, ...split.validation, ...split.test].sort((a, b) => a - b);
        expect(rows).toEqual(Array.from({ length: y.length }, (_, i) => i));
        expect(splitDataset(dataset, percentage(options))).toEqual(split);
      }),
    );
  });

  it('takes the percentages, to the nearest row and at least one', () => {
    fc.assert(
      fc.property(cases, ({ y, ...options }) => {
        const split = splitDataset({ rows: y.length, y }, percentage(options));
        const wanted = (percent: number): number =>
          percent === 0 ? 0 : Math.max(1, Math.round((y.length * percent) / 100));
        expect(split.test).toHaveLength(wanted(options.testPercentage));
        expect(split.validation).toHaveLength(wanted(options.validationPercentage));
      }),
    );
  });

  it('gives each class its share of the test rows within one row when stratified', () => {
    fc.assert(
      fc.property(cases, ({ y, ...options }) => {
        const { test } = splitDataset({ rows: y.length, y }, percentage({ ...options, stratify: true }));
        for (const label of new Set(y)) {
          const share = (y.filter((other) => other === label).length * test.length) / y.length;
          expect(Math.abs([...test].filter((row) => y[row] === label).length - share)).toBeLessThan(1);
        }
      }),
    );
  });

  it('depends on the seed, and without shuffling takes the last rows', () => {
    const dataset = { rows: 100, y: new Int32Array(100) };
    expect(splitDataset(dataset, percentage({ seed: 1 }))).not.toEqual(splitDataset(dataset, percentage({ seed: 2 })));
    const { test, validation } = splitDataset({ rows: 10, y: new Int32Array(10) }, percentage({ shuffle: false }));
    expect([[...validation], [...test]]).toEqual([[7], [8, 9]]);
  });

  it('explains when nothing is left to train on', () => {
    expect(() => splitDataset({ rows: 1, y: new Int32Array(1) }, percentage())).toThrow(
      expect.objectContaining({
        code: 'DATA_EMPTY',
        message: 'no rows are left to train on: 1 rows, 20 % test, 10 % validation',
      }),
    );
    expect(() => splitDataset({ rows: 1, y: new Int32Array(1), splitLabels: ['TEST'] }, predefined)).toThrow(
      expect.objectContaining({
        code: 'DATA_EMPTY',
        message: 'no rows to train on: no row has "TRAIN" in column "part"',
      }),
    );
  });

  it('explains an unknown label without showing it', () => {
    expect(() => splitDataset({ rows: 2, y: new Int32Array(2), splitLabels: ['TRAIN', 'Smith'] }, predefined)).toThrow(
      expect.objectContaining({
        code: 'DATA_INVALID',
        message: 'column "part" has another label in 1 row; expected TRAIN, VALIDATION, TEST',
      }),
    );
  });
});

describe('subsetOf', () => {
  it('copies the rows in the order given', () => {
    const dataset = { features: ['a', 'b'], x: Float32Array.of(1, 2, 3, 4, 5, 6), y: Int32Array.of(7, 8, 9), rows: 3 };
    expect(subsetOf(dataset, Uint32Array.of(2, 0))).toEqual({
      x: Float32Array.of(5, 6, 1, 2),
      y: Int32Array.of(9, 7),
      rows: 2,
    });
  });
});
