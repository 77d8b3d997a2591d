/**
 * Questions to a whole federation: what is added up equals what the files say together, and sites have the last word.
 * @module
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Federation, type FederationOptions } from '../../sim/federation.ts';
import { type LocalAnalysis, type PodPolicy, parseAnalysis, type QueryPolicy } from '../tasks/index.ts';
import type { AnalysisOutcome } from './analysisRun.ts';

let federation: Federation;
afterEach(() => federation.close());

const PODS = ['a', 'b', 'c', 'd'];
const RULES: QueryPolicy = {
  ...{ results: 'sum', minimumGroupSize: 10, allowsExtremes: false },
  ...{ rowLimit: 1_000, timeoutMs: 30_000, memoryLimitMb: 200 },
};
const answering =
  (queries: Partial<QueryPolicy> = {}, policy: Partial<PodPolicy> = {}): NonNullable<FederationOptions['pod']> =>
  (_name, config) => ({ ...config, policy: { ...config.policy, queries: { ...RULES, ...queries }, ...policy } });

const TARGET = `
  data_structure:
    assign: { target: diagnosis }
    categories: { diagnosis: [benign, malignant] }
    data_split: { data_splitter: percentage, args: { test_percentage: 0, validation_percentage: 0 } }`;

function question(algorithm: string, { task = '', pods = PODS, protocol = '' } = {}): LocalAnalysis {
  return parseAnalysis(
    `pods: { identifiers: [${pods.map((pod) => `hospital-${pod}/breast-cancer`).join(', ')}] }
task:
  protocol: { name: ResultsOnly${protocol} }
  algorithm: ${algorithm}
${task}
`,
    join(federation.folder, 'question.yaml'),
  );
}

/** The rows of all sites, from their files. */
function pooled(pods = PODS): Record<string, string>[] {
  return pods.flatMap((pod) => {
    const lines = readFileSync(join(federation.folder, `data/hospital-${pod}.csv`), 'utf8')
      .trim()
      .split('\n');
    const [head, ...rows] = lines.map((line) => line.split(','));
    return rows.map((row) => Object.fromEntries(head!.map((name, i) => [name, row[i]!])));
  });
}
const numbers = (rows: Record<string, string>[], column: string): number[] => rows.map((row) => Number(row[column]));
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function tableOf({ answer }: AnalysisOutcome): (string | number | boolean | null)[][] {
  if (answer?.kind !== 'table') throw new TypeError('no table');
  return answer.table.rows;
}

