/** CSV text that is not as RFC 4180 has it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../../../test/support/tempFolder.ts';
import type { CsvReading } from '../dataSource.ts';
import { CSVSource } from './csvSource.ts';

const open = (text: string | Buffer, reading: CsvReading, delimiter?: string) => {
  const path = join(tempFolder(), 'x.csv');
  writeFileSync(path, text);
  return CSVSource.open({ name: 'x', path, reading, ...(delimiter !== undefined && { delimiter }) });
};
const cells = async (...asked: Parameters<typeof open>) => {
  const source = await open(...asked);
  const { columns } = await source.getData(Array.from({ length: source.rowCount }, (_, i) => i));
  const types = source.schema.columns.map(({ dataType }) => dataType);
  source.close();
  return { columns, types };
};

describe('reading CSV', () => {
  it.each<[string, string | Buffer, CsvReading, Record<string, unknown[]>, string[]]>([
    ['decimal comma', 'a;b\n1,5;x\n-2;y\n', { decimal: ',' }, { a: [1.5, -2], b: ['x', 'y'] }, ['number', 'text']],
    [
      'a point is no decimal comma',
      'a;b\n1.5;x\n2,5;y\n',
      { decimal: ',' },
      { a: ['1.5', '2,5'], b: ['x', 'y'] },
      ['text', 'text'],
    ],
    [
      'thousands',
      'a;b\n1.234.567,5;1.000\n12,25;7\n',
      { decimal: ',', thousands: '.' },
      { a: [1_234_567.5, 12.25], b: [1_000, 7] },
      ['number', 'integer'],
    ],
    [
      'dates are no thousands',
      'a;b\n01.02.2020;1\n',
      { decimal: ',', thousands: '.' },
      { a: ['01.02.2020'], b: [1] },
      ['text', 'integer'],
    ],
    ['quote', "a,b\n'x,y',1\n", { quote: "'" }, { a: ['x,y'], b: [1] }, ['text', 'integer']],
    ['escape', 'a,b\n"x\\"y",1\n', { escape: '\\' }, { a: ['x"y'], b: [1] }, ['text', 'integer']],
    [
      'comments',
      '# made by hand\na,b\n# more\n1,2 # end\n',
      { comment: '#' },
      { a: [1], b: [2] },
      ['integer', 'integer'],
    ],
    [
      'latin-1',
      Buffer.from('größe,b\nmüde,1\n', 'latin1'),
      { encoding: 'latin-1' },
      { größe: ['müde'], b: [1] },
      ['text', 'integer'],
    ],
    [
      'lines before the names',
      'Export 7\nclinic; x, y\na,b\n1,2\n',
      { skipRows: 2 },
      { a: [1], b: [2] },
      ['integer', 'integer'],
    ],
    [
      'no names',
      '1,x\n2,y\n',
      { hasHeader: false, names: ['n', 't'] },
      { n: [1, 2], t: ['x', 'y'] },
      ['integer', 'text'],
    ],
    ['other names', 'a,b\n1,x\n', { names: ['n', 't'] }, { n: [1], t: ['x'] }, ['integer', 'text']],
    ['some columns', 'a,b,c\n1,2,3\n', { columns: ['c', 'a'] }, { a: [1], c: [3] }, ['integer', 'integer']],
    [
      'types',
      'zip code,n\n00123,1\n',
      { types: { 'zip code': 'text' }, columns: ['n', 'zip code'] },
      { n: [1] },
      ['integer'],
    ],
    [
      'text that looks like numbers',
      'ward,n\n007,1\n',
      { types: { ward: 'text', n: 'number' } },
      { ward: ['007'], n: [1] },
      ['text', 'integer'],
    ],
    ['the first rows', 'a\n1\n2\n3\n', { maxRows: 2 }, { a: [1, 2] }, ['integer']],
  ])('%s', async (_, text, reading, columns, types) => {
    expect(await cells(text, reading)).toEqual({ columns, types });
  });

  it.each<[string, string, CsvReading, object]>([
    ['a column that is not there', 'a,b\n1,2\n', { columns: ['c'] }, { code: 'DATA_COLUMN_MISSING' }],
    ['a type of none', 'a,b\n1,2\n', { types: { c: 'text' } }, { code: 'DATA_COLUMN_MISSING' }],
    [
      'words as numbers',
      'a,b\nsesame,2\n1,2\n',
      { types: { a: 'number' } },
      { code: 'DATA_INVALID', message: expect.stringMatching(/"a": 1 of 2 values are no numbers/) },
    ],
    [
      'too few names',
      'a,b\n1,2\n',
      { names: ['n'] },
      { code: 'DATA_INVALID', message: expect.stringMatching(/2 fields in its first record; expected 1/) },
    ],
    ['more lines left out than there are', 'a,b\n1,2\n', { skipRows: 9 }, { code: 'DATA_EMPTY' }],
    ['nothing but comments', '#a\n#b\n', { comment: '#' }, { code: 'DATA_INVALID' }],
    ['a long comment', `#${'#'.repeat(300_000)}\n`.repeat(3), { comment: '#' }, { code: 'DATA_INVALID' }],
  ])('refuses %s', async (_, text, reading, error) => {
    const caught = await open(text, reading).catch((thrown: Error) => thrown);
    expect(caught).toMatchObject(error);
    expect((caught as Error).message).not.toContain('sesame');
  });

  it('finds kinds in all rows, not only in those it looks at first', async () => {
    const text = `i,n,d,b\n${'1,1,2020-01-02,true\n'.repeat(3_000)}1.5,x,soon,perhaps\n`;
    expect((await cells(text, {})).types).toEqual(['number', 'text', 'text', 'text']);
    const late = `d,b\n${',\n'.repeat(1_500)}2020-01-02,true\n`;
    expect((await cells(late, {})).types).toEqual(['date', 'boolean']);
  });
});
