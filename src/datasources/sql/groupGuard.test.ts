/** A site that shows no group of fewer than 5 rows: what it shows, and attacks on one row. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isKonsilError } from '../../base/index.ts';
import { CSVSource } from '../index.ts';
import { SqlSandbox } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'konsil-groups-'));
let source: CSVSource;
let sandbox: SqlSandbox;
let open: SqlSandbox;

/** 30 rows: sites of 20, 7 and 3 rows; `rare` has a value in 4 rows only; the row pid = 5 is the victim's. */
const rows = Array.from({ length: 30 }, (_, i) => {
  const site = i < 20 ? 'a' : i < 27 ? 'b' : 'c';
  return { pid: i, site, age: 30 + i, salary: i === 5 ? 123_456 : 1_000 + 10 * i, rare: i % 8 === 0 ? i : '' };
});

beforeAll(async () => {
  const path = join(folder, 'table.csv');
  writeFileSync(path, ['pid,site,age,salary,rare', ...rows.map((row) => Object.values(row).join())].join('\n'));
  source = await CSVSource.open({ name: 'table', path });
  sandbox = await SqlSandbox.open(source, { tableName: 't', minimumGroupSize: 5 });
  open = await SqlSandbox.open(source, { tableName: 't', minimumGroupSize: 5, allowsExtremes: true });
});
afterAll(() => {
  sandbox.close();
  open.close();
  source.close();
  rmSync(folder, { recursive: true });
});

const refusal = async (sql: string, on: SqlSandbox = sandbox): Promise<string> => {
  try {
    return `answered ${JSON.stringify((await on.query(sql)).rows)}`;
  } catch (error) {
    if (!isKonsilError(error, 'SQL_REFUSED')) throw error;
    expect(error.cause).toBeUndefined();
    return error.message.replace('the query is refused: ', '');
  }
};
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const ages = (site: string): number[] => rows.filter((row) => row.site === site).map(({ age }) => age);
const TOO_SMALL = 'no group has 5 rows with values in every column that it aggregates';

describe('groups of at least 5 rows', () => {
  it('are shown, smaller ones left out and counted', async () => {
    expect(
      await sandbox.query('select site, count(*) as n, sum(age), avg(age) as m from t group by site order by n'),
    ).toEqual({
      columns: ['site', 'n', 'sum(age)', 'm'],
      types: ['text', 'number', 'number', 'number'],
      rows: [
        ['b', 7, sum(ages('b')), sum(ages('b')) / 7],
        ['a', 20, sum(ages('a')), sum(ages('a')) / 20],
      ],
      suppressed: 1,
    });
  });

  it.each([
    ['select count(*) from t', [[30]], 0],
    ['select count(*), sum(age) / count(*) from t where age > 40', [[19, 50]], 0],
    ['select count(distinct site) from t', [[3]], 0],
    ['select site from t group by site order by site desc', [['b'], ['a']], 1],
    [
      'select site s, count(*) from t group by s order by s',
      [
        ['a', 20],
        ['b', 7],
      ],
      1,
    ],
    [
      'select site, count(*) from t group by 1 order by 2 desc',
      [
        ['a', 20],
        ['b', 7],
      ],
      1,
    ],
    ['select site, count(*) from t group by site order by count(*) desc limit 1', [['a', 20]], 1],
    ['select site, count(*) from t group by site order by site limit 1 offset 1', [['b', 7]], 1],
    ['select site, count(*) from t group by site having count(*) < 10', [['b', 7]], 1],
    ['select site, count(*) from t group by site having sum(salary) > 1e9', [], 1],
    [
      'select T.site, count(T.age) from t group by T.site order by 1',
      [
        ['a', 20],
        ['b', 7],
      ],
      1,
    ],
    [
      'select x.site, count(x.age) from t x group by x.site order by 1',
      [
        ['a', 20],
        ['b', 7],
      ],
      1,
    ],
    [
      'select age >= 40 as old, count(*) from t group by old order by 2',
      [
        [false, 10],
        [true, 20],
      ],
      0,
    ],
    [
      "select case when site = 'a' then 'it''s' else 'other' end as w, count(*) from t group by w order by w",
      [
        ["it's", 20],
        ['other', 10],
      ],
      0,
    ],
    ['select round(corr(pid, age), 6) from t', [[1]], 0],
    ["select count(*) from t where site in ('a', 'b') and age between 1.5 and 1e2 and not (pid is null)", [[27]], 0],
    [
      'select floor(age / 10) * 10 as decade, count(*) from t group by decade order by decade',
      [
        [30, 10],
        [40, 10],
        [50, 10],
      ],
      0,
    ],
    ['select count(*) from `t` where `age` > 40 having count(*) > 3', [[19]], 0],
  ])('%s', async (sql, expected, suppressed) => {
    expect(await sandbox.query(sql)).toMatchObject({ rows: expected, suppressed });
  });

  it.each(['0e0', '1e2', '-3e0', '1e21', '1.5e-7', '12345678901234567890e0', '1e308', '0.1e0'])(
    'keep the double %s',
    async (x) => {
      expect((await sandbox.query(`select count(*), ${x} as x from t`)).rows).toEqual([[30, Number(x)]]);
    },
  );

  it('keep their constants: a decimal, a negative, a date, a double', async () => {
    expect((await sandbox.query('select count(*) from t where age > 40.5 and pid > -1 and age < 5.95e1')).rows).toEqual(
      [[19]],
    );
    expect(
      (await sandbox.query("select count(*) from t where date '2020-01-31' + interval 1 day = date '2020-02-01'")).rows,
    ).toEqual([[30]]);
  });

  it('show extremes where the site allows it', async () => {
    expect(await refusal('select max(age) from t')).toBe('this site does not show max, which is the value of one row');
    expect((await open.query('select min(age), max(age), median(age) from t')).rows).toEqual([[30, 59, 44.5]]);
    expect((await open.query('select max(age) from t group by site order by 1')).rows).toEqual([[49], [56]]);
  });
});

