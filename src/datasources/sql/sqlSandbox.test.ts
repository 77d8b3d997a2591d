import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isKonsilError } from '../../base/index.ts';
import type { Batch, DataSource } from '../index.ts';
import { CSVSource } from '../index.ts';
import { SqlSandbox, type SqlSandboxOptions } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'konsil-sql-'));
const csv = join(folder, 'table.csv');
const SECRET = 'Zebrafish-4711';
let source: CSVSource;
let sandbox: SqlSandbox;

beforeAll(async () => {
  // ages 20 to 79, three sites, a column with a blank in its name, a mistake among the weights, a cell that is secret
  const rows = Array.from({ length: 60 }, (_, i) =>
    [
      i,
      20 + i,
      `s${i % 3}`,
      i === 7 ? '' : 1.5 * i,
      `2020-01-${String(1 + (i % 28)).padStart(2, '0')}`,
      i === 9 ? SECRET : 'free',
    ].join(),
  );
  writeFileSync(csv, ['pid,age,site,body weight,visit,note', ...rows].join('\n'));
  source = await CSVSource.open({ name: 'table', path: csv });
  sandbox = await SqlSandbox.open(source, { tableName: 'hospital/heart' });
});
afterAll(() => {
  sandbox.close();
  source.close();
  rmSync(folder, { recursive: true });
});

const refusal = async (sql: string, on: SqlSandbox = sandbox): Promise<string> => {
  try {
    await on.query(sql);
  } catch (error) {
    if (!isKonsilError(error, 'SQL_REFUSED')) throw error;
    expect(error.cause).toBeUndefined();
    expect(`${error.message} ${JSON.stringify(error.facts)}`).not.toContain(SECRET);
    return error.message.replace('the query is refused: ', '');
  }
  return 'answered';
};
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

