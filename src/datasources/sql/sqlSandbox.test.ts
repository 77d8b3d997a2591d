import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { refusalOf, SECRET, writeHospital } from '../../../test/support/sqlHospital.ts';
import type { Batch, DataSource } from '../index.ts';
import { CSVSource } from '../index.ts';
import { SqlSandbox, type SqlSandboxOptions } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'konsil-sql-'));
const csv = join(folder, 'table.csv');
let source: CSVSource;
let sandbox: SqlSandbox;

beforeAll(async () => {
  writeHospital(csv);
  source = await CSVSource.open({ name: 'table', path: csv });
  sandbox = await SqlSandbox.open(source, { tableName: 'hospital/heart' });
});
afterAll(() => {
  sandbox.close();
  source.close();
  rmSync(folder, { recursive: true });
});

const refusal = (sql: string, on = sandbox): Promise<string> => refusalOf(sql, on);
const withSandbox = async <T>(
  options: Partial<SqlSandboxOptions>,
  use: (other: SqlSandbox) => Promise<T>,
  from: DataSource = source,
): Promise<T> => {
  const other = await SqlSandbox.open(from, { tableName: 'heart', ...options });
  try {
    return await use(other);
  } finally {
    other.close();
  }
};

describe('a query gives', () => {
  it('columns, types and rows as plain JSON', async () => {
    const result =
      await sandbox.query(`SELECT count(*) AS n, avg(age) AS "mean age", max("body weight"), min(visit) AS first,
      max(visit)::DATE AS last, bool_or(age > 70) AS old, NULL AS nothing, 1.25 AS price, 'nan'::DOUBLE AS nan FROM heart`);
    expect(result).toEqual({
      columns: ['n', 'mean age', 'max("body weight")', 'first', 'last', 'old', 'nothing', 'price', 'nan'],
      types: ['number', 'number', 'number', 'text', 'text', 'boolean', 'number', 'number', 'number'],
      rows: [[60, 49.5, 88.5, '2020-01-01', '2020-01-28', true, null, 1.25, null]],
      suppressed: 0,
    });
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  });

  it.each([
    [
      'select site, count(*) from heart group by site order by site',
      [
        ['s0', 20],
        ['s1', 20],
        ['s2', 20],
      ],
    ],
    ['FROM heart SELECT pid WHERE age = 27', [[7]]],
    ['select "body weight" from heart where pid = 8;', [[12]]],
    ['select `body weight` from `heart` where pid = 8 -- `x', [[12]]],
    ['select `pid` from `hospital.heart` where `pid` < 1', [[0]]],
    ['select `pid` from `hospital/heart` where pid < 1', [[0]]],
    ['select `hospital`.`heart`.`pid` from `hospital`.`heart` where pid < 1', [[0]]],
    ['select HEART.PID from Heart where "PID" < 1', [[0]]],
    ['select \'a `b` "c"\', "body weight" from heart where pid = 2 /* ` */', [['a `b` "c"', 3]]],
    ['with old as (select * from heart where age > 77) select count(*) from old', [[2]]],
    ['select a.pid from heart a join heart b on a.pid = b.pid + 58', [[58], [59]]],
    ['select pid from heart where pid = 1 union all select 5', [[1], [5]]],
    [
      'select pid, row_number() over (order by age desc) from heart where pid < 2 order by 1',
      [
        [0, 2],
        [1, 1],
      ],
    ],
    ['select pid from heart qualify rank() over (order by age) = 1', [[0]]],
    ['select pid from heart where age = (select max(age) from heart)', [[59]]],
    ["select replace('1,5', ',', '.')::DOUBLE, 'a' || 'b' || concat('c', 1)", [[1.5, 'abc1']]],
    ["select case when site like 's%' then length(site) else 0 end from heart limit 1", [[2]]],
    [
      "select date_part('year', visit::date), visit::date + interval 1 day from heart limit 1",
      [[2020, '2020-01-02 00:00:00']],
    ],
    ['select count(*) from range(5) r(i) join heart on pid = i', [[5]]],
    ['select * from unnest([3, 4]) order by 1', [[3], [4]]],
    ['select * from generate_series(-1, 1)', [[-1], [0], [1]]],
    ["values (1, 'a')", [[1, 'a']]],
    ['select count(distinct site), median(age) from heart', [[3, 49.5]]],
    ['select 9007199254740991', [[9007199254740991]]],
  ])('%s', async (sql, rows) => expect((await sandbox.query(sql)).rows).toEqual(rows));

  it('only columns that the source shows', async () => {
    writeFileSync(join(folder, 'names.csv'), `age,surname\n1,${SECRET}\n`);
    const named = await CSVSource.open({ name: 'x', path: join(folder, 'names.csv') });
    await withSandbox(
      {},
      async (other) => {
        expect((await other.query('select * from heart')).columns).toEqual(['age']);
        expect(await refusal('select surname from heart', other)).toMatch(/"surname" not found/);
      },
      named,
    );
    named.close();
  });
});

