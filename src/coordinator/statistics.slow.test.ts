/**
 * Statistics that tasks are prepared with: values that nobody has listed are found under masks, and what was found trains.
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { allowPlain, EXAMPLE, Federation, type FederationOptions, shortTask } from '../../sim/federation.ts';
import { type LocalAnalysis, parseAnalysis, readTask } from '../tasks/index.ts';
import type { AnalysisOutcome } from './analysisRun.ts';

let federation: Federation;
afterEach(() => federation.close());

const PODS = ['a', 'b', 'c', 'd'];
type Row = Readonly<Record<'smoking' | 'grade' | 'ward', string>>;

/** Columns that the task knows nothing of: words, numbers that are codes, and some that only one site has. */
function rowOf(pod: string, i: number): Row {
  const smoking = ['never', 'ex-smoker', 'größer 20 / Tag', ''][i % 7 < 3 ? 0 : i % 4]!;
  const ward = i % 2 === 0 ? `ward of ${pod} only` : i < 12 ? 'sharedButRare' : 'W1';
  return { smoking, ward, grade: String(1 + (i % 3)) };
}

const sizes = new Map<string, number>();
function addColumns({ folder }: Federation): void {
  for (const pod of PODS) {
    const file = join(folder, `data/hospital-${pod}.csv`);
    const [head, ...rows] = readFileSync(file, 'utf8').trim().split('\n');
    sizes.set(pod, rows.length);
    const lines = rows.map((row, i) => [row, ...Object.values(rowOf(pod, i))].join(','));
    writeFileSync(file, `${[`${head},smoking,ward,grade`, ...lines].join('\n')}\n`);
  }
}

/** Rows of each value, of values that a site has in 10 rows. */
function pooled(column: keyof Row): { value: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const pod of PODS) {
    const own = Array.from({ length: sizes.get(pod)! }, (_, i) => rowOf(pod, i)[column]).filter(
      (value) => value !== '',
    );
    for (const value of new Set(own)) {
      const n = own.filter((other) => other === value).length;
      if (n >= 10) counts.set(value, (counts.get(value) ?? 0) + n);
    }
  }
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
}

/** Rows with a value that is rare at their site. */
function otherRows(column: keyof Row): number {
  const own = PODS.flatMap((pod) => Array.from({ length: sizes.get(pod)! }, (_, i) => rowOf(pod, i)[column]));
  return own.filter((value) => value !== '').length - pooled(column).reduce((sum, { count }) => sum + count, 0);
}

const allowed: NonNullable<FederationOptions['pod']> = (_name, config) => ({
  ...config,
  policy: { ...config.policy, allowsStatistics: true },
});

function question(columns: string, { secure = true, args = '', structure = '' } = {}): LocalAnalysis {
  return parseAnalysis(
    `pods: { identifiers: [${PODS.map((pod) => `hospital-${pod}/breast-cancer`).join(', ')}] }
task:
  protocol: { name: ResultsOnly }
  algorithm: { name: FederatedStatistics, arguments: { vocabularies: [${columns}]${args} } }
  aggregator: { secure: ${secure} }
  data_structure:
    assign: { target: diagnosis }
    categories: { diagnosis: [benign, malignant] }${structure}
`,
    join(federation.folder, 'question.yaml'),
  );
}

function summaryOf({ answer, status, reason }: AnalysisOutcome) {
  expect(status, reason).toBe('complete');
  if (answer?.kind !== 'statistics') throw new TypeError('no statistics');
  return answer.summary;
}