describe('a query is refused that', () => {
  it.each([
    ['is two', 'select 1; select 2', 'it has 2 statements; expected one SELECT'],
    ['hides another', 'select 1; drop table heart', 'expected a SELECT'],
    ['is nothing', ' -- nothing', 'it has 0 statements; expected one SELECT'],
    ['is no SQL', 'selec 1', 'syntax error at or near "selec"'],
    ...[
      ...['insert into heart values (1)', 'update heart set age = 1', 'delete from heart', 'drop table heart'],
      ...['create table x (a int)', "attach 'x.db'", 'set threads = 1', 'pragma version', 'explain select 1'],
      ...[
        "copy heart to 'x.csv'",
        "copy (select 1) to 'x.csv'",
        'call pragma_version()',
        'install httpfs',
        'load json',
      ],
      ...['begin', 'prepare a as select 1', 'execute a', "export database 'x'", 'vacuum', 'use memory', 'checkpoint'],
    ].map((sql) => ['is no SELECT', sql, 'expected a SELECT']),
    ['describes', 'describe heart', 'expected a SELECT, not DESCRIBE, SHOW or SUMMARIZE'],
    ['summarises', 'summarize heart', 'expected a SELECT, not DESCRIBE, SHOW or SUMMARIZE'],
    ['describes inside', 'select * from (describe heart)', 'expected a SELECT, not DESCRIBE, SHOW or SUMMARIZE'],
    ['shows tables', 'show tables', 'expected a SELECT, not DESCRIBE, SHOW or SUMMARIZE'],
    ['reads a file', "from '/etc/passwd'", 'there is no table "/etc/passwd"'],
    ['reads a file by its name', 'select * from "table.csv"', 'there is no table "table.csv"'],
    ...['read_csv', 'read_text', 'read_blob', 'read_parquet', 'glob', 'parquet_metadata', 'sniff_csv', 'read_json'].map(
      (name) => [
        'reads files',
        `select * from ${name}('/etc/passwd')`,
        new RegExp(`^the table function ${name} is not`),
      ],
    ),
    ...[
      'duckdb_settings',
      'duckdb_tables',
      'duckdb_secrets',
      'pragma_version',
      'query',
      'query_table',
      'repeat_row',
    ].map((name) => [
      'asks the database',
      `select * from ${name}('heart')`,
      new RegExp(`^the table function ${name} is not`),
    ]),
    ['runs a tree', "select * from json_execute_serialized_sql('{}')", /^the table function json_execute/],
    ['asks the catalogue', 'select * from duckdb_tables', 'there is no table "duckdb_tables"'],
    ['asks the schema', 'select * from information_schema.tables', 'there is no table "information_schema.tables"'],
    ['asks the schema', 'select * from main.heart', 'there is no table "main.heart"'],
    [
      'gives a view its name',
      'with x as (with duckdb_settings as (select 1) select * from duckdb_settings) select * from duckdb_settings',
      'the name "duckdb_settings" in WITH is one of the database\'s own',
    ],
    ...["getenv('HOME')", "current_setting('memory_limit')", "error('x')", "repeat('x', 1000000000)", 'version()'].map(
      (call) => ['calls', `select ${call}`, `the function ${call.replace(/\(.*/, '')} is not allowed`],
    ),
    ...['random()', 'uuid()', 'setseed(0.5)', "getvariable('x')", 'list(pid)', 'array_agg(pid)', 'pg_sleep(1)'].map(
      (call) => ['calls', `select ${call} from heart`, `the function ${call.replace(/\(.*/, '')} is not allowed`],
    ),
    ['calls deep inside', "select 1 from heart order by (select sum(length(getenv('A'))) over () limit 1)", /getenv/],
    ['calls in LIMIT', "select 1 limit length(getenv('A'))", 'the function getenv is not allowed'],
    ['calls by schema', "select system.main.getenv('A')", 'the function system.getenv is not allowed'],
    ['calls in FILTER', "select count(*) filter (getenv('A') = '') from heart", 'the function getenv is not allowed'],
    ['asks the session', 'select current_user', 'current_user is not allowed'],
    ['asks the session', 'select current_schema', 'current_schema is not allowed'],
    ['never ends', 'with recursive x as (select 1 union all select 1 from x) select * from x', 'WITH RECURSIVE is not'],
    ['counts far', 'select * from range(1000001)', 'range needs constant numbers and at most 1000000 of them'],
    ['counts far', 'select * from range(0, 9, 0)', 'range needs constant numbers and at most 1000000 of them'],
    ['counts by a column', 'select * from heart, range(pid::int)', 'range needs constant numbers and at most 1000000'],
    [
      'unnests a call',
      "select * from unnest(string_split(getenv('A'), ''))",
      'the table function unnest is not allowed',
    ],
    ['samples', 'select * from heart using sample 1', 'not allowed'],
    ['samples a table', 'select * from heart tablesample 10', 'samples of rows are not allowed'],
    ['has parameters', 'select $1', 'it has parameters; expected values'],
    ['has lambdas', 'select list_transform([1], lambda x: x)', 'the function list_transform is not allowed'],
    ['makes types', "select 'x'::enum('x')", 'values of the type named are not allowed'],
    ['makes lists', 'select [1, 2]', 'the function list_value is not allowed'],
    [
      'gives rows as records',
      'select heart from heart',
      'the column "heart" of its result holds lists, records or bytes',
    ],
    ['has no such column', 'select agee from heart', 'Referenced column "agee" not found in FROM clause!'],
    ['is endless', `select ${'1 + '.repeat(6_000)} 1`, 'it has 24009 characters; expected ≤ 20000'],
    ['is deep', `select ${'1+'.repeat(3_000)}1`, /^Max expression depth limit/],
    ['is deep', `select ${'abs('.repeat(300)}1${')'.repeat(300)}`, 'its expressions stand more than 200 deep'],
    // 50 of these take DuckDB 1.5 longer than anybody waits, whatever the time limit
    ['nests', `select ${'(select '.repeat(50)}1${')'.repeat(50)}`, 'its subqueries stand more than 8 deep'],
    ['nests', `${'select * from ('.repeat(9)}select 1${')'.repeat(9)}`, 'its subqueries stand more than 8 deep'],
    ['nests', `${'with a as ('.repeat(9)}select 1${') select * from a'.repeat(9)}`, 'its subqueries stand more than 8'],
    ['unites', `select 1${' union all select 1'.repeat(50)}`, 'it has more than 50 SELECTs'],
    // the first would make 10^12 letters while it is planned, past the limits of memory and time
    [
      'swells',
      `select ${'replace('.repeat(10)}'a'${",'a','aaaaaaaaaaaaaaaa')".repeat(10)}`,
      'replace needs two constant texts, the second not longer than the first',
    ],
    [
      'swells',
      `select ${Array.from({ length: 14 }, () => 'note').join(' || ')} from heart`,
      'it joins more than 24 texts',
    ],
    ['swells', `select concat(${'note,'.repeat(24)} note) from heart`, 'it joins more than 24 texts'],
    ['swells', `select concat_ws(note, ${'note,'.repeat(23)} note) from heart`, 'it joins more than 24 texts'],
    ...[
      "string_agg(note, '')",
      "regexp_replace(note, '.', '\\0\\0', 'g')",
      "lpad('', 1000000000, 'x')",
      'bar(1, 0, 1, 9)',
    ].map((call) => ['swells', `select ${call} from heart`, `the function ${call.replace(/\(.*/, '')} is not allowed`]),
    ['has NUL', 'select 1\0', 'it has a character NUL'],
    ['has an infinite number', 'select 1e400', 'it has a number that is not finite'],
    ['has an open backtick', 'select `a', 'a backtick is not closed'],
    ['gives large numbers', 'select 9007199254740993', 'a whole number is beyond 2^53; cast it to DOUBLE'],
  ] as [string, string, string | RegExp][])('%s: %s', async (_, sql, reason) => {
    const got = await refusal(sql);
    if (typeof reason === 'string') expect(got).toContain(reason);
    else expect(got).toMatch(reason);
  });

  it.each([
    'select note::INT from heart',
    'select count(*) from heart where note::DATE > visit::DATE',
    "select strptime(note, '%Y') from heart",
    "select sqrt(-age), regexp_extract(note, '(') from heart",
    'select (note || 1)::DOUBLE from heart',
  ])('fails on the rows, without saying which: %s', async (sql) => {
    expect(await refusal(sql)).not.toMatch(/Zebra|4711|free/);
    expect(await refusal('select note::INT from heart')).toMatch(/^it fails on the rows of the table/);
  });

  it('cannot reach a file although the check would let it: the database is closed and locked', async () => {
    const { openTableDatabase } = await import('../csv/tableDatabase.ts');
    const database = await openTableDatabase();
    await database.connection.run('SET enable_external_access = false');
    await database.connection.run('SET lock_configuration = true');
    const connection = await database.connect(); // as queries get
    for (const sql of [
      `FROM read_csv('${csv}')`,
      `FROM '${csv}'`,
      `COPY (SELECT 1) TO '${folder}/x.csv'`,
      `ATTACH '${folder}/x.db'`,
      'SET enable_external_access = true',
      'SET lock_configuration = false',
      `SET memory_limit = '10GB'`,
      'INSTALL httpfs',
      'LOAD httpfs',
    ])
      await expect(connection.run(sql), sql).rejects.toThrow();
    connection.closeSync();
    database.close();
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
    const before = readdirSync(tmpdir()).filter((entry) => entry.startsWith('konsil-table-'));
    await withSandbox({}, async (other) => {
      const answers = await Promise.all(
        Array.from({ length: 12 }, async (_, i) => (await other.query(`select age from heart where pid = ${i}`)).rows),
      );
      expect(answers).toEqual(Array.from({ length: 12 }, (_, i) => [[20 + i]]));
    });
    const after = readdirSync(tmpdir()).filter((entry) => entry.startsWith('konsil-table-'));
    expect(after.length).toBeLessThanOrEqual(before.length);
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
