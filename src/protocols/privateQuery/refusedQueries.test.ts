/** What is no private query, and what is said of it. */
import { describe, expect, it } from 'vitest';
import { memorySource } from '../../../test/support/memorySource.ts';
import { isKonsilError } from '../../base/index.ts';
import { type PrivateQueryOptions, planPrivateQuery } from './index.ts';

const types = { Age: 'integer', site: 'text', visit: 'date', note: 'text' } as const;
const OPTIONS: PrivateQueryOptions = {
  ...{ tableName: 'hospital/visits', schema: memorySource({ types, rows: [] }).schema, epsilon: 100, delta: 0 },
  ranges: { age: { lower: 0, upper: 100 }, visit: { lower: '2019-01-01', upper: '2021-01-01' }, note: {} },
};

describe('a query is refused', () => {
  it.each<[string, string, Partial<PrivateQueryOptions>?]>([
    ['SELECT * FROM visits', 'its columns are other than count(*)'],
    ['SELECT age FROM visits', 'the column "Age" is not in GROUP BY'],
    ['SELECT site FROM visits GROUP BY site', 'it has no aggregate'],
    ['SELECT count(*) FROM visits a, visits b', 'no joins'],
    ['SELECT count(*) FROM (SELECT * FROM visits)', 'no joins, subqueries'],
    ['SELECT count(*) FROM other', 'there is no table "other"'],
    ['SELECT count(*) FROM visits UNION ALL SELECT 1', 'no UNION'],
    ['WITH v AS (SELECT 1) SELECT count(*) FROM visits', 'no WITH'],
    ['SELECT count(*) OVER () FROM visits', 'its columns are other than'],
    ['SELECT count(*) + 1 FROM visits', 'the function + is not answered privately'],
    ['SELECT count(DISTINCT site) FROM visits', 'count(*) counts each patient once'],
    ['SELECT DISTINCT count(*) FROM visits', 'no DISTINCT'],
    ['SELECT count(*) FROM visits ORDER BY 1', 'filter and sort its noisy result'],
    ['SELECT count(*) FROM visits LIMIT 1', 'filter and sort its noisy result'],
    ['SELECT site, count(*) FROM visits GROUP BY site HAVING count(*) > 5', 'filter and sort its noisy result'],
    ['SELECT count(*) FILTER (WHERE age > 3) FROM visits', 'use WHERE'],
    ['SELECT sum(age + 1) FROM visits', 'sum needs one column of the table'],
    ['SELECT sum(CASE WHEN age = 5 THEN 1 END) FROM visits', 'sum needs one column of the table'],
    ['SELECT stddev(age) FROM visits', 'the function stddev is not answered privately'],
    ['SELECT first(note) FROM visits', 'the function first is not answered privately'],
    ['SELECT quantile_cont(age, 1.0) FROM visits', 'a share from 0.001 to 0.999'],
    ['SELECT quantile_cont(age, 0.1234) FROM visits', 'at most three digits'],
    ['SELECT quantile_cont(age, [0.5]) FROM visits', 'list_value is not allowed'],
    ['SELECT avg(nothing) FROM visits', 'avg needs one column'],
    ['SELECT nothing FROM visits GROUP BY nothing', 'names of columns'],
    ['SELECT count(*) FROM visits GROUP BY age > 5', 'names of columns'],
    ['SELECT site, count(*) FROM visits GROUP BY 1', 'names of columns'],
    ['SELECT site, count(*) FROM visits GROUP BY ALL', 'name the columns of GROUP BY'],
    ['SELECT site, count(*) FROM visits GROUP BY ROLLUP (site, age)', 'no ROLLUP'],
    ['SELECT count(*) FROM visits WHERE konsil_person = 3', 'there is no column "konsil_person"'],
    ['SELECT count(*) FROM visits WHERE rowid = 3', 'there is no column "rowid"'],
    ['SELECT count(*) FROM visits WHERE x.age = 3', 'there is no column "x.age"'],
    [
      'SELECT count(*) FROM visits WHERE age = (SELECT max(age) FROM visits)',
      'WHERE of a private query has no SUBQUERY',
    ],
    ['SELECT count(*) FROM visits WHERE CASE WHEN age > 3 THEN true END', 'WHERE of a private query has no CASE'],
    ['SELECT count(*) FROM visits WHERE coalesce(age, 1) = 1', 'no OPERATOR_COALESCE'],
    ["SELECT count(*) FROM visits WHERE note || 'a' = 'a'", 'no function ||'],
    ['SELECT count(*) FROM visits WHERE now() > visit::TIMESTAMP', 'no function now'],
    ["SELECT count(*) FROM visits WHERE regexp_matches(note, '(a+)+b')", 'no function regexp_matches'],
    ["SELECT count(*) FROM visits WHERE getenv('HOME') = 'x'", 'getenv is not allowed'],
    ['SELECT count(*) FROM visits WHERE note > 5', 'Cannot compare values of type VARCHAR'],
    ['SELECT count(*) FROM visits WHERE age > 9007199254740993', 'beyond 2^53'],
    ['SELECT count(*) FROM visits; SELECT 1', '2 statements'],
    ['DROP TABLE visits', 'expected a SELECT'],
    ['SELECT count(*) FROM visits USING SAMPLE 5', 'samples'],
    ['SELECT avg(note) FROM visits', 'needs a range of lower and upper'],
    ['SELECT avg(age) FROM visits', 'needs a range of lower and upper', { ranges: {} }],
    ['SELECT avg(note) FROM visits', 'holds no numbers', { ranges: { note: { lower: 0, upper: 1 } } }],
    ['SELECT avg(age) FROM visits', 'the lower one first', { ranges: { age: { lower: 5, upper: 5 } } }],
    ['SELECT avg(age) FROM visits', 'the lower one first', { ranges: { age: { lower: 0, upper: Number.NaN } } }],
    ['SELECT avg(age) FROM visits', 'too narrow', { ranges: { age: { lower: 1e12, upper: 1e12 + 1 } } }],
    ['SELECT avg(visit) FROM visits', 'YYYY-MM-DD', { ranges: { visit: { lower: 1, upper: 2 } } }],
    ['SELECT sum(visit) FROM visits', 'dates of "visit" have no sum'],
    ['SELECT count(*) FROM visits', 'there is no column "wieght"', { ranges: { wieght: {} } }],
    ['SELECT count(*) FROM visits', 'two ranges', { ranges: { age: {}, Age: {} } }],
    ['SELECT count(*) FROM visits GROUP BY site', 'need delta above 0'],
    ['SELECT count(*) FROM visits GROUP BY site, visits.site', 'twice', { delta: 0.01 }],
    ['SELECT count(*) FROM visits GROUP BY site', 'strings that differ', { ranges: { site: { values: [3] } } }],
    ['SELECT count(*) FROM visits GROUP BY age', 'numbers that differ', { ranges: { age: { values: [3, 3] } } }],
    ['SELECT count(*) FROM visits GROUP BY age', 'at least one', { ranges: { age: { values: [] } } }],
    [
      'SELECT count(*) FROM visits GROUP BY age',
      'it declares 10001 groups',
      { ranges: { age: { values: [...Array(10_001).keys()] } } },
    ],
    ['SELECT count(*) FROM visits', 'epsilon needs a number', { epsilon: 0 }],
    ['SELECT count(*) FROM visits', 'epsilon needs a number', { epsilon: Number.POSITIVE_INFINITY }],
    ['SELECT count(*) FROM visits', 'delta needs a number', { delta: -1 }],
    ['SELECT count(*) FROM visits', 'whole number in [1, 1000]', { maxGroups: 0 }],
  ])('%s', async (sql, reason, options = {}) => {
    const error = await planPrivateQuery(sql, { ...OPTIONS, ...options }).then(
      () => new Error('planned'),
      (thrown: unknown) => thrown as Error,
    );
    expect(isKonsilError(error, 'SQL_REFUSED'), error.message).toBe(true);
    expect(error.message).toContain(reason);
    expect(error.cause).toBeUndefined();
  });
});
