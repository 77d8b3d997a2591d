/**
 * Private queries end to end on tables in memory and a CSV file. With ε = 100 noise is nearly none, so that answers are known.
 * @module
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { byteStream } from '../../../test/support/byteStream.ts';
import { type MemoryTable, memorySource } from '../../../test/support/memorySource.ts';
import { tempFolder } from '../../../test/support/tempFolder.ts';
import { CSVSource, type DataSource } from '../../datasources/index.ts';
import {
  type PrivateQueryOptions,
  type PrivateQueryPlan,
  type PrivateResult,
  planPrivateQuery,
  type RunOptions,
  runPrivateQuery,
} from './index.ts';

/** 600 visits of 300 patients aged 20 to 79, at three sites; one in ten weights is missing. */
const VISITS: MemoryTable = {
  types: { Age: 'integer', site: 'text', 'body weight': 'number', visit: 'date', smokes: 'boolean', note: 'text' },
  rows: Array.from({ length: 600 }, (_, i) => {
    const patient = i >> 1;
    return {
      Age: 20 + (patient % 60),
      site: `s${patient % 3}`,
      'body weight': i % 10 === 0 ? null : 60 + (patient % 40),
      visit: `2020-01-${String(1 + (patient % 28)).padStart(2, '0')}`,
      smokes: patient % 2 === 0 ? 'true' : 'false',
      note: i === 77 ? '42' : 'free',
    };
  }),
  patientOf: (key) => `p${key >> 1}`,
};
const RANGES = {
  age: { lower: 0, upper: 100 },
  'body weight': { lower: 50, upper: 110 },
  visit: { lower: '2019-01-01', upper: '2021-01-01' },
  note: {},
};
const visits = memorySource(VISITS);

const plan = (
  sql: string,
  options: Partial<PrivateQueryOptions> = {},
  on: DataSource = visits,
): Promise<PrivateQueryPlan> =>
  planPrivateQuery(sql, {
    ...{ tableName: 'hospital/visits', schema: on.schema, epsilon: 100, delta: 0, ranges: RANGES },
    ...options,
  });
const ask = async (
  sql: string,
  options: Partial<PrivateQueryOptions> = {},
  on: DataSource = visits,
  run: RunOptions = {},
): Promise<PrivateResult> => runPrivateQuery(await plan(sql, options, on), on, { randomBytes: byteStream(1), ...run });
const near = (value: number, by: number): unknown => ({
  asymmetricMatch: (other: unknown) => typeof other === 'number' && Math.abs(other - value) <= by,
});