describe('vocabularies', () => {
  it('are the values of the pooled rows that several sites share, and nothing of one site alone', async () => {
    federation = await Federation.open({ pod: allowed, transcript: true }, addColumns);
    const outcome = await federation.ask(question('smoking, ward, grade'));
    const { vocabularies, columns, target } = summaryOf(outcome);
    const [smoking, ward, grade] = vocabularies!;
    expect(smoking).toMatchObject({
      name: 'smoking',
      values: pooled('smoking'),
      collisions: 0,
      tooRare: 0,
      otherRows: otherRows('smoking'),
    });
    expect(pooled('smoking')).toHaveLength(3);
    expect(grade).toMatchObject({ name: 'grade', values: pooled('grade') });
    expect(ward).toMatchObject({ values: pooled('ward').filter(({ value }) => value === 'W1'), tooRare: 4 });
    expect(columns.map(({ name }) => name)).not.toContain('grade');
    expect(columns).toHaveLength(30);
    expect(target.classWeights).toHaveLength(2);
    // neither in the answer, nor in a file of the run, nor in what was told on the way
    const seen = [
      JSON.stringify(outcome.answer),
      JSON.stringify(federation.events),
      ...outcome.files.map((file) => readFileSync(file, 'utf8')),
    ];
    for (const text of seen) expect(text).not.toMatch(/ward of|sharedButRare/);
    expect(seen.at(-1)).toMatch(/W1/);
  });

  it('are the same without masks, where sites allow that', async () => {
    federation = await Federation.open({ pod: (name, config) => allowed(name, allowPlain(name, config)) }, addColumns);
    const { vocabularies } = summaryOf(await federation.ask(question('smoking', { secure: false })));
    expect(vocabularies).toEqual([
      { name: 'smoking', values: pooled('smoking'), collisions: 0, tooRare: 0, otherRows: otherRows('smoking') },
    ]);
  });

  it('need as many sites as the task says, and no fewer rows of a site than its rule for groups', async () => {
    federation = await Federation.open(
      {
        pod: (name, config) => {
          const queries = {
            ...{
              results: 'sum' as const,
              minimumGroupSize: name === 'hospital-a' ? 100_000 : 10,
              allowsExtremes: false,
            },
            ...{ rowLimit: 1_000, timeoutMs: 30_000, memoryLimitMb: 200 },
          };
          return { ...config, policy: { ...config.policy, allowsStatistics: true, queries } };
        },
      },
      addColumns,
    );
    const { vocabularies } = summaryOf(await federation.ask(question('grade', { args: ', minimum_sites: 4' })));
    expect(vocabularies![0]).toMatchObject({ values: [], tooRare: 3 });
  });

  it('are read from the sites that are left when one is lost before the last sum', async () => {
    federation = await Federation.open({ pod: allowed }, addColumns);
    federation.onEvent = (event) => {
      if (event.type === 'phase' && event.completed === 3) federation.kill('hospital-d');
    };
    const outcome = await federation.ask(question('smoking'));
    expect(summaryOf(outcome).vocabularies![0]!.values).toEqual(pooled('smoking'));
    expect(outcome.survivors).toHaveLength(3);
  });

  it('end with the reason for a column that is not there', async () => {
    federation = await Federation.open({ pod: allowed }, addColumns);
    const outcome = await federation.ask(question('smokng'));
    expect(outcome.error?.code).toBe('CONFIG_INVALID');
    expect(outcome.reason).toMatch(/no column "smokng" \(vocabularies\).*smoking/);
  });

  it('need the permission of each site', async () => {
    federation = await Federation.open({}, addColumns);
    const outcome = await federation.ask(question('smoking'));
    expect(outcome.reason).toMatch(/its operator allows them with policy.statistics: allow/);
  });
});

describe('a training task that refers to statistics', () => {
  it('trains with what was found', async () => {
    federation = await Federation.open({ pod: allowed }, addColumns);
    const outcome = await federation.ask(question('smoking, ward, grade'));
    const { target } = summaryOf(outcome);
    writeFileSync(join(federation.folder, 'statistics.json'), readFileSync(outcome.files[0]!));
    const file = join(federation.folder, 'by-reference.yaml');
    writeFileSync(
      file,
      shortTask(readFileSync(join(EXAMPLE, 'task.yaml'), 'utf8'))
        .replace(
          '  data_structure:\n',
          '  data_structure:\n    statistics: ./statistics.json\n    select: { exclude: [ward] }\n',
        )
        .replace(
          'diagnosis: [benign, malignant]',
          'diagnosis: statistics\n      smoking: statistics\n      grade: statistics',
        )
        .replace(
          'hyperparameters:\n',
          'hyperparameters:\n        loss: cross_entropy\n        loss_options: { class_weights: statistics }\n',
        ),
    );
    const task = await readTask(file);
    expect(task.dataStructure.categories).toEqual({
      diagnosis: ['benign', 'malignant'],
      smoking: pooled('smoking').map(({ value }) => value),
      grade: pooled('grade').map(({ value }) => value),
    });
    expect(task.training).toMatchObject({ lossOptions: { classWeights: target.classWeights } });
    federation.task = { ...task, deadlines: federation.task.deadlines };
    const trained = await federation.run();
    expect(trained.status, trained.reason).toBe('complete');
    expect(trained.rounds).toHaveLength(3);
    expect(trained.rounds.at(-1)!.trainingLoss!).toBeLessThan(trained.rounds[0]!.trainingLoss!);
  });
});
