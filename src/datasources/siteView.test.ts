import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { describeDataSource } from '../../test/contract/dataSource.ts';
import { coarseDates, coarseFilters } from './coarseDates.ts';
import { openDataset } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'konsil-test-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'site.csv');
writeFileSync(path, 'alter,groesse,ja\n50,12,1\n61,20,0\n44,9,1\n');
const open = async (renameColumns: Record<string, string>) =>
  openDataset({ name: 'site', datasource: 'CSVSource', path, renameColumns });

describeDataSource('renamed columns', async () => open({ alter: 'age', groesse: 'size' }));

describe('columns that the site calls otherwise', () => {
  it('have the names of the task, in schema and rows', async () => {
    const source = await open({ alter: 'age', ja: 'event' });
    expect(source.columns).toEqual(['age', 'groesse', 'event']);
    expect(source.schema.columns.map(({ name }) => name)).toEqual(source.columns);
    expect((await source.getData([1])).columns).toEqual({ age: [61], groesse: [20], event: [0] });
    source.close();
  });

  it('may change places', async () => {
    const source = await open({ alter: 'groesse', groesse: 'alter' });
    expect((await source.getData([0])).columns).toEqual({ groesse: [50], alter: [12], ja: [1] });
    source.close();
  });

  it('are refused when one is not there, or two would be the same', async () => {
    await expect(open({ altr: 'age' })).rejects.toMatchObject({ code: 'DATA_COLUMN_MISSING' });
    await expect(open({ altr: 'age' })).rejects.toThrow('did you mean "alter"');
    await expect(open({ alter: 'ja' })).rejects.toThrow('rename_cols makes two columns "ja"');
  });
});

describe('dates that a site makes coarse', () => {
  writeFileSync(
    join(folder, 'visits.csv'),
    'visit,note,n\n2024-05-17,since 2023-01-09,1\n2024-02-29 10:11:12,2023-01-09,2\n,"20230109101112.5+0100",20240517\n',
  );
  const visits = async (coarseDates: 'day' | 'month' | 'year', renameColumns?: Record<string, string>) =>
    openDataset({
      ...{ name: 'visits', datasource: 'CSVSource', path: join(folder, 'visits.csv'), coarseDates },
      ...(renameColumns && { renameColumns }),
    });

  it.each([
    ['day', ['2024-05-17', '2024-02-29', null], '2023-01-09'],
    ['month', ['2024-05-01', '2024-02-01', null], '2023-01-01'],
    ['year', ['2024-01-01', '2024-01-01', null], '2023-01-01'],
  ] as const)('are no finer than the %s, and what is no date stays', async (dates, visit, day) => {
    const source = await visits(dates, { visit: 'when' });
    const { columns } = await source.getData([0, 1, 2]);
    expect(columns).toEqual({ when: visit, note: ['since 2023-01-09', day, day], n: [1, 2, 20240517] });
    for await (const batch of source.yieldData(2))
      expect(batch.columns['when']).toEqual(batch.keys.map((k) => visit[k]));
    source.close();
  });

  it('leave nothing of a date that is written otherwise', () => {
    expect(coarseDates(['infinity', '2024-05-17', '44-3-15 (BC)', null], 'year', true)).toEqual([
      null,
      '2024-01-01',
      null,
      null,
    ]);
  });

  it('cannot be asked for by filters', () => {
    const born = { from: '1960-02-10', to: '1960-02-10' };
    expect(coarseFilters({ born, modality: 'OCT' }, 'month')).toEqual({
      born: { from: '1960-02-01', to: '1960-02-29' },
      modality: 'OCT',
    });
    const filters = coarseFilters({ acquired: born, born: { to: '1960-02-10' } }, 'year');
    expect(filters).toEqual({ acquired: { from: '1960-01-01', to: '1960-12-31' }, born: { to: '1960-12-31' } });
    expect(coarseFilters({ born }, 'day')).toEqual({ born });
  });
});
