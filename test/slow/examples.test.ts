/** The examples besides the first, each as a user runs it; no file's name gets out. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import { Konsil, killAll } from '../support/processes.ts';

const folder = mkdtempSync(join(tmpdir(), 'konsil-examples-'));
afterEach(killAll);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.each([
  // ten classes: chance is 0.1, one site alone reaches about 0.85
  { example: 'image-folders', metric: 'Accuracy', least: 0.85 },
  { example: 'dicom', metric: 'ROC AUC', least: 0.9 },
  // as good as published models of these cohorts; the best site alone reaches 0.716
  { example: 'two-cohorts', metric: 'ROC AUC', least: 0.7 },
])('trains on $example under secure aggregation', async ({ example, metric, least }) => {
  const demo = new Konsil(['demo', example, '--dir', join(folder, example), '--no-comparison'], { cwd: folder });
  expect(await demo.exit, demo.text).toBe(0);
  const runs = join(folder, example, 'runs');
  // the others are of questions, which have no model
  const run = readdirSync(runs)
    .map((name) => join(runs, name))
    .find((folder) => existsSync(join(folder, 'result.json')))!;
  const result = JSON.parse(readFileSync(join(run, 'result.json'), 'utf8')) as {
    readonly status: string;
    readonly pooled: Record<string, { readonly value: number }>;
    readonly rounds: readonly { readonly survivors: readonly string[] }[];
  };
  expect(result.status).toBe('complete');
  expect(result.pooled[metric]!.value).toBeGreaterThan(least);
  expect(result.rounds.every(({ survivors }) => survivors.length === 3)).toBe(true);
  const files = readdirSync(run, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const name = /data\/hospital-|\d{3}\.(?:png|dcm)/;
  for (const entry of files)
    expect(readFileSync(join(entry.parentPath, entry.name)).toString('latin1')).not.toMatch(name);
  expect(demo.text).not.toMatch(name);
});

it('asks the two cohorts before it trains, and the sums are those of the files', () => {
  const data = join(folder, 'two-cohorts', 'data');
  const relapses = readdirSync(data)
    .map((name) => readFileSync(join(data, name), 'utf8').match(/[,;]yes\r?$/gm)?.length ?? 0)
    .reduce((sum, n) => sum + n, 0);
  const runs = join(folder, 'two-cohorts', 'runs');
  const answer = readdirSync(runs)
    .map((name) => join(runs, name, 'result.csv'))
    .find((file) => existsSync(file))!;
  const rows = readFileSync(answer, 'utf8')
    .trim()
    .split('\r\n')
    .map((line) => line.split(','));
  expect(rows[0]).toEqual(['hormon', 'relapse', 'patients', 'mean_age', 'mean_nodes', 'pods']);
  const counted = rows.filter(([, relapse]) => relapse === 'yes').reduce((sum, row) => sum + Number(row[2]), 0);
  expect(counted).toBe(relapses);
});

it('evaluates two models across hospitals, and the report is what they have signed', async () => {
  const dir = join(folder, 'evaluate');
  const demo = new Konsil(['demo', 'evaluate-across-hospitals', '--dir', dir], { cwd: folder });
  expect(await demo.exit, demo.text).toBe(0);
  const [name] = readdirSync(join(dir, 'runs'));
  const run = join(dir, 'runs', name!);
  const { findings, cohort } = JSON.parse(readFileSync(join(run, 'evaluation.json'), 'utf8')) as {
    readonly cohort: readonly { readonly state: string }[];
    readonly findings: readonly {
      readonly pooled: { readonly rows: number; readonly metrics: Record<string, { readonly value: number }> };
      readonly sites: readonly { readonly site: string; readonly found: { readonly withheld?: string } }[];
      readonly metaAnalyses: readonly { readonly metric: string; readonly qPValue: number }[];
    }[];
  };
  expect(cohort.map(({ state }) => state)).toEqual(['finished', 'finished', 'finished', 'finished', 'finished']);
  const [score] = findings;
  // the hospital whose own figures are withheld is not in the sum either
  expect(score!.pooled.rows).toBe(1050 + 560 + 408 + 230);
  expect(score!.pooled.metrics['ROC AUC']!.value).toBeGreaterThan(0.7);
  expect(score!.sites.filter(({ found }) => found.withheld !== undefined).map(({ site }) => site)).toEqual([
    'hospital-eibe',
  ]);
  expect(score!.metaAnalyses.find(({ metric }) => metric === 'Accuracy')!.qPValue).toBeLessThan(0.05);
  const report = join(run, 'report.html');
  const keys = join(dir, 'keys', 'researcher');
  const model = join(dir, 'models', 'score.onnx');
  const check = ['--keys', keys, '--task', join(run, 'task.json'), '--model', model];
  const honest = new Konsil(['verify', 'report', report, ...check], { cwd: folder });
  expect(await honest.exit, honest.text).toBe(0);
  const page = readFileSync(report, 'utf8');
  for (const [i, altered] of [
    page.replaceAll('0.735', '0.935'), // what is seen
    page.replace(/(\\"rows\\":)1050/, '$19050'), // what a hospital signed
    page.replace(/"sha256":"./, (text) => `${text.slice(0, -1)}${text.endsWith('0') ? '1' : '0'}`), // of the model
  ].entries()) {
    expect(altered).not.toBe(page);
    const file = join(folder, `altered-${i}.html`);
    writeFileSync(file, altered);
    const refused = new Konsil(['verify', 'report', file], { cwd: folder });
    expect(await refused.exit, refused.text).toBe(1);
    expect(refused.text).toContain('WRONG');
  }
});
