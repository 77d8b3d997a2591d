import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempFolder } from '../../../test/support/tempFolder.ts';
import { openDataset } from '../../datasources/index.ts';
import { readSiteKeys } from './siteKeys.ts';

it('tells people apart by whole dates, though tasks see coarse ones, and by columns that no task sees', async () => {
  const path = join(tempFolder(), 'people.csv');
  writeFileSync(path, 'surname,born,x\nA,1950-05-17,1\nA,1950-05-18,2\nB,1950-05-17,3\n');
  const dataset = { name: 'people', datasource: 'CSVSource', path, coarseDates: 'month' } as const;
  const seen = await openDataset(dataset);
  expect(seen.columns).not.toContain('surname');
  seen.close();
  const { keys, rows } = await readSiteKeys({
    ...{ dataset, openDataset, columns: ['surname', 'born'], rule: [{}, {}] },
    signal: new AbortController().signal,
  });
  expect(rows).toBe(3);
  expect(new Set(keys.keyOfRow).size).toBe(3);
});
