/**
 * Attacks on private queries: each is mounted, and where it can be, also on a variant without the defence, where it works.
 * @module
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteStream } from '../../../test/support/byteStream.ts';
import { crowd, exactFigures, exactGroups, plan, type Row, sourceOf } from '../../../test/support/privateTables.ts';
import { tempFolder } from '../../../test/support/tempFolder.ts';
import type { RandomBytes } from '../../crypto/index.ts';
import type { ExactGroup } from '../../datasources/index.ts';
import { Ledger } from '../../participant/ledger.ts';
import { PrivacyAccount } from '../../participant/privacyAccount.ts';
import { type PrivateQueryPlan, runPrivateQuery } from './index.ts';
import { type ExactFigures, noisyGroups } from './noisyGroups.ts';

/** First number of the first group, many times. */
async function draws(planned: PrivateQueryPlan, exact: ExactFigures, count: number, seed: number): Promise<bigint[]> {
  const random = byteStream(seed);
  const values: bigint[] = [];
  for (let i = 0; i < count; i++) {
    const [group] = await noisyGroups(planned, exact, random, undefined);
    values.push(group!.numbers[0]!);
  }
  return values;
}

/**
 * A lower bound on ε: the largest log-ratio of the probabilities of "the number is at least (at most) t", each five standard
 * errors in favour of the defence; wrong with a probability below 1e-6 a threshold.
 */
function epsilonAtLeast(with_: readonly bigint[], without: readonly bigint[]): number {
  const count = with_.length;
  const lower = (hits: number): number => hits / count - 5 * Math.sqrt(((hits / count) * (1 - hits / count)) / count);
  const upper = (hits: number): number =>
    (hits + 5) / count + 5 * Math.sqrt(((Math.max(hits, 5) / count) * (1 - hits / count)) / count);
  const sorted = with_.toSorted((a, b) => (a < b ? -1 : 1));
  const thresholds = [...Array(19).keys()].map((i) => sorted[Math.floor(((i + 1) * count) / 20)]!);
  let best = 0;
  for (const t of thresholds)
    for (const isHit of [(value: bigint) => value >= t, (value: bigint) => value <= t]) {
      const [a, b] = [with_.filter(isHit).length, without.filter(isHit).length];
      if (lower(a) > 0) best = Math.max(best, Math.log(lower(a) / upper(b)));
      if (lower(b) > 0) best = Math.max(best, Math.log(lower(b) / upper(a)));
    }
  return best;
}

describe('telling whether somebody is in the table', () => {
  const others = crowd(40);
  const outlier: Row = { who: 'rich', age: 1e9 };

  it.each([
    ['sum(age)', 0.7],
    ['count(*)', 0.7],
    // the centred sum is the first number; half of ε is the count's
    ['avg(age)', 0.3],
    // one person moves a rank by one half at most, of what ε allows for
    ['median(age)', 0],
  ])('by %s is as hard as ε says, and no harder than it needs to be', async (figure, atLeast) => {
    const planned = await plan(`SELECT ${figure} FROM t`);
    const [D, E] = [await exactFigures(planned, [...others, outlier]), await exactFigures(planned, others)];
    const count = figure === 'median(age)' ? 3_000 : 8_000;
    const bound = epsilonAtLeast(await draws(planned, D, count, 1), await draws(planned, E, count, 2));
    expect(bound).toBeLessThanOrEqual(1);
    expect(bound).toBeGreaterThanOrEqual(atLeast);
  });

  it('by a sum whose values are not clamped is easy', async () => {
    const planned = await plan('SELECT sum(age) FROM t');
    const unclamped = { ...planned, grids: planned.grids.map((grid) => ({ ...grid!, high: 2 ** 45 })) };
    const [D, E] = [await exactFigures(unclamped, [...others, outlier]), await exactFigures(unclamped, others)];
    expect(epsilonAtLeast(await draws(planned, D, 3_000, 1), await draws(planned, E, 3_000, 2))).toBeGreaterThan(3);
  });

  it('with Gaussian noise is as hard as ε and δ say', async () => {
    const planned = await plan('SELECT sum(age), site FROM t GROUP BY site', {
      ...{ delta: 1e-3, maxGroups: 50, ranges: { age: { lower: 0, upper: 100 }, site: { values: ['a'] } } },
    });
    expect(planned.releases[0]).toMatchObject({ noise: { kind: 'discrete_gaussian' } });
    const [D, E] = [await exactFigures(planned, [...others, outlier]), await exactFigures(planned, others)];
    expect(epsilonAtLeast(await draws(planned, D, 8_000, 1), await draws(planned, E, 8_000, 2))).toBeLessThanOrEqual(1);
  });
});

