import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { describeDataSource } from '../../test/contract/dataSource.ts';
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
