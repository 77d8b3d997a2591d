import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Federation } from '../../sim/federation.ts';
import { checkTranscript, parseTranscript } from '../aggregation/index.ts';

let federation: Federation;
afterEach(() => federation.close());

it('a run leaves a transcript of every secure sum, fit to be handed out', async () => {
  federation = await Federation.open({ transcript: 'public' });
  federation.onEvent = (event) => {
    if (event.type === 'phase' && event.purpose === 'update' && event.completed === 1 && event.phase === 'consistency')
      federation.kill('hospital-b');
  };
  const outcome = await federation.run();
  expect(outcome.status, outcome.reason).toBe('complete');
  const folder = join(outcome.folder, 'transcript');
  const files = readdirSync(folder).sort();
  expect(files).toEqual([
    'round-0000-statistics-0.jsonl',
    'round-0001-update-0.jsonl',
    'round-0002-update-0.jsonl',
    'round-0003-update-0.jsonl',
    'round-0004-evaluation-0.jsonl',
  ]);
  for (const file of files) {
    const text = readFileSync(join(folder, file), 'utf8');
    const report = checkTranscript(parseTranscript(text));
    expect(report.findings, file).toEqual([]);
    expect(report).toMatchObject({ outcome: 'sum', isSpent: true, passedOver: 0 });
    const sent = report.pods.filter(({ answered }) => answered === 'release').length;
    expect(report.withoutShares).toBe(sent);
  }
  const lossy = checkTranscript(parseTranscript(readFileSync(join(folder, files[2]!), 'utf8')));
  expect(lossy.survivors).toHaveLength(4);
  expect(lossy.pods.find(({ name }) => name === 'hospital-b')!.answered).toBe('upload');
});
