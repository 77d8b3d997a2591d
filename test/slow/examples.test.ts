/** The examples besides the first, each as a user runs it; no file's name gets out. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
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