describe('SqlQuery', () => {
  const GROUPS = `{ name: konsil.SqlQuery, arguments: {
    query: "SELECT diagnosis, COUNT(*) AS n, AVG(mean_radius) AS radius FROM \`breast-cancer\` GROUP BY diagnosis",
    groups: { diagnosis: [benign, malignant] },
    aggregate: { n: sum, radius: { mean: n } } } }`;
  const SECURE = '  aggregator: { secure: true }';
  const PLAIN = '  aggregator: { secure: false }';

  it('adds groups up under masks to what all files say together', async () => {
    federation = await Federation.open({ pod: answering() });
    const outcome = await federation.ask(question(GROUPS, { task: SECURE }));
    expect(outcome.status, outcome.reason).toBe('complete');
    const rows = pooled();
    for (const [diagnosis, n, radius, pods] of tableOf(outcome)) {
      const own = rows.filter((row) => row['diagnosis'] === diagnosis);
      expect(n).toBe(own.length);
      expect(radius).toBeCloseTo(mean(numbers(own, 'mean_radius')), 9);
      expect(pods).toBe(4);
    }
    expect(tableOf(outcome)).toHaveLength(2);
    expect(readFileSync(outcome.files[0]!, 'utf8')).toMatch(/^diagnosis,n,radius,pods\r\nbenign,/);
  });

  it('in the open gives the same, where sites allow that', async () => {
    federation = await Federation.open({ pod: answering({}, { requireSecureAggregation: false, minimumCohort: 1 }) });
    const outcome = await federation.ask(question(GROUPS, { task: PLAIN }));
    expect(tableOf(outcome).map(([, n]) => n)).toEqual(
      ['benign', 'malignant'].map((name) => pooled().filter((row) => row['diagnosis'] === name).length),
    );
  });

  it('gives each pod’s own result only where its site allows that', async () => {
    federation = await Federation.open({
      pod: (name, config) => answering({ results: name === 'hospital-b' ? 'sum' : 'site' })(name, config),
    });
    const count = '{ name: SqlQuery, arguments: { query: "SELECT COUNT(*) AS n FROM `breast-cancer`" } }';
    const outcome = await federation.ask(question(count));
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(Object.fromEntries(outcome.results)).toEqual(
      Object.fromEntries(
        ['a', 'c', 'd'].map((pod) => [
          `hospital-${pod}`,
          { columns: ['n'], rows: [[pooled([pod]).length]], suppressed: 0 },
        ]),
      ),
    );
    const refused = outcome.members.find(({ name }) => name === 'hospital-b')!;
    expect(refused.reason).toMatch(/UNAUTHORISED: this site gives results only in sums over pods/);
    expect(outcome.answer).toBeNull();
  });

  it('keeps a result at the pod when it is to be saved there only', async () => {
    federation = await Federation.open({ pod: answering({ results: 'site' }) });
    const count = '{ name: SqlQuery, arguments: { query: "SELECT COUNT(*) AS n FROM `breast-cancer`" } }';
    const outcome = await federation.ask(question(count, { protocol: ', arguments: { save_location: [Worker] }' }));
    expect([...outcome.results.values()]).toEqual([null, null, null, null]);
    expect(outcome.files).toEqual([]);
    const folder = join(federation.folder, 'state/hospital-a/results');
    expect(readFileSync(join(folder, readdirSync(folder)[0]!), 'utf8')).toBe(`n\r\n${pooled(['a']).length}\r\n`);
  });

  it('answers nothing where the site says nothing of queries', async () => {
    federation = await Federation.open();
    const outcome = await federation.ask(question(GROUPS, { task: SECURE }));
    expect(outcome.error?.code).toBe('COHORT_TOO_SMALL');
    expect(outcome.reason).toMatch(/this site answers no queries; its operator allows them with policy.queries/);
  });

  it.each([
    ['rows', 'SELECT mean_radius AS n FROM `breast-cancer`', /SQL_REFUSED/],
    ['a file', "SELECT COUNT(*) AS n FROM read_csv('/etc/passwd')", /SQL_REFUSED/],
    ['another column than the task says', 'SELECT COUNT(*) AS m FROM `breast-cancer`', /no column "n"/],
    ['text to add up', 'SELECT min(diagnosis) AS n FROM `breast-cancer`', /SQL_REFUSED/],
  ])('ends with the reason when a query gives %s', async (_what, query, reason) => {
    federation = await Federation.open({ pod: answering() });
    const outcome = await federation.ask(
      question(`{ name: SqlQuery, arguments: { query: ${JSON.stringify(query)}, aggregate: { n: sum } } }`, {
        task: SECURE,
      }),
    );
    expect(outcome.status).toBe('aborted');
    expect(outcome.reason).toMatch(reason);
    expect(outcome.reason).not.toContain(federation.folder);
  });

  it('leaves out small groups, as each site’s rule says', async () => {
    federation = await Federation.open({ pod: answering({ minimumGroupSize: 50 }) });
    const outcome = await federation.ask(question(GROUPS, { task: SECURE }));
    const large = (diagnosis: string): number =>
      PODS.map((pod) => pooled([pod]).filter((row) => row['diagnosis'] === diagnosis).length)
        .filter((n) => n >= 50)
        .reduce((sum, n) => sum + n, 0);
    const expected = ['benign', 'malignant'].map((name) => [name, large(name)]).filter(([, n]) => n !== 0);
    expect(tableOf(outcome).map(([name, n]) => [name, n])).toEqual(expected);
    expect(large('malignant')).toBeLessThan(pooled().filter((row) => row['diagnosis'] === 'malignant').length);
  });

  it('is not added to a sum that differs from an earlier one in one pod', async () => {
    federation = await Federation.open({ pod: answering() });
    expect((await federation.ask(question(GROUPS, { task: SECURE }))).status).toBe('complete');
    const without = await federation.ask(question(GROUPS, { task: SECURE, pods: ['a', 'b', 'c'] }));
    expect(without.status).toBe('aborted');
    expect(JSON.stringify(federation.events)).toMatch(/COHORT_TOO_CLOSE/);
  });
});