describe('one row', () => {
  it.each([
    ['no aggregate', 'select * from t', /no STAR$/],
    ['no aggregate', 'select salary from t', /shows aggregates only/],
    [
      'a bare column beside an aggregate',
      'select salary, count(*) from t',
      /must appear in the GROUP BY|GROUP BY clause/,
    ],
    ['WHERE for one', 'select sum(salary) from t where pid = 5', TOO_SMALL],
    ['WHERE for none looks the same', 'select sum(salary) from t where pid = -5', TOO_SMALL],
    ['a group for each', 'select pid, salary, count(*) from t group by pid, salary', TOO_SMALL],
    ['no groups look the same', 'select pid, count(*) from t where pid < 0 group by pid', TOO_SMALL],
    [
      'CASE inside',
      'select sum(case when pid = 5 then salary end) from t',
      'sum needs a column of the table, not an expression',
    ],
    [
      'a product inside',
      'select sum(salary * (pid = 5)::int) from t',
      'sum needs a column of the table, not an expression',
    ],
    ['TRY inside', 'select sum(try(salary)) from t', 'sum needs a column of the table, not an expression'],
    ['FILTER', 'select sum(salary) filter (pid = 5) from t', 'sum with FILTER is not shown; use WHERE'],
    [
      'FILTER of count',
      'select count(*) filter (pid = 5 and salary > 1e5) from t',
      'count_star with FILTER is not shown; use WHERE',
    ],
    ['HAVING', 'select count(*) from t having sum(case when pid = 5 then salary end) > 1e5', /^sum needs a column/],
    [
      'ORDER BY',
      'select site, count(*) from t group by site order by sum((pid = 5)::int * salary)',
      /^sum needs a column/,
    ],
    [
      'an alias for a column',
      'select case when pid = 5 then salary end as age, sum(age) from t group by all',
      /name the columns of GROUP BY/,
    ],
    [
      'an alias for a column',
      'select case when pid = 5 then salary end as age, sum(age) from t group by 1',
      'the alias "age" is the name of a column; expected another',
    ],
    [
      'an alias in an aggregate',
      'select case when pid = 5 then salary end as x, sum(x) from t group by pid',
      'sum needs a column of the table, not an expression',
    ],
    ['other names for columns', 'select sum(a) from t x(a, b, c, d, e)', /no other names for its columns/],
    ['a column of few values', 'select sum(rare) from t', TOO_SMALL],
    ['a pair of few values', 'select corr(age, rare) from t', TOO_SMALL],
    ['HAVING on few values', 'select count(*) from t having sum(rare) > 3', TOO_SMALL],
    ['DISTINCT sums', 'select sum(distinct salary) from t', 'sum of DISTINCT values is not shown'],
    ['DISTINCT rows', 'select distinct site, count(*) from t group by site', /no DISTINCT/],
    ...['list', 'array_agg', 'histogram'].map(
      (name) => ['lists', `select ${name}(salary) from t`, `the function ${name} is not allowed`] as const,
    ),
    ...['first', 'last', 'any_value', 'mode', 'bool_or', 'quantile_cont'].map(
      (name) => ['picks', `select ${name}(salary) from t`, `this site does not show ${name}`] as const,
    ),
    ['arg_max', 'select arg_max(pid, salary) from t', 'this site does not show arg_max'],
    ['a window', 'select count(*), sum(sum(salary)) over () from t', /no WINDOW$/],
    ['QUALIFY', 'select site, count(*) from t group by site qualify row_number() over () = 1', /no QUALIFY$/],
    ['a subquery', 'select count(*), (select max(salary) from t) from t', /no SUBQUERY$/],
    ['a subquery in WHERE', 'select count(*) from t where salary = (select max(salary) from t)', /no SUBQUERY$/],
    [
      'a table of rows',
      'select sum(salary) from (select * from t where pid = 5), range(10)',
      /no joins, subqueries or table/,
    ],
    ['a row five times', 'select sum(t.salary) from t join range(5) r(i) on pid = 5', /no joins, subqueries or table/],
    ['rows without a table', 'select count(*) from range(10)', /no joins, subqueries or table/],
    ['WITH', 'with x as (select * from t where pid = 5) select sum(salary) from x', /no WITH$/],
    ['UNION', 'select count(*) from t union all select salary from t', /no UNION/],
    ['ROLLUP', 'select site, count(*) from t group by rollup (site)', /no ROLLUP/],
    ['GROUP BY ALL', 'select site, count(*) from t group by all', /name the columns of GROUP BY/],
    ['the number of a row', 'select sum(salary) from t where rowid = 5', 'there is no column "rowid"'],
    ['the whole row', 'select count(t) from t', 'count needs a column of the table, not an expression'],
    [
      'the name of the guard',
      'select count(*) as konsil_is_large from t',
      'the alias "konsil_is_large" is the name of a column; expected another',
    ],
    ['LIMIT in percent', 'select site, count(*) from t group by site limit 10%', /no LIMIT in percent/],
    ['LIMIT of a query', 'select count(*) from t limit (select salary from t limit 1)', /no SUBQUERY$/],
    ['rounded numbers', 'select count(*) from t where pid < 9007199254740993', /beyond 2\^53/],
    ['huge numbers', 'select count(*) from t where pid < 99999999999999999999999', /beyond 2\^53/],
    [
      'an error of a row',
      'select count(*) from t where case when pid = 5 then site::int else 1 end = 1',
      /^it fails on the rows of the table/,
    ],
  ] as readonly (readonly [string, string, string | RegExp])[])('is not shown by %s: %s', async (_, sql, reason) => {
    for (const on of [sandbox, open]) {
      const got = await refusal(sql, on);
      expect(got).not.toMatch(/answered|123456|1050/);
      if (typeof reason === 'string') expect(got).toBe(reason);
      else expect(got).toMatch(reason);
    }
  });

  it('no text of a query gets out of its quotes on the way through the syntax tree', async () => {
    for (const text of ["x' or '1'='1", 'x"; drop table t; --', String.raw`\'`, '{"error":true}', '`', '$1']) {
      const literal = `'${text.replaceAll("'", "''")}'`;
      expect((await sandbox.query(`select count(*), ${literal} as x from t where site <> ${literal}`)).rows).toEqual([
        [30, text],
      ]);
    }
    expect((await sandbox.query('select count(*) from t')).rows).toEqual([[30]]);
  });

  it('HAVING never sees a small group: what it says of it changes neither rows nor count', async () => {
    const answers = await Promise.all(
      ['> 0', '< 0', '= 1270'].map((condition) =>
        sandbox.query(`select site, count(*) from t group by site having sum(salary) ${condition} or count(*) = 20`),
      ),
    );
    expect(new Set(answers.map(({ suppressed }) => suppressed))).toEqual(new Set([1]));
    expect(answers.every(({ rows: shown }) => shown.every(([site]) => site !== 'c'))).toBe(true);
  });

  it('may be found by the difference of two queries: a known limit, see docs/reference/sql.md', async () => {
    const total = async (where: string): Promise<number> =>
      (await sandbox.query(`select sum(salary) from t where ${where}`)).rows[0]![0] as number;
    expect((await total('true')) - (await total('pid <> 5'))).toBe(123_456);
  });
});
