import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isKonsilError } from '../base/index.ts';
import {
  type CsvConfig,
  checkSchema,
  type DataStructure,
  type LoadedDataset,
  loadDataset,
  openDataset,
  splitDataset,
} from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'konsil-load-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
const SPLIT = {
  splitter: 'percentage',
  testPercentage: 10,
  validationPercentage: 10,
  shuffle: true,
  stratify: false,
  seed: 0,
} as const;
const structure = (changes: Partial<DataStructure> = {}): DataStructure => ({
  select: {},
  target: 'y',
  categories: { y: ['no', 'yes'] },
  split: SPLIT,
  ...changes,
});

const withSource = async <T>(
  csv: string,
  use: (source: Awaited<ReturnType<typeof openDataset>>) => Promise<T> | T,
  config: Partial<CsvConfig> = {},
): Promise<T> => {
  const path = join(folder, `${files++}.csv`);
  writeFileSync(path, csv);
  const source = await openDataset({ name: 'test', datasource: 'CSVSource', path, ...config });
  try {
    return await use(source);
  } finally {
    source.close();
  }
};
const load = (
  csv: string,
  changes: Partial<DataStructure> = {},
  config: Partial<CsvConfig> = {},
): Promise<LoadedDataset> => withSource(csv, (source) => loadDataset(source, structure(changes)), config);

const failure = async (
  csv: string,
  changes: Partial<DataStructure> = {},
  config: Partial<CsvConfig> = {},
): Promise<string> => {
  try {
    await load(csv, changes, config);
  } catch (error) {
    if (isKonsilError(error)) return `${error.code} ${error.message.replace(/\/\S+\.csv/, 'FILE')}`;
    throw error;
  }
  return 'loaded';
};