describe('answers', () => {
  it('count each patient once, with the mean of the values', async () => {
    const result = await ask('SELECT count(*), COUNT("body weight") AS n, sum(age), AVG(Age) FROM visits');
    expect(result.columns).toEqual(['count(*)', 'n', 'sum(Age)', 'avg(Age)']);
    expect(result.types).toEqual(['number', 'number', 'number', 'number']);
    const ages = VISITS.rows.reduce((sum, { Age }) => sum + (Age as number), 0) / 2;
    expect(result.rows).toEqual([[near(300, 2), near(300, 2), near(ages, 100), near(ages / 300, 1)]]);
    expect(result.privacy).toEqual({ epsilon: 100, delta: 0, unit: 'patient', maxGroups: 1, threshold: null });
  });

  it('count each row where the source knows no patients', async () => {
    const rows = memorySource({ ...VISITS, patientOf: () => null });
    const result = await ask('SELECT count(*), count("body weight") FROM visits', {}, rows);
    expect(result.rows).toEqual([[near(600, 2), near(540, 2)]]);
    expect(result.privacy.unit).toBe('row');
  });

  it.each([
    ['min(age)', near(20, 3)],
    ['max(age)', near(79, 3)],
    ['median(age)', near(49.5, 2)],
    ['quantile_cont(age, 0.25)', near(34.5, 2)],
    ['quantile_cont(age, 0.9)', near(73.5, 2)],
    ['avg(visit) /* 14 days on average */', expect.stringMatching(/^2020-01-1[3-5]$/)],
    ['median(visit)', expect.stringMatching(/^2020-01-1[3-5]$/)],
    ['max(visit)', expect.stringMatching(/^2020-01-2[6-9]$/)],
  ])('%s', async (figure, expected) => {
    expect((await ask(`SELECT ${figure} FROM visits`)).rows).toEqual([[expected]]);
  });

  it('have declared groups, empty ones too, in order', async () => {
    const ranges = { ...RANGES, site: { values: ['s2', 'nowhere', 's0'] }, SMOKES: { values: ['true', 'false'] } };
    const result = await ask('SELECT smokes, count(*) AS n, site FROM visits GROUP BY site, smokes', { ranges });
    expect(result.columns).toEqual(['smokes', 'n', 'site']);
    expect(result.rows).toEqual([
      ['false', near(0, 2), 'nowhere'],
      ['true', near(0, 2), 'nowhere'],
      ['false', near(50, 2), 's0'],
      ['true', near(50, 2), 's0'],
      ['false', near(50, 2), 's2'],
      ['true', near(50, 2), 's2'],
    ]);
    expect(result.noise[0]).toBeNull();
  });

  it('have numbers as groups', async () => {
    const ranges = { ...RANGES, age: { lower: 0, upper: 100, values: [20, 21.5] } };
    const result = await ask('SELECT age, count(*) FROM visits GROUP BY age', { ranges });
    expect(result.rows).toEqual([
      [20, near(5, 2)],
      [21.5, near(0, 2)],
    ]);
    expect(result.types[0]).toBe('number');
  });

  it.each([
    ["site = 's1'", 100],
    ["site IN ('s1', 's2') AND NOT age BETWEEN 30 AND 79", 30],
    ["v.site LIKE 's%' OR age < 0", 300],
    ['"body weight" IS NULL', 60],
    ["visit::DATE >= DATE '2020-01-27'", 21],
    ["smokes = 'true' AND lower(note) = 'free'", 150],
    ['note::INT = 42', 1],
    ['age > 1e9', 0],
  ])('follow WHERE %s', async (where, patients) => {
    expect((await ask(`SELECT count(*) FROM visits v WHERE ${where}`)).rows).toEqual([[near(patients, 2)]]);
  });

  it('know names in backticks, and columns with any name', async () => {
    const odd = 'x"; DROP TABLE visits; --';
    const source = memorySource({
      types: { [odd]: 'number', konsil_person: 'number', p: 'number', k0: 'number', x0: 'text', j0: 'text' },
      rows: Array.from({ length: 80 }, (_, i) => ({ [odd]: i, konsil_person: i, p: 1, k0: 2, x0: 'a', j0: 'b' })),
    });
    const ranges = { [odd]: { lower: 0, upper: 100 }, p: { values: [1] }, x0: { values: ['a'] } };
    const quotedName = '`x"; DROP TABLE visits; --`';
    const sql = `SELECT avg(${quotedName}), p, count(konsil_person), x0 FROM \`hospital/visits\`
      WHERE ${quotedName} >= 0 AND k0 = 2 AND j0 = 'b' GROUP BY p, x0`;
    const result = await ask(sql, { ranges }, source);
    expect(result.rows).toEqual([[near(39.5, 3), 1, near(80, 2), 'a']]);
  });

  it('are the same for the same random bytes, and others for others', async () => {
    const sql = 'SELECT count(*), median(age) FROM visits';
    const rows = async (seed: number): Promise<unknown> =>
      (await ask(sql, { epsilon: 0.1 }, visits, { randomBytes: byteStream(seed) })).rows;
    expect(await rows(1)).toEqual(await rows(1));
    expect(await rows(1)).not.toEqual(await rows(2));
    const fresh = (await ask(sql, { epsilon: 0.1 }, visits, {})).rows;
    expect(JSON.parse(JSON.stringify(fresh))).toEqual(fresh);
  });
});

