import { describe, expect, it } from 'vitest';
import type { DataStructure } from './dataStructure.ts';
import type { Schema } from './schema.ts';
import { resolveColumns } from './selection.ts';

const schema: Schema = {
  ...{ name: 'd', datasource: 'CSVSource', rowCount: 3 },
  columns: ['lab_b', 'lab_a', 'lab_code', 'age', 'outcome'].map((name) => ({
    ...{ name, dataType: 'number', semanticType: 'continuous' },
  })),
};
const structure = (select: DataStructure['select']): DataStructure => ({
  ...{ select, target: 'outcome', categories: {} },
  split: {
    splitter: 'percentage',
    testPercentage: 0,
    validationPercentage: 0,
    shuffle: false,
    stratify: false,
    seed: 0,
  },
});

describe('resolveColumns', () => {
  it.each([
    ['all but the target', {}, ['age', 'lab_a', 'lab_b', 'lab_code']],
    ['all but some', { exclude: ['lab_code'] }, ['age', 'lab_a', 'lab_b']],
    ['a prefix', { includePrefix: 'lab_' }, ['lab_a', 'lab_b', 'lab_code']],
    ['a prefix without some', { includePrefix: 'lab_', exclude: ['lab_code'] }, ['lab_a', 'lab_b']],
    [
      'a list and a prefix without some',
      { include: ['age'], includePrefix: 'lab_', exclude: ['lab_b'] },
      ['age', 'lab_a', 'lab_code'],
    ],
  ] as const)('selects %s', (_what, select, expected) => {
    expect(resolveColumns(structure(select), schema)).toEqual(expected);
  });
});
