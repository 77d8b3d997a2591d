/** Splits by time: what is later is in a later set, patients stay together, and a row without a time is not guessed. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memorySource } from '../../test/support/memorySource.ts';
import { checkSchema, loadDataset, type PercentageSplit, splitDataset } from './index.ts';
import { findTime, splitByTime } from './timeSplit.ts';

const split: PercentageSplit = {
  splitter: 'percentage',
  testPercentage: 20,
  validationPercentage: 20,
  shuffle: false,
  stratify: false,
  seed: 0,
  sortBy: 'day',
};
const structure = { select: { include: ['x'] }, target: 'y', categories: {}, split };

describe('findTime', () => {
  it('orders dates with and without a time of day, zones and years before 1000', () => {
    const sorted = [
      '0020-01-01',
      '1969-12-31',
      '1970-01-01',
      '2020-02-29',
      '2020-02-29T01:30:00+02:00', // still the 28th at Greenwich
      '2020-02-29 13:14:15',
      '2020-02-29 13:14:15.5',
      '2020-3-1',
    ];
    const times = sorted.map((text) => findTime(text)!);
    expect(times.every((time) => Number.isFinite(time))).toBe(true);
    expect(times[4]).toBe(Date.UTC(2020, 1, 28, 23, 30));
    expect(times[5]).toBe(Date.UTC(2020, 1, 29, 13, 14, 15));
    const others = times.filter((_, i) => i !== 4);
    expect([...others].sort((a, b) => a - b)).toEqual(others);
    expect(findTime(3.5)).toBe(3.5);
  });

  it.each([
    null,
    Number.NaN,
    '',
    '12',
    'today',
    '2021-02-29',
    '2021-13-01',
    '2021-00-10',
    '2021-01-01 25:00',
    '29.2.2020',
    `${'1'.repeat(100_000)}-01-01`,
  ])('takes nothing else for one: case %#', (cell) => {
    expect(findTime(cell)).toBeUndefined();
  });
});

describe('splitByTime', () => {
  const cases = fc.record({
    times: fc.array(fc.integer({ min: -5, max: 20 }), { minLength: 1, maxLength: 60 }),
    test: fc.nat(30),
    validation: fc.nat(30),
    size: fc.integer({ min: 1, max: 5 }),
  });

  it('puts no row before an earlier one, and takes exactly the rows asked for', () => {
    fc.assert(
      fc.property(cases, ({ times, ...wanted }) => {
        const rows = times.length;
        const test = Math.min(rows, wanted.test);
        const validation = Math.min(rows - test, wanted.validation);
        const parts = splitByTime(Float64Array.from(times), { test, validation });
        for (let a = 0; a < rows; a++)
          for (let b = 0; b < rows; b++) if (times[a]! < times[b]!) expect(parts[a]).toBeLessThanOrEqual(parts[b]!);
        expect([1, 2].map((part) => parts.filter((p) => p === part).length)).toEqual([validation, test]);
      }),
    );
  });

  it('keeps groups together, where their latest row would be', () => {
    fc.assert(
      fc.property(cases, ({ times, test, validation, size }) => {
        const groups = Uint32Array.from(times, (_, row) => (row * 7) % Math.ceil(times.length / size));
        const alone = splitByTime(Float64Array.from(times), { test, validation });
        const together = splitByTime(Float64Array.from(times), { test, validation }, groups);
        for (const [row, part] of together.entries())
          expect(part).toBe(Math.max(...alone.filter((_, other) => groups[other] === groups[row])));
      }),
    );
  });
});

describe('a task that splits by time', () => {
  const days = ['2020-05-01', '2020-01-01', '2020-04-01', '2020-02-01', '2020-03-01'];
  const sourceOf = (cells: readonly (string | null)[], patientOf?: (key: number) => string) =>
    memorySource({
      types: { x: 'number', y: 'number', day: 'date' },
      rows: cells.map((day, i) => ({ x: i, y: i, day })),
      ...(patientOf && { patientOf }),
    });

  it('learns from the first rows and is tested on the last', async () => {
    const dataset = await loadDataset(sourceOf(days), structure);
    const { training, validation, test } = splitDataset(dataset, split);
    expect([training, validation, test].map((part) => [...part])).toEqual([[1, 3, 4], [2], [0]]);
    expect(dataset.features).toEqual(['x']);
  });

  it('keeps patients together', async () => {
    const dataset = await loadDataset(
      sourceOf(days, (key) => (key < 2 ? 'a' : String(key))),
      structure,
    );
    const { training, validation, test } = splitDataset(dataset, split);
    expect([training, validation, test].map((part) => [...part])).toEqual([[3, 4], [2], [0, 1]]);
  });

  it('counts the rows without a time, and shows none', async () => {
    const source = sourceOf([...days, null, 'unknown to Dr Smith']);
    await expect(loadDataset(source, structure)).rejects.toMatchObject({
      code: 'DATA_INVALID',
      message:
        'memory: column "day" has no date and no number in 2 rows; expected one in every row (data_split.args.time_series_sort_by)',
    });
  });

  it('is refused by a dataset without the column', () => {
    const wrong = { ...structure, split: { ...split, sortBy: 'dya' } };
    expect(checkSchema(wrong, sourceOf(days).schema)).toEqual([
      'no column "dya" (data_split.args.time_series_sort_by); did you mean "day"?',
    ]);
  });
});
