/** The demo with one hospital killed in each phase of a round, every part a process of its own. `npm run test:slow` */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { RunResult } from '../../src/reports/index.ts';
import { exampleCopy, Konsil, killAll } from '../support/processes.ts';

const PHASES = ['training', 'keys', 'shares', 'masked input', 'consistency', 'unmasking'];
let example: ReturnType<typeof exampleCopy>;
afterEach(async () => {
  await killAll();
  example.remove();
});

describe('konsil demo', () => {
  it.each(PHASES)('finishes with the right answer when a hospital is killed with SIGKILL in %s', async (phase) => {
    example = exampleCopy(4);
    const args = ['demo', '--dir', '.', '--no-comparison', '--kill', `hospital-d@${phase}`, '--json'];
    const demo = new Konsil(args, { cwd: example.folder });
    expect(await demo.exit, demo.text).toBe(0);
    const run = readdirSync(join(example.folder, 'runs'))[0]!;
    const result = JSON.parse(readFileSync(join(example.folder, 'runs', run, 'result.json'), 'utf8')) as RunResult;
    const [, second, third, fourth] = result.rounds;
    expect(third!.dropped.map(({ pod }) => pod)).toEqual(['hospital-d']);
    expect(fourth!.survivors).toEqual(['hospital-a', 'hospital-b', 'hospital-c']);
    const uploaded = phase === 'consistency' || phase === 'unmasking';
    expect(third!.trainingRows).toBe(uploaded ? second!.trainingRows : fourth!.trainingRows);
    expect(result.pooled!['ROC AUC']!.value).toBeGreaterThan(0.85);
  });
});
