/** A table of paths of pictures. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempFolder } from '../../../test/support/tempFolder.ts';
import { openDataset } from '../openDataset.ts';

async function open(rows: string) {
  const folder = join(tempFolder(), 'data');
  mkdirSync(folder);
  writeFileSync(join(folder, 'scans.csv'), `scan,mask,age\n${rows}`);
  const source = await openDataset({
    ...{ name: 'x', datasource: 'CSVSource', path: join(folder, 'scans.csv') },
    forceStypes: { image: ['scan', 'mask'] },
  });
  return { folder, source };
}

it('gives pictures where the table has paths, and none where it has none', async () => {
  const { folder, source } = await open('a.png,b/m.png,3\nc.png,,4\n');
  expect(source.schema.columns.map(({ name, semanticType }) => [name, semanticType])).toEqual([
    ['scan', 'image'],
    ['mask', 'image'],
    ['age', 'continuous'],
  ]);
  const { columns } = await source.getData([0, 1]);
  const handle = { format: 'raster', record: 0, frame: 0 };
  expect(columns['mask']).toEqual([{ ...handle, file: join(folder, 'b/m.png') }, null]);
  expect(columns['age']).toEqual([3, 4]);
  source.close();
});

it('takes all columns whose names begin so', async () => {
  const path = join(tempFolder(), 'scans.csv');
  writeFileSync(
    path,
    `scan_0,scan_1,age\n${Array.from({ length: 30 }, (_, i) => `${i}.png,b${i}.png,3`).join('\n')}\n`,
  );
  const table = { name: 'x', datasource: 'CSVSource', path } as const;
  const source = await openDataset({ ...table, imagePrefixes: ['scan_'] });
  const types = source.schema.columns.map(({ semanticType }) => semanticType);
  expect(types).toEqual(['image', 'image', 'continuous']);
  expect((await source.getData([29])).columns['scan_1']).toMatchObject([
    { file: path.replace('scans.csv', 'b29.png') },
  ]);
  source.close();
  await expect(openDataset({ ...table, imagePrefixes: ['scan_', 'oct_'] })).rejects.toMatchObject({
    code: 'DATA_COLUMN_MISSING',
    message: expect.stringContaining('begins with "oct_"') as string,
  });
});

it.each(['../secret.png', '/etc/passwd'])('refuses %s, which is not below its folder', async (path) => {
  const { source } = await open(`${path},m.png,3\n`);
  await expect(source.getData([0])).rejects.toMatchObject({
    code: 'DATA_INVALID',
    message: expect.not.stringContaining(path),
  });
  source.close();
});
