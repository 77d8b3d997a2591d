/** Queries that try to reach more than the table, or to keep the site busy. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusalOf, writeHospital } from '../../../test/support/sqlHospital.ts';
import { openTableDatabase } from '../csv/tableDatabase.ts';
import { CSVSource } from '../index.ts';
import { SqlSandbox } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'konsil-sql-'));
const csv = join(folder, 'table.csv');
let source: CSVSource;
let sandbox: SqlSandbox;
const refusal = (sql: string): Promise<string> => refusalOf(sql, sandbox);

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
