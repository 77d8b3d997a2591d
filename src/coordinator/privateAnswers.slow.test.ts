/**
 * Questions whose answers hide people: with noise, or by comparing blinded lists. Whole federations.
 * @module
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Federation, type FederationOptions } from '../../sim/federation.ts';
import { type IntersectionPolicy, type LocalAnalysis, type PodPolicy, parseAnalysis } from '../tasks/index.ts';

let federation: Federation;
afterEach(() => federation.close());

const PODS = ['a', 'b', 'c', 'd'];
const withPolicy =
  (policy: Partial<PodPolicy>): NonNullable<FederationOptions['pod']> =>
  (_name, config) => ({ ...config, policy: { ...config.policy, ...policy } });

function question(algorithm: string, task = '', pods = PODS): LocalAnalysis {
  return parseAnalysis(
    `pods: { identifiers: [${pods.map((pod) => `hospital-${pod}/breast-cancer`).join(', ')}] }
task:
  protocol: { name: ResultsOnly }
  algorithm: ${algorithm}
${task}
`,
    join(federation.folder, 'question.yaml'),
  );
}

function rowsOf(pod: string): number {
  return (
    readFileSync(join(federation.folder, `data/hospital-${pod}.csv`), 'utf8')
      .trim()
      .split('\n').length - 1
  );
}
const ledgerOf = (pod: string): string =>
  readFileSync(join(federation.folder, `state/hospital-${pod}/ledger.jsonl`), 'utf8');

describe('PrivateSqlQuery', () => {
  const budget = (epsilonBudget: number): Partial<PodPolicy> => ({
    recordPrivacy: { required: false, epsilonBudget, delta: 1e-6 },
  });
  const count = (more = ''): string =>
    `{ name: PrivateSqlQuery, arguments: { query: "SELECT COUNT(*) AS n FROM \`breast-cancer\`", epsilon: 1${more} } }`;

  it('gives each pod’s count with noise, and puts it on its account first', async () => {
    federation = await Federation.open({ pod: withPolicy(budget(2)) });
    const outcome = await federation.ask(question(count()));
    expect(outcome.status, outcome.reason).toBe('complete');
    for (const pod of PODS) {
      const { rows, noise } = outcome.results.get(`hospital-${pod}`)!;
      // with ε = 1 a count is off by 40 once in 10^17 times
      expect(Math.abs((rows[0]![0] as number) - rowsOf(pod))).toBeLessThan(40);
      expect(noise!['n']).toBeGreaterThan(1);
      expect(ledgerOf(pod)).toMatch(/"event":"privacy".*"unit":"record"/);
    }
  });

  it('is refused when the budget is spent, whoever asks again', async () => {
    federation = await Federation.open({ pod: withPolicy(budget(1.5)) });
    expect((await federation.ask(question(count()))).status).toBe('complete');
    const second = await federation.ask(question(count()));
    expect(second.status).toBe('aborted');
    expect(second.reason).toMatch(/privacy budget of ε = 1.5/);
    expect(ledgerOf('a').match(/"event":"privacy"/g)).toHaveLength(1);
  });

  it('is refused when the modeller has spent its own budget, with what is left; over restarts of the pod', async () => {
    const narrow = { epsilonBudget: 1.5, delta: 1e-6 };
    federation = await Federation.open({
      pod: withPolicy({
        ...budget(100),
        privateQuery: {
          budget: { epsilonBudget: 50, delta: 1e-6 },
          modellers: { modeller: narrow },
          ranges: { 'breast-cancer': { mean_radius: { lower: 5, upper: 10 } } },
        },
      }),
    });
    const mean = count().replace('COUNT(*) AS n', 'AVG(mean_radius) AS n').replace('epsilon: 1', 'epsilon: 1.4');
    const first = await federation.ask(
      question(mean.replace('} }', ', column_ranges: { mean_radius: { lower: 0, upper: 100 } } } }')),
    );
    expect(first.status, first.reason).toBe('complete');
    // the files' means are above 12; values count as 10 at most here, and a mean stays in the range
    for (const { rows } of [...first.results.values()].flatMap((table) => (table ? [table] : [])))
      expect(rows[0]![0]).toBeLessThanOrEqual(10);
    const { pod } = federation.running.get('hospital-a')!;
    expect(pod.status().budgets).toContainEqual(
      expect.objectContaining({ modeller: 'modeller', dataset: 'breast-cancer', limit: 1.5 }),
    );
    await pod.stop('restart');
    await federation.startPod('hospital-a');
    const second = await federation.ask(question(count()));
    expect(second.reason).toMatch(/take your ε to 2.4\d* .* gives you 1.5 at δ = 0.000001, of which 0.1 is left/);
    expect(ledgerOf('a').match(/"event":"privacy"/g)).toHaveLength(1);
  });

  it('adds noisy results up under masks', async () => {
    federation = await Federation.open({ pod: withPolicy(budget(2)) });
    const outcome = await federation.ask(question(count(', aggregate: { n: sum }'), '  aggregator: { secure: true }'));
    if (outcome.answer?.kind !== 'table') throw new TypeError(outcome.reason);
    const all = PODS.map(rowsOf).reduce((sum, n) => sum + n, 0);
    expect(Math.abs((outcome.answer.table.rows[0]![0] as number) - all)).toBeLessThan(80);
  });

  it('is not answered by a site without a budget', async () => {
    federation = await Federation.open();
    const outcome = await federation.ask(question(count()));
    expect(outcome.reason).toMatch(/answers no private queries; its operator allows them with a budget/);
  });
});

describe('PrivateSetIntersection', () => {
  const RULES: IntersectionPolicy = {
    ...{ kinds: ['cardinality', 'intersection'], columns: ['patient_id'] },
    ...{ maximumList: 1_000, maximumLists: 10, withPods: [] },
    rowFilter: { minimumPeople: 20, keepDays: 30 },
  };
  /** Pod `a` has the people 0, 4, 8, …, pod `b` 1, 5, 9, …; written as each site does it. */
  function writePeople({ folder }: Federation): void {
    for (const [i, pod] of PODS.entries()) {
      const people = Array.from({ length: 40 }, (_, k) => 4 * k + i);
      const lines = people.map((n) => `${pod === 'b' ? `mrn ${n}` : `MRN-${String(n).padStart(6, '0')}`},${n % 90}`);
      writeFileSync(join(folder, `data/hospital-${pod}.csv`), `patient_id,age\n${lines.join('\n')}\n`);
    }
  }
  const open = (intersection: Partial<IntersectionPolicy> = {}): Promise<Federation> =>
    Federation.open(
      {
        pod: (_name, config) => ({
          ...config,
          datasources: config.datasources.map((one) => ({ ...one, exposeColumns: ['patient_id'] })),
          policy: { ...config.policy, intersection: { ...RULES, ...intersection } },
        }),
      },
      writePeople,
    );
  const compare = (kind: string, people: readonly number[], more = ''): LocalAnalysis => {
    writeFileSync(
      join(federation.folder, 'list.csv'),
      `patient_id,study\n${people.map((n) => `MRN-${String(n).padStart(6, '0')},s`).join('\n')}\n`,
    );
    return question(
      `{ name: PrivateSetIntersection, arguments: { columns: [patient_id], normalise: { digits: true }, kind: ${kind}, identifiers_file: ./list.csv${more} } }`,
    );
  };

  it('tells the modeller how many of its list each pod has', async () => {
    federation = await open();
    // 4, 8, …, 40 are at a; 1, 5 at b; none at c; 3 at d
    const people = [...Array.from({ length: 10 }, (_, k) => 4 * k + 4), 1, 5, 3, 5_000, 6_001];
    const outcome = await federation.ask(compare('cardinality', people, ', pad_to: 32'));
    expect(outcome.status, outcome.reason).toBe('complete');
    expect([...outcome.results].map(([pod, table]) => [pod, table?.rows])).toEqual([
      ['hospital-a', [[10]]],
      ['hospital-b', [[2]]],
      ['hospital-c', [[0]]],
      ['hospital-d', [[1]]],
    ]);
    expect(ledgerOf('a')).toMatch(/"event":"intersection".*"cardinality of 32"/);
  });

  it('or who of its list, where the site allows that; and nobody learns the list', async () => {
    federation = await open();
    const outcome = await federation.ask(compare('intersection', [8, 9, 777]));
    expect(outcome.results.get('hospital-a')!.rows).toEqual([['MRN-000008']]);
    expect(outcome.results.get('hospital-b')!.rows).toEqual([['MRN-000009']]);
    expect(outcome.results.get('hospital-c')!.rows).toEqual([]);
    const task = readFileSync(join(outcome.folder, 'task.json'), 'utf8');
    expect(task).not.toMatch(/list\.csv|000008|identifiers_file/);
    const kept = PODS.flatMap((pod) =>
      readdirSync(join(federation.folder, `state/hospital-${pod}`), { withFileTypes: true, recursive: true })
        .filter((entry) => entry.isFile())
        .map((entry) => readFileSync(join(entry.parentPath, entry.name)).toString('latin1')),
    );
    for (const text of kept) expect(text).not.toMatch(/MRN-000777|MRN-000008/);
  });

  it.each<[string, Partial<IntersectionPolicy>, string, RegExp]>([
    ['another kind', { kinds: ['cardinality'] }, 'intersection', /gives the cardinality of lists only/],
    ['too long a list', { maximumList: 2 }, 'cardinality', /compares lists of at most 2 people, got 3/],
    ['another column', { columns: ['ssn'] }, 'cardinality', /compares people by ssn, not by "patient_id"/],
  ])('is refused for %s', async (_what, policy, kind, reason) => {
    federation = await open(policy);
    expect((await federation.ask(compare(kind, [1, 2, 3]))).reason).toMatch(reason);
  });

  it('is refused when the modeller has had its lists compared', async () => {
    federation = await open({ maximumLists: 1 });
    expect((await federation.ask(compare('cardinality', [1, 2]))).status).toBe('complete');
    expect((await federation.ask(compare('cardinality', [3, 4]))).reason).toMatch(
      /has compared 1 lists of this modeller/,
    );
  });

  it('is refused where the site says nothing of it', async () => {
    federation = await Federation.open({}, writePeople);
    expect((await federation.ask(compare('cardinality', [1]))).reason).toMatch(/compares no lists of people/);
  });
});
