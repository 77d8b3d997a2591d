import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { describeDataSource } from '../../../test/contract/dataSource.ts';
import { brokenCopies } from '../../../test/support/fuzzBytes.ts';
import { writeParquet } from '../../../test/support/parquetFile.ts';
import { isKonsilError } from '../../base/index.ts';
import type { Batch } from '../index.ts';
import { CSVSource, type CsvOptions } from './csvSource.ts';
import { openTableDatabase } from './tableDatabase.ts';

const folder = mkdtempSync(join(tmpdir(), 'konsil-parquet-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
const write = async (query: string, name = `file${files++}.parquet`, options?: string): Promise<string> => {
  const path = join(folder, name);
  await writeParquet(path, query, options);
  return path;
};
const openFile = (path: string, options: Partial<CsvOptions> = {}) =>
  CSVSource.open({ name: 'test', path, ...options });
const sizeOf = (path: string): number =>
  readdirSync(path).reduce((sum, file) => sum + statSync(join(path, file)).size, 0);
const readAll = async (source: CSVSource): Promise<Batch> => {
  for await (const batch of source.yieldData()) return batch;
  throw new Error('no rows');
};

const TYPES = `SELECT 1::TINYINT AS tiny, 9007199254740991::BIGINT AS big, 7::UBIGINT AS unsigned, 2.5::DECIMAL(9, 2) AS price,
  3::DECIMAL(18, 0) AS whole, 0.25::FLOAT AS f, 'nan'::DOUBLE AS d, true AS flag, DATE '2020-02-29' AS day,
  TIMESTAMP '2020-02-29 13:14:15' AS at, TIMESTAMPTZ '2020-02-29 13:14:15+02' AS zoned, TIME '10:11:12' AS clock,
  'x'::ENUM ('x', 'y') AS class, '  a' || chr(0) || 'secret' AS word, 'NA' AS missing, [1, 2] AS list, {'a': 1} AS record,
  MAP {'a': 1} AS map, '\\x00'::BLOB AS bytes, INTERVAL 1 DAY AS span`;

describeDataSource('Parquet', async () =>
  openFile(await write(`SELECT range AS n, range / 3 AS x, 'class ' || range % 2 AS y, [range] AS list FROM range(5)`)),
);

describe('a Parquet file', () => {
  it('keeps its types; nested columns are left out and named', async () => {
    const source = await openFile(await write(TYPES));
    const { columns } = await readAll(source);
    expect(columns).toEqual({
      ...{ tiny: [1], big: [2 ** 53 - 1], unsigned: [7], price: [2.5], whole: [3], f: [0.25], d: [null] },
      ...{ flag: ['true'], day: ['2020-02-29'], at: ['2020-02-29 13:14:15'], zoned: ['2020-02-29 11:14:15'] },
      ...{ clock: ['10:11:12'], class: ['x'], word: ['a'], missing: [null] },
    });
    const kinds = source.schema.columns.map(({ dataType, semanticType }) => `${dataType} ${semanticType}`);
    expect(kinds).toEqual([
      ...['integer continuous', 'integer continuous', 'integer continuous', 'number continuous', 'integer continuous'],
      ...['number continuous', 'number continuous', 'boolean text', 'date text', 'date text', 'date text'],
      ...['text text', 'text text', 'text text', 'text text'],
    ]);
    expect(source.found()).toEqual({
      counts: { files: 1, records: 1, skipped: {} },
      hiddenColumns: ['bytes', 'list', 'map', 'record', 'span'],
    });
    expect(await source.findLine(0)).toBeUndefined();
    source.close();
  });

  it('reads as the CSV file of the same rows', async () => {
    const rows = `SELECT range AS n, range * 0.5::DOUBLE AS x, CASE WHEN range = 2 THEN NULL ELSE 'c' || range % 3 END AS y,
      DATE '2020-01-01' + range::INTEGER AS day FROM range(50)`;
    const [parquet, csv, tsv] = await Promise.all([
      openFile(await write(rows)),
      openFile(await write(rows, 'same.csv', 'FORMAT csv, HEADER')),
      openFile(await write(rows, 'same.tsv', `FORMAT csv, HEADER, DELIMITER '\t'`)),
    ]);
    expect(await readAll(parquet)).toEqual(await readAll(csv));
    expect(await readAll(tsv)).toEqual(await readAll(csv));
    // text cannot say that all its numbers happen to be whole
    expect(parquet.schema).toEqual(csv.schema);
    for (const source of [parquet, csv, tsv]) source.close();
  });

  it('is known by its bytes, whatever its name, and other compressions are read', async () => {
    const source = await openFile(await write('SELECT 1 AS a', "odd [x]*?'.csv", 'FORMAT parquet, COMPRESSION zstd'));
    expect((await readAll(source)).columns).toEqual({ a: [1] });
    source.close();
    const text = join(folder, 'text.csv');
    writeFileSync(text, 'PAR1,b\n1,2\n'); // begins as Parquet does
    const csv = await openFile(text);
    expect((await readAll(csv)).columns).toEqual({ PAR1: [1], b: [2] });
    csv.close();
  });

  it('keeps the order of its rows over many row groups', async () => {
    const path = await write(
      'SELECT range AS n, hash(range) % 1000 AS x FROM range(100_000)',
      undefined,
      'FORMAT parquet, ROW_GROUP_SIZE 2048',
    );
    const source = await openFile(path);
    let row = 0;
    for await (const { columns } of source.yieldData(9_999)) for (const n of columns.n!) expect(n).toBe(row++);
    expect(row).toBe(100_000);
    source.close();
  });

  it.each([
    [
      'BIGINT beyond doubles',
      'SELECT 9007199254740993::BIGINT AS "the id", 1 AS b',
      'column "the id": 1 values out of',
    ],
    ['negative ones', 'SELECT (-9007199254740992)::BIGINT AS a', 'column "a": 1 values out of range'],
    ['HUGEINT', 'SELECT 17014118346046923173168730371588410572::DECIMAL(38, 0) AS a', 'column "a": 1 values'],
    ['infinity', `SELECT 'inf'::DOUBLE AS a`, 'column "a": 1 values out of range; expected finite numbers'],
    ['no rows', 'SELECT 1 AS a WHERE false', 'has columns but no rows'],
    ['only lists', 'SELECT [1] AS a', 'has no column of numbers, text, dates or booleans'],
  ])('refuses %s', async (_, query, message) => {
    const error = await openFile(await write(query)).catch((caught: unknown) => caught);
    expect(isKonsilError(error)).toBe(true);
    expect((error as Error).message).toContain(message);
    expect((error as Error).message).not.toMatch(/900719925474|17014118346/);
  });

  it('refuses what is damaged, encrypted, or only called Parquet', async () => {
    const path = await write('SELECT range AS n FROM range(1000)');
    const bytes = readFileSync(path);
    const refused = async (content: Uint8Array, name = 'bad.parquet') => {
      const bad = join(folder, name);
      writeFileSync(bad, content);
      return openFile(bad).then(
        () => 'opened',
        (error: unknown) => (isKonsilError(error) ? `${error.code} ${error.message.replace(bad, '')}` : String(error)),
      );
    };
    const whole = 'DATA_INVALID  is not a whole Parquet file; expected PAR1 as its first and last 4 bytes';
    expect(await refused(bytes.subarray(0, -1))).toBe(whole);
    expect(await refused(new Uint8Array())).toBe(whole);
    expect(await refused(Buffer.from('a,b\n1,2\n'))).toBe(whole);
    expect(await refused(Buffer.from('PAR1PAR1'))).toBe(whole);
    const encrypted = Buffer.from(bytes);
    for (const at of [0, bytes.length - 4]) encrypted.write('PARE', at);
    expect(await refused(encrypted, 'bad.data')).toMatch(/^DATA_UNSUPPORTED .*encrypted Parquet file/);
    const footer = Buffer.from(bytes);
    footer.writeUInt32LE(0xfffffff0, bytes.length - 8);
    expect(await refused(footer)).toBe(
      `DATA_INVALID  has a footer of 4294967280 bytes at byte ${bytes.length - 8}; expected at most ${bytes.length - 12}`,
    );
    footer.writeUInt32LE(3, bytes.length - 8);
    expect(await refused(footer)).toMatch(/^DATA_INVALID {2}is a damaged Parquet file/);
  });

  it('survives whatever its bytes: reads or refuses', async () => {
    const path = await write(`SELECT range AS n, 'Patient-' || range % 7 AS s, range / 7 AS x FROM range(300)`);
    const bad = join(folder, 'fuzz.parquet');
    let refused = 0;
    for (const { bytes } of brokenCopies(readFileSync(path), 150, 7)) {
      writeFileSync(bad, bytes);
      try {
        const source = await openFile(bad, { memoryLimitMb: 200, diskLimitMb: 200 });
        expect(source.rowCount).toBeGreaterThan(0);
        source.close();
      } catch (error) {
        if (!isKonsilError(error)) throw error;
        expect(['DATA_INVALID', 'DATA_EMPTY', 'DATA_UNSUPPORTED']).toContain(error.code);
        expect(error.message).not.toContain('Patient-');
        expect(error.cause).toBeUndefined();
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(50);
  });
});

describe('a table larger than memory', () => {
  // 1,000,000 rows of two numbers and a text of 90 letters: about 120 MB in DuckDB
  const rows = `SELECT range AS n, hash(range) % 1_000_003 AS x, repeat('class' || hash(range) % 7, 15) AS s
    FROM range(1_000_000)`;
  const folders = (): string[] => readdirSync(tmpdir()).filter((entry) => entry.startsWith('konsil-table-'));

  it.each([
    ['large.parquet', 'FORMAT parquet'],
    ['large.csv', 'FORMAT csv, HEADER'],
  ])(
    '%s is kept on disk, read in order, and removed on close',
    async (name, format) => {
      const path = await write(rows, name, format);
      const before = new Set(folders());
      const source = await openFile(path, { memoryLimitMb: 48 });
      const own = folders().filter((entry) => !before.has(entry));
      // pages on disk are compressed
      const spilled = own.map((entry) => join(tmpdir(), entry)).filter((entry) => sizeOf(entry) > 10e6);
      expect(spilled).toHaveLength(1);
      expect(source.rowCount).toBe(1_000_000);
      let row = 0;
      let isOrdered = true;
      for await (const { columns } of source.yieldData(50_000)) for (const n of columns.n!) isOrdered &&= n === row++;
      expect([isOrdered, row]).toEqual([true, 1_000_000]);
      expect((await source.getData([999_999, 3])).columns.n).toEqual([999_999, 3]);
      source.close();
      expect(existsSync(spilled[0]!)).toBe(false);
      rmSync(path);
    },
    120_000,
  );

  it('says so when the disk it may use is not enough', async () => {
    const path = await write(rows, 'huge.parquet');
    await expect(openFile(path, { memoryLimitMb: 48, diskLimitMb: 5 })).rejects.toMatchObject({
      code: 'DATA_UNSUPPORTED',
      message: `${path} needs more than 48 MB of memory and 5 MB of disk to be read`,
    });
  }, 60_000);

  it.each([{ memoryLimitMb: 47 }, { memoryLimitMb: 64.5 }, { diskLimitMb: 0 }])('refuses limits %o', async (limits) => {
    await expect(openTableDatabase(limits)).rejects.toThrow(RangeError);
  });
});
