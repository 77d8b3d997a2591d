import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../../test/support/tempFolder.ts';
import { type JournalFact, SumJournal } from './sumJournal.ts';

const RUN = 'ABCD run-1';
const ABCD = ['a', 'b', 'c', 'd'];
const released = (survivors: readonly string[], change: Partial<JournalFact> = {}): JournalFact =>
  ({
    ...{ fact: 'sum', run: RUN, sum: 'statistics', round: 0, attempt: 0, stage: 'released', input: 'data statistics ' },
    survivors,
    ...change,
  }) as JournalFact;
const code = (journal: SumJournal, survivors: readonly string[], colluding = 1): string =>
  journal.objection('data statistics ', survivors, colluding)?.code ?? 'fine';

describe('a journal of sums', () => {
  it('remembers rounds, spent sums, metrics and cohorts over a restart, by run', () => {
    const folder = tempFolder();
    const journal = new SumJournal(folder);
    journal.append({ fact: 'round', run: RUN, round: 4 });
    journal.append(released(ABCD, { stage: 'signed', sum: 'update 2', round: 4 }));
    journal.append(released(ABCD));
    journal.append({ fact: 'metrics', run: RUN });
    for (const known of [journal, new SumJournal(folder)]) {
      expect(known.memoryOf(RUN)).toEqual({ lastRound: 4, spent: new Set(['statistics']), sharedMetrics: true });
      expect(known.memoryOf('EFGH run-1')).toEqual({ lastRound: -1, spent: new Set(), sharedMetrics: false });
      expect(code(known, ABCD.slice(1))).toBe('COHORT_TOO_CLOSE');
    }
    expect(statSync(join(folder, 'sums.jsonl')).mode & 0o777).toBe(0o600);
  });

  it('objects to cohorts whose difference would show fewer than two honest pods', () => {
    const journal = new SumJournal(tempFolder());
    journal.append(released(['a', 'b', 'c', 'd', 'e', 'f']));
    expect(code(journal, ['a', 'b', 'c', 'd', 'e', 'f'])).toBe('fine'); // the same sum again says nothing new
    expect(code(journal, ['a', 'b', 'c', 'd', 'e'])).toBe('COHORT_TOO_CLOSE');
    expect(code(journal, ['a', 'b', 'c', 'd'])).toBe('COHORT_TOO_CLOSE'); // one of the two may collude
    expect(code(journal, ['a', 'b', 'c', 'd'], 0)).toBe('fine');
    expect(code(journal, ['a', 'b', 'c'])).toBe('fine');
    expect(code(journal, ['a', 'b', 'c', 'd', 'e', 'g'])).toBe('COHORT_TOO_CLOSE');
    expect(journal.objection('data update 77', ['a', 'b', 'c', 'd', 'e'], 1)).toBeNull();
    const { message } = journal.objection('data statistics ', ['a', 'b', 'c', 'd', 'e'], 1)!;
    expect(message).toContain("f is in one of the two only, and the difference would show that pod's");
  });

  it('cuts off a line that a power cut left unfinished, and refuses any other damage by line', () => {
    const folder = tempFolder();
    const file = join(folder, 'sums.jsonl');
    new SumJournal(folder).append(released(ABCD));
    const whole = readFileSync(file, 'utf8');
    appendFileSync(file, '{"fact":"sum","run":"ABCD r');
    expect(code(new SumJournal(folder), ABCD.slice(1))).toBe('COHORT_TOO_CLOSE');
    expect(readFileSync(file, 'utf8')).toBe(whole);
    writeFileSync(file, `${whole}{"fact":"sum"}\n`);
    expect(() => new SumJournal(folder)).toThrow(
      expect.objectContaining({ code: 'DATA_INVALID', message: expect.stringContaining(`${file}:2`) }),
    );
  });

  it('stays small, and forgets nothing that matters', () => {
    const folder = tempFolder();
    const file = join(folder, 'sums.jsonl');
    const lines = Array.from({ length: 10_001 }, (_, round) => JSON.stringify({ fact: 'round', run: RUN, round }));
    const facts = [released(ABCD), { fact: 'metrics', run: RUN }].map((fact) => JSON.stringify(fact));
    writeFileSync(file, `${[...facts, ...lines].join('\n')}\n`);
    const before = new SumJournal(folder);
    expect(readFileSync(file, 'utf8').split('\n').length).toBeLessThan(10);
    const after = new SumJournal(folder);
    for (const journal of [before, after]) {
      expect(journal.memoryOf(RUN)).toEqual({ lastRound: 10_000, spent: new Set(['statistics']), sharedMetrics: true });
      expect(code(journal, ABCD.slice(1))).toBe('COHORT_TOO_CLOSE');
    }
  });

  it('says so when it cannot be written', () => {
    const folder = join(tempFolder(), 'file');
    writeFileSync(folder, '');
    expect(() => new SumJournal(folder)).toThrow(expect.objectContaining({ code: 'FILE_WRITE_FAILED' }));
  });
});
