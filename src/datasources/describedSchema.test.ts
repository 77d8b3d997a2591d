/** What modellers get of a dataset besides its columns: descriptions, and values that enough rows have, if the site says so. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { memorySource } from '../../test/support/memorySource.ts';
import { tempFolder } from '../../test/support/tempFolder.ts';
import { releasedCategories } from './categories.ts';
import { type CsvConfig, countCategories, parseSchema, readSchema } from './index.ts';

/** 12 rows of ward A, 10 of B, 9 of Rare. */
function wards(changes: Partial<CsvConfig> = {}): CsvConfig {
  const path = join(tempFolder(), 'wards.csv');
  const rows = [...Array(31).keys()].map((i) => `${i},${i < 12 ? 'A' : i < 22 ? 'B' : 'Rare'}`);
  writeFileSync(path, `alter,station\n${rows.join('\n')}\n`);
  return { name: 'wards', datasource: 'CSVSource', path, ...changes };
}

describe('the schema that modellers get', () => {
  it('is described under the names of tasks, in printable words', async () => {
    const schema = await readSchema(
      wards({
        renameColumns: { alter: 'age' },
        description: {
          displayName: 'Wards\u001b[31m',
          description: 'All of 2024.',
          columns: { alter: 'Age in\nyears', hidden: 'nobody sees this' },
        },
      }),
    );
    expect(schema).toMatchObject({ displayName: 'Wards [31m', description: 'All of 2024.' });
    expect(schema.columns.map(({ name, description }) => [name, description])).toEqual([
      ['age', 'Age in years'],
      ['station', undefined],
    ]);
    expect(JSON.stringify(schema)).not.toContain('nobody sees this');
    expect(parseSchema(JSON.stringify(schema))).toEqual(schema);
  });

  it('has no value unless the site releases the column, and then those of at least 10 rows', async () => {
    expect(JSON.stringify(await readSchema(wards()))).not.toMatch(/"[AB]"|Rare/);
    const config = wards({ renameColumns: { station: 'ward' }, releasedCategories: ['station'] });
    const schema = await readSchema(config);
    expect(schema.columns[1]).toMatchObject({ name: 'ward', categories: ['A', 'B'] });
    expect(parseSchema(JSON.stringify(schema))).toEqual(schema);
  });

  it('is refused when the site releases a column that is not there', async () => {
    await expect(readSchema(wards({ releasedCategories: ['statoin'] }))).rejects.toMatchObject({
      code: 'DATA_COLUMN_MISSING',
      message: expect.stringMatching(/"statoin" that tasks can use \(released_categories\); did you mean "station"/),
    });
  });

  it.each([
    ['a value that cannot be printed', { categories: ['a\u0000'] }],
    ['a long value', { categories: ['a'.repeat(201)] }],
    ['too many values', { categories: [...Array(1_001).keys()].map(String) }],
    ['a long description', { description: 'a'.repeat(1_001) }],
  ])('is garbage of another party with %s', (_, more) => {
    const column = { name: 'x', dataType: 'text', semanticType: 'text', ...more };
    const json = JSON.stringify({ name: 'd', datasource: 'CSVSource', columns: [column] });
    expect(() => parseSchema(json)).toThrow(expect.objectContaining({ code: 'PROTOCOL_VIOLATION' }));
  });
});

describe('categories', () => {
  const table = (values: readonly (string | null)[], patientOf?: (key: number) => string | null) =>
    memorySource({ types: { c: 'text' }, rows: values.map((c) => ({ c })), ...(patientOf && { patientOf }) });
  const times = (n: number, value: string): string[] => Array.from({ length: n }, () => value);

  it('counts rows by value, and says of small ones only how many there are', async () => {
    const counted = await countCategories(table([...times(10, 'b'), ...times(11, 'a'), 'x', 'y', null]), ['c']);
    expect(counted.get('c')).toEqual({
      shown: [
        { value: 'a', rows: 11 },
        { value: 'b', rows: 10 },
      ],
      suppressed: 2,
    });
  });

  it('asks for ten patients where they are known: thirty rows of one are one person', async () => {
    const source = table([...times(30, 'one'), ...times(30, 'ten')], (key) =>
      key < 30 ? 'the same' : String(key % 10),
    );
    expect((await countCategories(source, ['c'])).get('c')).toEqual({
      shown: [{ value: 'ten', rows: 30 }],
      suppressed: 1,
    });
  });

  it('gives up on columns with very many values, and releases none of more than 1000', async () => {
    const distinct = table([...Array(11_001).keys()].map(String));
    expect((await countCategories(distinct, ['c'])).get('c')).toBeNull();
    const classes = (n: number): string[] => [...Array(n).keys()].flatMap((i) => times(10, `v${i}`));
    expect((await releasedCategories(table(classes(1_000)), ['c'])).get('c')).toHaveLength(1_000);
    expect((await releasedCategories(table(classes(1_001)), ['c'])).size).toBe(0);
  });

  it('releases no long values and none that cannot be printed', async () => {
    const values = ['short', 'a'.repeat(200), 'a'.repeat(201), 'bell\u0007', ''].flatMap((value) => times(10, value));
    expect((await releasedCategories(table(values), ['c'])).get('c')).toEqual(['a'.repeat(200), 'short']);
  });
});