describe('the lowest bits of a noisy number', () => {
  /** Textbook Laplace noise on doubles. */
  function naiveLaplace(random: RandomBytes): number {
    const bytes = random(8);
    const u = (new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) + 0.5) * 2 ** -32;
    return (bytes[7]! % 2 === 0 ? 1 : -1) * Math.log(u);
  }
  /** Mironov 2012: near 0, 1 + noise is a multiple of 2^-54, and 0 + noise hardly ever is. */
  const looksLikeOne = (value: number): boolean => Number.isInteger(value * 2 ** 54);

  it('tell a count of 1 from 0 with naive noise, each time that the answer is near 0', () => {
    const random = byteStream(3);
    const near = (count: number): number[] =>
      Array.from({ length: 20_000 }, () => count + naiveLaplace(random)).filter((value) => Math.abs(value) < 0.1);
    const [zero, one] = [near(0), near(1)];
    expect(Math.min(zero.length, one.length)).toBeGreaterThan(300);
    expect(one.every(looksLikeOne)).toBe(true);
    expect(zero.filter(looksLikeOne).length / zero.length).toBeLessThan(0.25);
  });

  it('are the same in every answer here', async () => {
    const planned = await plan('SELECT sum(age), count(*), avg(age), median(age) FROM t', {
      ranges: { age: { lower: 0.1, upper: 99.7 } },
    });
    const step = planned.grids[0]!.step;
    for (const rows of [[], crowd(1), [{ who: 'x', age: 33.333_333 }]])
      for (let seed = 0; seed < 10; seed++) {
        const { rows: answers } = await runPrivateQuery(planned, sourceOf(rows), { randomBytes: byteStream(seed) });
        const [sum, count, , median] = answers[0] as number[];
        expect(Number.isInteger(sum! / step)).toBe(true);
        expect(Number.isInteger(count)).toBe(true);
        expect(Number.isInteger(median! / step)).toBe(true);
      }
    expect(Number.isInteger(Math.log2(step))).toBe(true);
  });
});

describe('one person', () => {
  const sites = ['a', 'b', 'c', 'd', 'e'];
  const flood = Array.from({ length: 1_000 }, (_, i): Row => ({ who: 'flood', age: 1_000 * i, site: sites[i % 5]! }));
  const sql = 'SELECT site, count(*), sum(age), median(age) FROM t GROUP BY site';
  const declared = { age: { lower: 0, upper: 100 }, site: { values: sites } };

  async function change(maxGroups: number, rows: readonly Row[], person: readonly Row[]): Promise<ExactGroup[]> {
    const planned = await plan(sql, { ranges: declared, maxGroups });
    const before = new Map((await exactGroups(planned, rows)).map((group) => [JSON.stringify(group.keys), group]));
    return (await exactGroups(planned, [...rows, ...person])).flatMap((group) => {
      const old = before.get(JSON.stringify(group.keys));
      const difference = {
        keys: group.keys,
        people: group.people - (old?.people ?? 0n),
        counts: group.counts.map((count, i) => count - (old?.counts[i] ?? 0n)),
        sums: group.sums.map((sum, i) => sum - (old?.sums[i] ?? 0n)),
      };
      return difference.people !== 0n || difference.sums.some((sum) => sum !== 0n) ? [difference] : [];
    });
  }

  it('with 1,000 rows in 5 groups counts once in one, in two with maxGroups 2', async () => {
    for (const [maxGroups, groups] of [
      [1, 1],
      [2, 2],
      [9, 5],
    ] as const) {
      const changed = await change(maxGroups, crowd(30, { site: 'b' }), flood);
      expect(changed).toHaveLength(groups);
      for (const { people, counts, sums } of changed) {
        expect([people, ...counts]).toEqual([1n, 1n]);
        expect(sums[0]).toBeLessThanOrEqual(100n * 1_024n);
      }
    }
  });

  it('moves no figure farther than noise is made for, whatever the tables', async () => {
    const row = fc.record({
      who: fc.constantFrom('u', 'v', 'w'),
      age: fc.oneof(fc.double({ noNaN: false }), fc.integer({ min: -5, max: 120 })),
      site: fc.constantFrom(...sites, 'elsewhere'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 12 }), fc.array(row, { maxLength: 6 }), async (rows, mine) => {
        const changed = await change(
          2,
          rows,
          mine.map((one): Row => ({ ...one, who: 'me' })),
        );
        expect(changed.length).toBeLessThanOrEqual(2);
        for (const { people, counts, sums } of changed) {
          expect(people).toBe(1n);
          expect(counts[0] === 0n || counts[0] === 1n).toBe(true);
          expect(sums[0]! >= 0n && sums[0]! <= 100n * 1_024n).toBe(true);
        }
      }),
      { numRuns: 15, seed: 1 },
    );
  });

  it('alone in a group is not shown, whatever the group is called', async () => {
    const rows = [...crowd(400, { site: 'common' }), { who: 'x', age: 50, site: 'rare disease' }];
    const planned = await plan('SELECT site, count(*) FROM t GROUP BY site', { delta: 1e-9, epsilon: 2 });
    for (let seed = 0; seed < 20; seed++) {
      const result = await runPrivateQuery(planned, sourceOf(rows), { randomBytes: byteStream(seed) });
      expect(result.rows.map(([site]) => site)).toEqual(['common']);
      expect(result.privacy).toMatchObject({ delta: 1e-9, threshold: expect.any(Number) });
    }
    // without the threshold it would be
    const open = await runPrivateQuery({ ...planned, threshold: -1e6 }, sourceOf(rows));
    expect(open.rows.map(([site]) => site)).toContain('rare disease');
  });
});

