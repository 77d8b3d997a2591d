import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Federation } from '../../sim/federation.ts';
import { checkTranscript, parseTranscript } from '../aggregation/index.ts';
import { checkTogether, parseResult } from '../protocols/index.ts';
import type { RunOutcome } from './runOutcome.ts';

let federation: Federation;
afterEach(() => federation.close());

/** Its transcripts, checked, and its result. */
function transcriptsOf({ folder }: RunOutcome) {
  const texts = readdirSync(join(folder, 'transcript'))
    .sort()
    .map((file) => ({ file, text: readFileSync(join(folder, 'transcript', file), 'utf8') }));
  const results = texts.flatMap(({ file, text }) => {
    const result = parseResult(text);
    return result ? [{ file, result }] : [];
  });
  const files = texts
    .filter(({ file }) => file !== 'result.jsonl')
    .map(({ file, text }) => ({ file, report: checkTranscript(parseTranscript(text)) }));
  return { files, results, together: checkTogether(files, results) };
}

describe('a run with transcripts', () => {
  it('leaves one of every secure sum, and who signed for the final parameters', async () => {
    federation = await Federation.open({ transcript: true });
    federation.onEvent = (event) => {
      if (
        event.type === 'phase' &&
        event.purpose === 'update' &&
        event.completed === 1 &&
        event.phase === 'consistency'
      )
        federation.kill('hospital-b');
    };
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    const { files, results, together } = transcriptsOf(outcome);
    expect(files.map(({ file }) => file)).toEqual([
      'round-0000-statistics-0.jsonl',
      'round-0001-update-0.jsonl',
      'round-0002-update-0.jsonl',
      'round-0003-update-0.jsonl',
      'round-0004-evaluation-0.jsonl',
    ]);
    for (const { file, report } of files) {
      expect(report.findings, file).toEqual([]);
      expect(report, file).toMatchObject({ outcome: 'sum', isSpent: true });
    }
    const lossy = files[2]!.report;
    expect(lossy.survivors).toHaveLength(4);
    expect(lossy.pods.find(({ name }) => name === 'hospital-b')).toMatchObject({ answered: 'upload', lostIn: 'sign' });
    expect(together.wrong).toEqual([]);
    expect(together.notes).toEqual([
      {
        file: 'round-0003-update-0.jsonl',
        what: 'its sum and that of round-0002-update-0.jsonl differ by hospital-b alone; their inputs come from different parameters',
      },
    ]);
    expect(results[0]!.result.parameters).toBe(outcome.result!.parameters);
    expect(together.confirmedBy.get('result.jsonl')).toEqual(outcome.result!.confirmedBy);
    expect(outcome.result!.confirmedBy).toHaveLength(3);
  });

  it('leaves one of an attempt that failed, in which nothing was asked for', async () => {
    federation = await Federation.open({ transcript: true });
    federation.onEvent = (event) => {
      if (event.type !== 'phase' || event.purpose !== 'update' || event.phase !== 'masked input') return;
      federation.kill('hospital-b');
      federation.kill('hospital-c');
    };
    const outcome = await federation.run();
    expect(outcome.status).toBe('aborted');
    const { files, together } = transcriptsOf(outcome);
    expect(files.length).toBeGreaterThan(1);
    const { report } = files[1]!;
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({ outcome: 'failed', isSpent: false, survivors: null });
    expect(report.reason).toContain('2 pods finished phase upload, at least 3 are needed');
    const lost = report.pods.filter(({ lostIn }) => lostIn === 'upload').map(({ name }) => name);
    expect(lost).toEqual(['hospital-b', 'hospital-c']);
    expect(together.wrong).toEqual([]);
  });
});
