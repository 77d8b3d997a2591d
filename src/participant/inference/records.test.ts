import { describe, expect, it } from 'vitest';
import { memorySource } from '../../../test/support/memorySource.ts';
import type { RecordRule } from '../../tasks/index.ts';
import { chooseRecords } from './records.ts';

const ROWS = [
  { patient: 'a', day: '2020-01-01', birth: '1950-06-15' },
  { patient: 'a', day: '2021-01-01', birth: '1950-06-15' },
  { patient: 'b', day: '2019-05-05', birth: '2000-01-01' },
  { patient: 'a', day: '2020-06-01', birth: '1950-06-15' },
  { patient: '', day: '2022-01-01', birth: '' },
];
const source = memorySource({
  types: { patient: 'text', day: 'text', birth: 'text' },
  rows: ROWS,
  patientOf: (key) => ROWS[key]!.patient || null,
});
const choose = (records: RecordRule[], wholePatients = false): Promise<readonly number[]> =>
  chooseRecords(source, { records, wholePatients }, new Date('2020-06-14T12:00:00Z'), new AbortController().signal);

describe('chooseRecords', () => {
  const latest: RecordRule = { kind: 'latest', date: 'day', id: ['patient'], count: 1 };
  it.each<[string, RecordRule[], boolean, number[]]>([
    ['no rule: all', [], false, [0, 1, 2, 3, 4]],
    ['the latest of each id', [latest], false, [1, 2]],
    ['the two latest', [{ ...latest, count: 2 }], false, [1, 2, 3]],
    ['ids with two records or more', [{ kind: 'frequency', id: ['patient'], least: 2, most: null }], false, [0, 1, 3]],
    ['ids with one record', [{ kind: 'frequency', id: ['patient'], least: 1, most: 1 }], false, [2]],
    [
      '69 and not 70 the day before a birthday',
      [{ kind: 'age_range', birth: 'birth', least: 69, most: 69 }],
      false,
      [0, 1, 3],
    ],
    ['nobody of 70', [{ kind: 'age_range', birth: 'birth', least: 70, most: null }], false, []],
    [
      'all records of the patients of one',
      [{ kind: 'age_range', birth: 'birth', least: 30, most: null }, latest],
      true,
      [0, 1, 3],
    ],
  ])('%s', async (_what, rules, whole, keys) => {
    expect(await choose(rules, whole)).toEqual(keys);
  });
});