describe('WHERE', () => {
  const others = crowd(3_000, { age: 10 });
  /** People that the query counts when the last person has this age and note, less those counted without the person. */
  async function moved(where: string, person: Partial<Row>): Promise<number> {
    const planned = await plan(`SELECT count(*) FROM t WHERE ${where}`);
    const people = async (rows: readonly Row[]): Promise<number> =>
      Number((await exactGroups(planned, rows))[0]!.people);
    return Math.abs((await people([...others, { who: 'me', age: 1, ...person }])) - (await people(others)));
  }

  it.each([
    // the optimiser knows from the smallest age of all whether the left side is true, and then skips what fails
    ['age > 5 OR note::INT > 3', {}],
    ['NOT (age <= 5 AND note::INT > 3)', {}],
    ['age > 5 OR substr(note, 0, 0)::BOOLEAN', {}],
    ['age > 5 OR note', {}],
    ['NOT note', { note: 'true' }],
    ['age > 5 AND note::INT > 3', { note: '4' }],
    ['1 / (age - 1) > 0', {}],
    ["note::DATE > '2020-01-01'::DATE OR age > 5", {}],
    ["note IN ('free', 'x') OR note::INT IN (1, 2)", { note: '2' }],
    ['note::INT BETWEEN 1 AND 9 OR age > 5', { note: '2147483648' }],
    ["date_part('year', note::DATE) > 1 OR age = 10", { note: '2020-01-01' }],
    ["date_part(note, '2020-01-01'::DATE) > 1 OR age > 5", { note: 'year' }],
    ['(age * 1e308 * 1e308)::INT > 3 OR age > 5', {}],
  ])('%s lets one person move no others', async (where, person) => {
    expect(await moved(where, person)).toBeLessThanOrEqual(1);
  });
});

describe('WHERE that is only caught as a whole', () => {
  type Tree = Readonly<Record<string, unknown>>;
  /** `TRY(…)` once around the expression as the modeller wrote it. */
  function caughtAsAWhole(planned: PrivateQueryPlan): PrivateQueryPlan {
    const plain = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(plain);
      if (typeof value !== 'object' || value === null) return value;
      const node = value as Tree;
      if (node['type'] === 'OPERATOR_TRY') return plain((node['children'] as unknown[])[0]);
      if (node['try_cast'] === true) {
        const isOurs = (node['cast_type'] as Tree)['id'] === 'BOOLEAN';
        return isOurs ? plain(node['child']) : { ...node, child: plain(node['child']), try_cast: false };
      }
      return Object.fromEntries(Object.entries(node).map(([field, child]) => [field, plain(child)]));
    };
    const { projection } = planned.query;
    const children = [plain(projection['where_clause'])];
    const where_clause = { class: 'OPERATOR', type: 'OPERATOR_TRY', alias: '', query_location: 0, children };
    return { ...planned, query: { ...planned.query, projection: { ...projection, where_clause } } };
  }

  it('lets one person move everybody', async () => {
    const rows = crowd(3_000, { age: 10 });
    const planned = caughtAsAWhole(await plan('SELECT count(*) FROM t WHERE age > 5 OR note::INT > 3'));
    const people = async (some: readonly Row[]): Promise<bigint> => (await exactGroups(planned, some))[0]!.people;
    expect(await people(rows)).toBe(3_000n);
    expect(await people([...rows, { who: 'me', age: 1 }])).toBe(0n);
  });
});

describe('asking again', () => {
  it('costs again: the pod’s account refuses before anything runs', async () => {
    const planned = await plan('SELECT count(*), avg(age) FROM t', { epsilon: 0.4 });
    const folder = tempFolder();
    const entry = { run: 'q', modeller: 'm', dataset: 't', unit: 'record' } as const;
    const account = (): PrivacyAccount =>
      new PrivacyAccount(new Ledger(folder), entry, { epsilonBudget: 1, delta: 1e-6, required: true }, 1e-6);
    for (const spent of [0.4, 0.8]) {
      const mine = account();
      mine.checkRound(planned.cost);
      expect(mine.charge(planned.cost, 'query').epsilon).toBeCloseTo(spent, 9);
    }
    expect(() => account().checkRound(planned.cost)).toThrow('privacy budget of ε = 1');
  });

  it('averages noise away no faster than the account says: answers differ each time', async () => {
    const planned = await plan('SELECT count(*) FROM t', { epsilon: 0.1 });
    const exact = await exactFigures(planned, crowd(50));
    const values = await draws(planned, exact, 500, 5);
    expect(new Set(values).size).toBeGreaterThan(20);
  });
});
