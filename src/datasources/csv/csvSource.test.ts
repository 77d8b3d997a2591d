import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { isKonsilError } from '../../base/index.ts';
import type { Batch, DatasourceConfig } from '../index.ts';
import { CSVSource } from '../index.ts';

const folder = mkdtempSync(join(tmpdir(), 'konsil-csv-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
const write = (content: string | Uint8Array, name = `file${files++}.csv`): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

const read = async (content: string | Uint8Array, options: Partial<DatasourceConfig> = {}, name?: string) => {
  const source = await CSVSource.open({ name: 'test', path: write(content, name), ...options });
  const batches: Batch[] = [];
  for await (const batch of source.yieldData()) batches.push(batch);
  const { schema } = source;
  source.close();
  return { columns: batches[0]!.columns, schema };
};

const failure = async (content: string | Uint8Array, options: Partial<DatasourceConfig> = {}): Promise<string> => {
  try {
    await read(content, options);
  } catch (error) {
    if (!isKonsilError(error)) throw error;
    expect(error.cause).toBeUndefined(); // DuckDB's own message quotes rows
    return `${error.code} ${error.message.replaceAll(folder, '')}`;
  }
  return 'read';
};

describe('CSVSource reads', () => {
  const wanted = { a: [1, 2], 'b c': ['x', 'y'] };
  it.each([
    ['commas', 'a,b c\n1,x\n2,y\n'],
    ['semicolons', 'a;b c\n1;x\n2;y\n'],
    ['tabs', 'a\tb c\n1\tx\n2\ty\n'],
    ['bars', 'a|b c\n1|x\n2|y\n'],
    ['a byte order mark', '\uFEFFa,b c\n1,x\n2,y\n'],
    ['Windows lines', 'a,b c\r\n1,x\r\n2,y\r\n'],
    ['quotes', '"a","b c"\n"1","x"\n2,"y"\n'],
    ['no last line break', 'a,b c\n1,x\n2,y'],
    ['blanks around values', 'a , b c\n 1 , x\n2,y \n'],
    ['gzip', gzipSync('a,b c\n1,x\n2,y\n')],
  ])('%s', async (_, content) => expect((await read(content)).columns).toEqual(wanted));

  it('quotes, delimiters and line breaks inside quotes', async () => {
    const { columns } = await read('"a;b";c\n"1;2";"say ""x"""\n"3\n4";z\n');
    expect(columns).toEqual({ 'a;b': ['1;2', '3\n4'], c: ['say "x"', 'z'] });
  });

  it('null values, by default and as configured', async () => {
    expect((await read('a,b\n1,NA\n.,x\n"",NaN\nN/A,null\n')).columns).toEqual({
      a: [1, null, null, null],
      b: [null, 'x', null, null],
    });
    expect((await read('a\n?\n2\n', { nullValues: ['', '?'] })).columns).toEqual({ a: [null, 2] });
  });

  it('a file whose name has quotes and wildcards, and no other file', async () => {
    write('a\n1\n', 'x1.csv');
    expect((await read('a\n2\n', {}, "x[1]'*?.csv")).columns).toEqual({ a: [2] });
    expect((await read('a\n3\n', {}, 'x?.csv')).columns).toEqual({ a: [3] });
  });

  it('column names that look like SQL', async () => {
    const name = `x"; DROP TABLE data; --'`;
    expect((await read(`"${name.replaceAll('"', '""')}",b\n1,2\n`)).columns).toEqual({ [name]: [1], b: [2] });
  });
});

describe('the schema', () => {
  it('has types but no values, and honours force_stypes and ignore_cols', async () => {
    const path = new URL('../../../test/fixtures/data/mixed.csv', import.meta.url).pathname;
    const source = await CSVSource.open({
      name: 'mixed',
      path,
      forceStypes: { categorical: ['age'] },
      ignoreColumns: ['id'],
    });
    expect(source.schema).toEqual({
      name: 'mixed',
      datasource: 'CSVSource',
      rowCount: 5,
      columns: [
        { name: 'age', dataType: 'integer', semanticType: 'categorical' },
        { name: 'weight', dataType: 'number', semanticType: 'continuous' },
        { name: 'sex', dataType: 'text', semanticType: 'text' },
        { name: 'smoker', dataType: 'boolean', semanticType: 'text' },
        { name: 'visit', dataType: 'date', semanticType: 'text' },
        { name: 'note', dataType: 'text', semanticType: 'text' },
        { name: 'outcome', dataType: 'text', semanticType: 'text' },
      ],
    });
    expect(await source.findLine(0)).toBe(2);
    expect(await source.findLine(2)).toBe(5); // row 1 has a line break inside
    expect(await source.findLine(5)).toBeUndefined();
    source.close();
  });
});

describe('CSVSource explains', () => {
  it.each([
    ['too few fields', 'a,b\n1,2\nsecret\n', 'DATA_INVALID /@ , line 3: expected 2 fields, got 1'],
    ['too many fields', 'a,b\n1,2,secret\n', 'DATA_INVALID /@ , line 2: expected 2 fields, got 3'],
    ['an open quote', 'a,b\n1,2\n"secret,3\n', 'DATA_INVALID /@ , line 3: a quote is never closed'],
    ['an empty file', '', 'DATA_EMPTY /@ is empty; expected a line of column names'],
    ['a file of blanks', ' \n\n', 'DATA_EMPTY /@ is empty; expected a line of column names'],
    ['no rows', 'a,b\n', 'DATA_EMPTY /@ has column names but no rows'],
    ['no header', '1,2\n3,4\n', 'DATA_INVALID /@ has numbers in its first line; expected column names'],
    [
      'a nameless column',
      'a,,c\n1,2,3\n',
      'DATA_INVALID /@ has no name for column 2; expected a name for every column in line 1',
    ],
    ['one name twice', 'a,b,a\n1,2,3\n', 'DATA_INVALID /@ has two columns named "a"; expected different names'],
    ['Latin-1', Uint8Array.of(0x61, 0x0a, 0xe9, 0x0a), 'DATA_INVALID /@ is not UTF-8 text; save it as UTF-8'],
    [
      'half a gzip file',
      gzipSync('a,b\n1,2\n').subarray(0, 15),
      'DATA_INVALID /@ cannot be decompressed; expected a whole gzip file',
    ],
  ])('%s', async (_, content, message) => {
    const got = await failure(content);
    expect(got.replace(/file\d+\.csv/, '@').replace(/@, /, '@ , ')).toBe(message);
    expect(got).not.toContain('secret');
  });

  it('a missing file, and a folder', async () => {
    await expect(CSVSource.open({ name: 'x', path: '/nowhere/x.csv' })).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: 'no file /nowhere/x.csv; expected a CSV file',
    });
    await expect(CSVSource.open({ name: 'x', path: folder })).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });

  it('options for columns that are not there', async () => {
    expect(await failure('age,sex\n1,f\n', { forceStypes: { categorical: ['Sexx'] } })).toMatch(
      /^DATA_COLUMN_MISSING .* has no column "Sexx" \(force_stypes\.categorical\); did you mean "sex"\?$/,
    );
    expect(await failure('age,sex\n1,f\n', { ignoreColumns: ['patient'] })).toMatch(
      /has no column "patient" \(ignore_cols\)$/,
    );
  });
});