describe('a table', () => {
  it('in a file, with patients in a column that the site names', async () => {
    const path = join(tempFolder(), 'visits.csv');
    writeFileSync(path, ['age,who', ...Array.from({ length: 90 }, (_, i) => `${i},w${i % 30}`)].join('\n'));
    const source = await CSVSource.open({ name: 'visits', path });
    const run = { patientColumn: 'who' };
    const ranges = { age: RANGES.age };
    const result = await ask('SELECT count(*), avg(age) FROM visits', { ranges }, source, run);
    expect(result.rows).toEqual([[near(30, 2), near(44.5, 8)]]);
    expect(result.privacy.unit).toBe('patient');
    await expect(
      ask('SELECT count(*) FROM visits', { ranges }, source, { patientColumn: 'nobody' }),
    ).rejects.toMatchObject({
      code: 'DATA_COLUMN_MISSING',
    });
    source.close();
  });

  it('without rows, and with nothing but NULL, NaN and infinity', async () => {
    const types = { x: 'number', s: 'text' } as const;
    const ranges = { x: { lower: 0, upper: 8 } };
    const sql = 'SELECT count(*), count(x), sum(x), avg(x), median(x) FROM visits';
    const empty = await ask(sql, { ranges }, memorySource({ types, rows: [] }));
    expect(empty.rows).toEqual([[near(0, 2), near(0, 2), near(0, 8), expect.any(Number), expect.any(Number)]]);
    const odd = [null, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 'text'];
    const source = memorySource({ types, rows: odd.map((x) => ({ x, s: null })) });
    // infinity is clamped, NaN and a mistake are no values
    expect((await ask(sql, { ranges }, source)).rows).toEqual([
      [near(5, 2), near(2, 2), near(8, 8), expect.any(Number), expect.any(Number)],
    ]);
    const keys = await ask('SELECT x, s, count(*) FROM visits GROUP BY x, s', { delta: 0.01, ranges: {} }, source);
    expect(keys.rows).toEqual([[null, null, near(5, 2)]]);
  });

  it('that is not the planned one is refused', async () => {
    const other = memorySource({ ...VISITS, types: { ...VISITS.types, Age: 'text' } });
    await expect(runPrivateQuery(await plan('SELECT avg(age) FROM visits'), other)).rejects.toMatchObject({
      code: 'DATA_UNSUPPORTED',
      message: 'memory has no column "Age" of the kind integer',
    });
  });

  it('is not waited for when cancelled', async () => {
    const run = { signal: AbortSignal.abort() };
    await expect(ask('SELECT count(*) FROM visits', {}, visits, run)).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});

describe('how noisy a figure is', () => {
  it('holds what it says, 95 times of 100', async () => {
    const sql = 'SELECT count(*), sum(age), avg(age) FROM visits';
    const prepared = await plan(sql, { epsilon: 1 });
    const truth = [300, 0, 0];
    truth[1] = VISITS.rows.reduce((sum, { Age }) => sum + (Age as number), 0) / 2;
    truth[2] = truth[1] / 300;
    const inside = [0, 0, 0];
    const runs = 60;
    for (let seed = 0; seed < runs; seed++) {
      const { intervals } = await runPrivateQuery(prepared, visits, { randomBytes: byteStream(seed) });
      for (const [i, interval] of intervals[0]!.entries()) {
        const [low, high] = interval as readonly [number, number];
        if (low <= truth[i]! && truth[i]! <= high) inside[i]!++;
      }
    }
    // 60 runs at 95 %: fewer than 46 inside has probability 1e-7
    for (const count of inside) expect(count).toBeGreaterThanOrEqual(46);
  });

  it('is told for every column', async () => {
    const result = await ask('SELECT site, count(*), sum(age), avg(age), median(age) FROM visits GROUP BY site', {
      epsilon: 4,
      delta: 1e-5,
    });
    // four numbers share ε = 4: people, sum, centred sum and count, and a place: 0.8 each
    expect(result.noise).toEqual([
      null,
      { kind: 'discrete_laplace', standardDeviation: expect.closeTo(Math.SQRT2 / 0.8, 9) },
      { kind: 'discrete_laplace', standardDeviation: expect.closeTo((100 * Math.SQRT2) / 0.8, 0) },
      { kind: 'discrete_laplace', standardDeviation: null },
      { kind: 'exponential', rankError95: Math.ceil((Math.log(1_025 / 0.05) * 2) / 0.8 / 2) },
    ]);
    expect(result.intervals[0]).toEqual([null, expect.any(Array), expect.any(Array), expect.any(Array), null]);
    expect(result.rows.map(([site]) => site)).toEqual(['s0', 's1', 's2']);
  });
});
