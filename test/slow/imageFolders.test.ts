/** Pictures in folders at three hospitals: a convolutional network learns from all of them, and no file's name gets out. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Konsil, killAll } from '../support/processes.ts';

const folder = mkdtempSync(join(tmpdir(), 'konsil-images-'));
afterEach(async () => {
  await killAll();
  rmSync(folder, { recursive: true, force: true });
});

it('trains on folders of pictures under secure aggregation', async () => {
  const demo = new Konsil(['demo', 'image-folders', '--dir', join(folder, 'demo'), '--no-comparison'], { cwd: folder });
  expect(await demo.exit, demo.text).toBe(0);
  const runs = join(folder, 'demo', 'runs');
  const run = join(runs, readdirSync(runs)[0]!);
  const result = JSON.parse(readFileSync(join(run, 'result.json'), 'utf8')) as {
    readonly status: string;
    readonly pooled: Record<string, { readonly value: number }>;
    readonly rounds: readonly { readonly trainingRows: number; readonly survivors: readonly string[] }[];
  };
  expect(result.status).toBe('complete');
  // ten classes: chance is 0.1, one site alone reaches about 0.85
  expect(result.pooled['Accuracy']!.value).toBeGreaterThan(0.85);
  expect(result.rounds.every(({ survivors, trainingRows }) => survivors.length === 3 && trainingRows === 420)).toBe(
    true,
  );
  const files = readdirSync(run, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const name = /data\/hospital-|\d{3}\.png/;
  for (const entry of files)
    expect(readFileSync(join(entry.parentPath, entry.name)).toString('latin1')).not.toMatch(name);
  expect(demo.text).not.toMatch(name);
});