describe('loadDataset', () => {
  it('makes numbers of columns sorted by name, and class indices of the target', async () => {
    const dataset = await load('b,y,a\n1,yes,2\n3,no,4.5\n');
    expect(dataset).toMatchObject({
      features: ['a', 'b'],
      classes: ['no', 'yes'],
      rows: 2,
      missingTarget: 0,
      missing: {},
      warnings: [],
    });
    expect([...dataset.x]).toEqual([2, 1, 4.5, 3]);
    expect(dataset.y).toEqual(Int32Array.of(1, 0));
  });

  it('keeps the order of include, adds the prefix, leaves out the target', async () => {
    const csv = 'p2,p1,q,r,y\n1,2,3,4,yes\n5,6,7,8,no\n';
    expect((await load(csv, { select: { include: ['r', 'y', 'q'] } })).features).toEqual(['r', 'q']);
    expect((await load(csv, { select: { include: ['r'], includePrefix: 'p' } })).features).toEqual(['r', 'p1', 'p2']);
    expect((await load(csv, { select: { exclude: ['q', 'p1'] } })).features).toEqual(['p2', 'r']);
  });

  it('one-hot encodes categories and leaves missing values NaN', async () => {
    const csv = 'sex,grade,age,y\nfemale,2,40,yes\nmale,,,no\n,1,60,no\n';
    const dataset = await load(csv, {
      categories: { y: ['no', 'yes'], sex: ['female', 'male'], grade: ['1', '2', '3'] },
    });
    expect(dataset.features).toEqual(['age', 'grade=1', 'grade=2', 'grade=3', 'sex=female', 'sex=male']);
    const n = Number.NaN;
    expect([...dataset.x]).toEqual([40, 0, 1, 0, 1, 0, n, n, n, n, 0, 1, 60, 1, 0, 0, n, n]);
    expect(dataset.missing).toEqual({ age: 1, grade: 1, sex: 1 });
  });

  it('drops and counts rows without a target', async () => {
    const dataset = await load('a,y\n1,yes\n2,\n3,no\n4,NA\n');
    expect([...dataset.keys]).toEqual([0, 2]);
    expect(dataset).toMatchObject({
      rows: 2,
      missingTarget: 2,
      warnings: ['2 of 4 rows have no "y" and are left out'],
    });
  });

  it('takes numeric classes and numeric targets', async () => {
    expect((await load('a,y\n1,0\n2,1\n', { categories: { y: ['0', '1'] } })).y).toEqual(Int32Array.of(0, 1));
    const regression = await load('a,y\n1,0.5\n2,-3\n', { categories: {} });
    expect(regression).toMatchObject({ classes: [], y: Float32Array.of(0.5, -3) });
  });

  it('warns of one class and of text that is not used', async () => {
    const { warnings } = await load('a,note,y\n1,u,yes\n2,v,yes\n');
    expect(warnings).toEqual([
      'column "note" is text and not used; list its values in data_structure.categories to use it',
      'all rows have the same class of "y"; this site alone cannot tell classes apart',
    ]);
  });

  it.each([
    [
      'a missing target',
      'a,Y_\n1,yes\n',
      {},
      'DATA_COLUMN_MISSING FILE has no column "y" (assign.target); did you mean "Y_"?',
    ],
    [
      'a missing input',
      'age,y\n1,yes\n',
      { select: { include: ['aeg'] } },
      'DATA_COLUMN_MISSING FILE has no column "aeg" (select.include); did you mean "age"?',
    ],
    [
      'a word among numbers',
      'a,b,y\n1,1,yes\n2,"x\nz",no\n3,Smith,no\n4,4,no\n5,5,no\n',
      { select: { include: ['b'] } },
      'DATA_INVALID FILE: column "b", line 3: expected a number, or a null value',
    ],
    [
      'a decimal comma',
      'a;y\n1;yes\n2;no\n3,5;no\n',
      {},
      'DATA_INVALID FILE: column "a", line 4: expected a number with a decimal point, got a decimal comma',
    ],
    [
      'a number too large',
      'a,y\n1,yes\n1e39,no\n',
      {},
      'DATA_INVALID FILE: column "a", line 3: expected a number of at most 3.4e38',
    ],
    [
      'a column without values',
      'a,b,y\n1,,yes\n2,NA,no\n',
      {},
      'DATA_INVALID FILE: column "b" has no value in any row; expected some, or leave it out with select.exclude',
    ],
    [
      'an unknown class',
      'a,y\n1,yes\n2,Smith\n3,Jones\n',
      {},
      'DATA_INVALID FILE: column "y" has a value in 2 rows that is none of the task\'s categories; expected no, yes',
    ],
    [
      'an unknown category',
      'a,y\nu,yes\nSmith,no\n',
      { categories: { y: ['no', 'yes'], a: ['u', 'v'] } },
      'DATA_INVALID FILE: column "a" has a value in 1 row that is none of the task\'s categories; expected u, v',
    ],
    [
      'text named as input',
      'a,y\nSmith,yes\nJones,no\n',
      { select: { include: ['a'] } },
      'DATA_INVALID FILE: column "a" is text; expected numbers, or its values listed in data_structure.categories',
    ],
    [
      'text as numeric target',
      'a,y\n1,Smith\n2,Jones\n',
      { categories: {} },
      'DATA_INVALID FILE: column "y" is text; expected numbers, or its values listed in data_structure.categories',
    ],
    [
      'no input left',
      'a,y\nu,yes\nv,no\n',
      {},
      'DATA_INVALID FILE: the task selects no column to learn from; expected at least one besides the target',
    ],
    [
      'no target anywhere',
      'a,y\n1,\n2,\n',
      {},
      'DATA_EMPTY FILE: column "y" has no value in any of the 2 rows; expected a target',
    ],
  ])('explains: %s', async (_, csv, changes, message) => {
    const got = await failure(csv, changes);
    expect(got).toBe(message);
    expect(got).not.toMatch(/Smith|Jones/);
  });

  it('wants the values of a column that the site forces to be categorical', async () => {
    expect(await failure('a,y\n1,yes\n2,no\n', {}, { forceStypes: { categorical: ['a'] } })).toBe(
      'DATA_INVALID FILE: column "a" is categorical; expected its values listed in data_structure.categories, so that all sites agree',
    );
  });

  it('never shows columns that the site ignores', async () => {
    expect(await failure('a,b,y\n1,2,yes\n', { select: { include: ['b'] } }, { ignoreColumns: ['b'] })).toContain(
      'DATA_COLUMN_MISSING',
    );
    expect((await load('a,b,y\n1,2,yes\n', {}, { ignoreColumns: ['b'] })).features).toEqual(['a']);
  });

  it('splits by a column of the data', async () => {
    const split = {
      splitter: 'predefined',
      column: 'part',
      trainingLabel: 'TRAIN',
      validationLabel: 'VALIDATION',
      testLabel: 'TEST',
    } as const;
    const dataset = await load('a,part,y\n1,TEST,yes\n2,TRAIN,\n3,TRAIN,no\n4,VALIDATION,no\n', { split });
    expect(dataset.features).toEqual(['a']);
    expect(splitDataset(dataset, split)).toEqual({
      training: Uint32Array.of(1),
      validation: Uint32Array.of(2),
      test: Uint32Array.of(0),
    });
  });

  it('reads the example as the task describes it', async () => {
    let rows = 0;
    for (const letter of 'abcd') {
      const path = new URL(`../../examples/breast-cancer/data/hospital-${letter}.csv`, import.meta.url).pathname;
      const source = await openDataset({ name: 'breast-cancer', datasource: 'CSVSource', path });
      const dataset = await loadDataset(
        source,
        structure({ target: 'diagnosis', categories: { diagnosis: ['benign', 'malignant'] } }),
      );
      expect(dataset).toMatchObject({ missing: {}, missingTarget: 0, warnings: [] });
      expect(dataset.features).toHaveLength(30);
      rows += dataset.rows;
      source.close();
    }
    expect(rows).toBe(569);
  });
});

describe('checkSchema', () => {
  const problems = (csv: string, changes: Partial<DataStructure> = {}): Promise<string[]> =>
    withSource(csv, ({ schema }) => checkSchema(structure(changes), schema));

  it('accepts what loads', async () => expect(await problems('a,y\n1,yes\n')).toEqual([]));
  it('lists what does not fit', async () => {
    expect(
      await problems('aa,x\n1,yes\n', { select: { include: ['a'] }, compatibleDatasources: ['DICOMSource'] }),
    ).toEqual([
      'CSVSource is not in compatible_datasources: DICOMSource',
      'no column "y" (assign.target)',
      'no column "a" (select.include)',
      'no column "y" (categories)',
    ]);
    expect(await problems('a,y\nu,yes\n', { select: { include: ['a'] } })).toEqual([
      'column "a" is text; expected numbers, or its values listed in data_structure.categories',
    ]);
  });
});