describe('limits', () => {
  it('of rows: refused, not cut', async () => {
    await withSandbox({ rowLimit: 5 }, async (other) => {
      expect((await other.query('select pid from heart limit 5')).rows).toHaveLength(5);
      expect(await refusal('select pid from heart limit 6', other)).toBe(
        'its result has more than 5 rows; use LIMIT or aggregates',
      );
    });
  });

  it('of text', async () => {
    // 100 letters, four times joined with themselves four times: 25,600 letters a row
    const wide = Array.from({ length: 4 }).reduce<string>(
      (inner) => `(select x || x || x || x as x from ${inner})`,
      `(select '${'a'.repeat(100)}' as x)`,
    );
    expect((await sandbox.query(`select length(x) from ${wide}`)).rows).toEqual([[25_600]]);
    expect(await refusal(`select t.x from ${wide} t, range(1000)`)).toBe(
      'its result has more than 16000000 characters',
    );
  });

  it('of time, and the next query works', async () => {
    await withSandbox({ timeoutMs: 300 }, async (other) => {
      const endless =
        'select count(*) from heart a, heart b, heart c, heart d, heart e, heart f where a.age + f.age < b.age';
      expect(await refusal(endless, other)).toBe('it takes longer than 300 ms');
      expect((await other.query('select count(*) from heart')).rows).toEqual([[60]]);
    });
  });

  it('of memory and disk, and the next query works', async () => {
    await withSandbox({ memoryLimitMb: 64, diskLimitMb: 1 }, async (other) => {
      const large = `select count(*) from (select distinct a.i * 1000000 + b.i, a.i || 'xxxxxxxxxxxxxxxxxxxxxxx' || b.i
        from range(1000000) a(i), range(100) b(i))`;
      expect(await refusal(large, other)).toBe('it needs more than 64 MB of memory');
      expect((await other.query('select count(*) from heart')).rows).toEqual([[60]]);
    });
  }, 60_000);

  it('stops when cancelled', async () => {
    const controller = new AbortController();
    await withSandbox({ signal: controller.signal }, async (other) => {
      const endless = other.query(
        'select count(*) from heart a, heart b, heart c, heart d, heart e, heart f where a.age < b.age',
      );
      setTimeout(() => controller.abort(), 50);
      await expect(endless).rejects.toMatchObject({ code: 'CANCELLED' });
      await expect(other.query('select 1')).rejects.toMatchObject({ code: 'CANCELLED' });
    });
    await expect(SqlSandbox.open(source, { tableName: 'x', signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'CANCELLED',
    });
  });

  it.each([{ rowLimit: 0 }, { timeoutMs: 0.5 }, { minimumGroupSize: 1 }, { memoryLimitMb: 1 }, { tableName: 'a//b' }])(
    'refuses %o',
    async (options) => {
      await expect(SqlSandbox.open(source, { tableName: 'x', ...options })).rejects.toThrow(RangeError);
    },
  );

  it('many queries at once, each with its own answer; nothing is left after closing', async () => {
    const mine = mkdtempSync(join(folder, 'tables-')); // other tests have tables at the same time
    vi.stubEnv('TMPDIR', mine);
    await withSandbox({}, async (other) => {
      expect(readdirSync(mine)).toHaveLength(1);
      const answers = await Promise.all(
        Array.from({ length: 12 }, async (_, i) => (await other.query(`select age from heart where pid = ${i}`)).rows),
      );
      expect(answers).toEqual(Array.from({ length: 12 }, (_, i) => [[20 + i]]));
    });
    vi.unstubAllEnvs();
    expect(readdirSync(mine)).toEqual([]);
  });
});

describe('any data source', () => {
  /** As sources of images are: cells of several kinds in a column, images, names that look like SQL. */
  const made = (names: readonly string[]): DataSource =>
    ({
      label: 'made',
      schema: {
        name: 'made',
        datasource: 'ImageSource',
        rowCount: 2,
        columns: names.map((name) => ({
          name,
          dataType: name === 'Pixel Data' ? 'image' : name === 'n' ? 'number' : 'text',
          semanticType: 'text',
        })),
      },
      async *yieldData(): AsyncIterable<Batch> {
        const image = { file: '/secret/file', format: 'raster', record: 0, frame: 0 } as const;
        yield {
          keys: [0, 1],
          columns: Object.fromEntries(names.map((name) => [name, name === 'Pixel Data' ? [image, image] : [1, 'x']])),
        };
      },
    }) as unknown as DataSource;

  it('gives its columns without images', async () => {
    const odd = `a"; drop table heart; --`;
    const rows = await withSandbox({}, (other) => other.query('select * from heart'), made(['n', odd, 'Pixel Data']));
    expect(rows).toMatchObject({
      columns: ['n', odd],
      types: ['number', 'text'],
      rows: [
        [1, '1'],
        [null, 'x'],
      ],
    });
  });

  it('needs names that differ in SQL, and one at least', async () => {
    await expect(withSandbox({}, (other) => other.query(''), made(['Age', 'age']))).rejects.toMatchObject({
      code: 'DATA_UNSUPPORTED',
      message: 'made has columns "Age" and "age"; SQL needs names that differ not only in case',
    });
    await expect(withSandbox({}, (other) => other.query(''), made(['Pixel Data']))).rejects.toMatchObject({
      code: 'DATA_EMPTY',
    });
  });
});