describe('FederatedStatistics', () => {
  const allowed: NonNullable<FederationOptions['pod']> = (_name, config) => ({
    ...config,
    policy: { ...config.policy, allowsStatistics: true },
  });
  const statistics = (args = ''): string => `{ name: FederatedStatistics, arguments: { ${args} } }`;

  it('equals the figures of the pooled rows within the error it states', async () => {
    federation = await Federation.open({ pod: allowed });
    const outcome = await federation.ask(
      question(statistics('quantiles: [0.1, 0.5, 0.9], bins: 512'), {
        task: `  aggregator: { secure: true }${TARGET}`,
      }),
    );
    expect(outcome.status, outcome.reason).toBe('complete');
    if (outcome.answer?.kind !== 'statistics') throw new TypeError('no statistics');
    const { columns, target, rows, pods } = outcome.answer.summary;
    const all = pooled();
    expect([rows, pods, columns.length]).toEqual([all.length, 4, 30]);
    for (const column of columns) {
      const values = numbers(all, column.name)
        .map(Math.fround)
        .sort((a, b) => a - b);
      const average = mean(values);
      const deviation = Math.sqrt(mean(values.map((value) => (value - average) ** 2)));
      expect(column).toMatchObject({ count: all.length, missing: 0 });
      expect(column.mean! / average).toBeCloseTo(1, 9);
      expect(column.standardDeviation! / deviation).toBeCloseTo(1, 6);
      for (const { p, value, atMost } of column.quantiles!) {
        const exact = values[Math.ceil(p * values.length) - 1]!;
        expect(Math.abs(value - exact), `${column.name} ${p}`).toBeLessThanOrEqual(atMost * (1 + 1e-9));
      }
      const [low, high] = column.range!;
      expect(values.filter((value) => value < low).length).toBeLessThan(10);
      expect(values.filter((value) => value > high).length).toBeLessThan(10);
    }
    const of = (name: string): number => all.filter((row) => row['diagnosis'] === name).length;
    expect(target.categories).toEqual(['benign', 'malignant'].map((value) => ({ value, count: of(value) })));
    expect(target.classWeights![0]! * of('benign')).toBeCloseTo(target.classWeights![1]! * of('malignant'), 9);
  });

  it('needs the permission of each site', async () => {
    federation = await Federation.open();
    const outcome = await federation.ask(question(statistics(), { task: `  aggregator: { secure: true }${TARGET}` }));
    expect(outcome.reason).toMatch(/its operator allows them with policy.statistics: allow/);
  });

  it('gives nothing of a column with too few values', async () => {
    federation = await Federation.open({ pod: allowed });
    const outcome = await federation.ask(
      question(statistics('minimum_count: 1000'), { task: `  aggregator: { secure: true }${TARGET}` }),
    );
    if (outcome.answer?.kind !== 'statistics') throw new TypeError('no statistics');
    for (const column of [...outcome.answer.summary.columns, outcome.answer.summary.target])
      expect(column).toEqual({ name: column.name, count: 0, missing: 0, isSuppressed: true });
  });
});

describe('questions', () => {
  it('end cleanly when they are cancelled', async () => {
    federation = await Federation.open({ pod: answering() });
    const abort = new AbortController();
    federation.onEvent = ({ type }) => type === 'phase' && abort.abort();
    const outcome = await federation.ask(
      question(
        '{ name: SqlQuery, arguments: { query: "SELECT COUNT(*) AS n FROM `breast-cancer`", aggregate: { n: sum } } }',
        {
          task: '  aggregator: { secure: true }',
        },
      ),
      abort.signal,
    );
    expect(outcome.error?.code).toBe('CANCELLED');
    expect(existsSync(join(outcome.folder, 'events.jsonl'))).toBe(true);
  });

  it('are answered by the pods that are left', async () => {
    federation = await Federation.open({ pod: answering() });
    federation.onEvent = (event) => {
      if (event.type === 'phase' && event.phase === 'keys') federation.kill('hospital-d');
    };
    const outcome = await federation.ask(
      question(
        '{ name: SqlQuery, arguments: { query: "SELECT COUNT(*) AS n FROM `breast-cancer`", aggregate: { n: sum } } }',
        {
          task: '  aggregator: { secure: true }',
        },
      ),
    );
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(tableOf(outcome)).toEqual([
      [pooled(outcome.survivors.map((name) => name.at(-1)!)).length, outcome.survivors.length],
    ]);
    expect(outcome.survivors.length).toBeGreaterThanOrEqual(3);
  });
});
