/**
 * Whether a ledger shows what was done to it.
 * @module
 */
import { createHash } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditLedger } from './audit.ts';
import { Ledger } from './ledger.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'konsil-ledger-'));
  file = join(folder, 'ledger.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

const entry = { run: 'r', modeller: 'm', dataset: 'x' };
const privacy = [{ event: { kind: 'gaussian', noiseMultiplier: 2 }, count: 1 }] as const;
function fill(): Ledger {
  const ledger = new Ledger(folder);
  ledger.append({ ...entry, event: 'accepted', task: 'a'.repeat(64), model: 'b'.repeat(64) });
  ledger.append({ ...entry, event: 'round', round: 0, purpose: 'statistics', sentBytes: 100 });
  for (const round of [1, 2]) {
    ledger.append({ ...entry, event: 'privacy', unit: 'site', privacy, delta: 1e-5 });
    ledger.append({ ...entry, event: 'round', round, purpose: 'update', sentBytes: 1_000 + round });
  }
  return ledger;
}
const linesOf = (): string[] => readFileSync(file, 'utf8').trimEnd().split('\n');
const write = (lines: readonly string[]): void => writeFileSync(file, lines.map((line) => `${line}\n`).join(''));

/** What was done to six lines, and where it shows. */
const TAMPERING: readonly (readonly [string, number, (lines: string[]) => string[]])[] = [
  ['an edit of one number', 4, (l) => l.with(3, l[3]!.replace('1001', '1000'))],
  ['an edit of white space only', 2, (l) => l.with(1, l[1]!.replace(',"run"', ', "run"'))],
  ['an edit of the last line', 6, (l) => l.with(5, l[5]!.replace('1002', '2'))],
  ['a line that is gone', 3, (l) => l.toSpliced(2, 1)],
  ['the first line gone', 1, (l) => l.slice(1)],
  ['two lines in another order', 3, (l) => l.with(2, l[4]!).with(4, l[2]!)],
  ['a line twice', 4, (l) => l.toSpliced(3, 0, l[2]!)],
  ['a line of another ledger', 7, (l) => [...l, l[1]!]],
  ['a line without a chain in between', 3, (l) => l.toSpliced(2, 0, '{"event":"privacy"}')],
  ['the chain taken off the first lines', 3, (l) => l.map((x, i) => (i < 2 ? x.replace(/"chain":"\w+",/, '') : x))],
  ['garbage', 1, (l) => ['garbage', ...l]],
];

describe('a ledger', () => {
  it('goes on over restarts, each line hashed with the one before it', () => {
    const head = fill().head;
    const again = new Ledger(folder);
    expect(again.head).toBe(head);
    expect(again.privacyEvents('x', 'site')).toHaveLength(2);
    again.append({ ...entry, event: 'completed' });
    // the definition in its docstring, by other means
    const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
    let chain = sha('konsil/ledger/v1/genesis\0');
    for (const line of linesOf()) {
      const body = line.replace(/^\{"chain":"\w{64}",/, '{');
      chain = sha(`konsil/ledger/v1/line\0${chain}${body}`);
      expect(JSON.parse(line)).toMatchObject({ chain });
    }
    expect(chain).toBe(again.head);
  });

  it.each(TAMPERING)('shows %s', (_what, line, tamper) => {
    fill();
    const lines = linesOf();
    expect(lines).toHaveLength(6);
    write(tamper(lines));
    const refusal = { code: 'DATA_INVALID', message: expect.stringContaining(`ledger.jsonl:${line}: `) };
    expect(() => new Ledger(folder)).toThrow(expect.objectContaining(refusal));
    expect(() => auditLedger(file)).toThrow(expect.objectContaining(refusal));
  });

  it('shows lines missing at the end, and a new file in its place, to who has noted a head down', () => {
    const middle = new Ledger(folder).head;
    const head = fill().head;
    expect(auditLedger(file, { expectHead: head }).head).toBe(head);
    // any value it has had is good: the file has grown since
    expect(auditLedger(file, { expectHead: middle }).head).toBe(head);
    write(linesOf().slice(0, -1));
    expect(auditLedger(file).lines).toBe(5); // by itself it cannot know
    const missing = { code: 'DATA_INVALID', message: expect.stringContaining('lines were removed at its end') };
    expect(() => auditLedger(file, { expectHead: head })).toThrow(expect.objectContaining(missing));
    rmSync(file);
    fill();
    expect(() => auditLedger(file, { expectHead: head })).toThrow(expect.objectContaining(missing));
  });

  it('takes over one from before there were chains, and guards its lines too', () => {
    const old = [
      { ...entry, event: 'accepted' },
      { ...entry, event: 'privacy', unit: 'site', privacy },
    ];
    write(old.map((value) => JSON.stringify(value)));
    const ledger = new Ledger(folder);
    expect(ledger.privacyEvents('x', 'site')).toHaveLength(1);
    ledger.append({ ...entry, event: 'completed' });
    expect(new Ledger(folder).head).toBe(ledger.head);
    expect(auditLedger(file)).toMatchObject({ lines: 4, unchained: 2 });
    for (const tamper of [
      (l: string[]) => l.with(1, l[1]!.replace('"count":1', '"count":2')),
      (l: string[]) => l.slice(1),
      (l: string[]) => [l[0]!, ...l],
    ]) {
      const whole = linesOf();
      write(tamper(whole));
      expect(() => new Ledger(folder)).toThrow(expect.objectContaining({ code: 'DATA_INVALID' }));
      write(whole);
    }
  });

  it('goes on after a power cut in the middle of a line', () => {
    const { head } = fill();
    appendFileSync(file, '{"chain":"0123');
    expect(auditLedger(file)).toMatchObject({ head, lines: 6, isCut: true });
    const again = new Ledger(folder);
    again.append({ ...entry, event: 'completed' });
    expect(auditLedger(file)).toMatchObject({ head: again.head, lines: 7, isCut: false });
  });

  it('writes nothing more once it is closed', () => {
    const ledger = fill();
    const before = readFileSync(file);
    ledger.close();
    expect(() => ledger.append({ ...entry, event: 'completed' })).toThrow(/FILE_WRITE_FAILED|closed/);
    expect(readFileSync(file)).toEqual(before);
  });
});

describe('an audit', () => {
  it('adds up what each run took part in, sent and spent', () => {
    const ledger = fill();
    ledger.append({ ...entry, event: 'completed', detail: 'all rounds done', sentBytes: 9_000 });
    ledger.append({ event: 'rejected', run: 's', modeller: 'n', detail: 'NO_ACCESS: no' });
    ledger.append({ ...entry, run: 't', event: 'accepted' });
    ledger.append({ ...entry, run: 't', event: 'round', round: 0, purpose: 'statistics', sentBytes: 70 });
    const { runs } = auditLedger(file);
    expect(runs).toMatchObject([
      {
        run: 'r',
        modeller: 'm',
        dataset: 'x',
        sums: 3,
        rounds: 2,
        sentBytes: 9_000,
        end: 'completed: all rounds done',
      },
      { run: 's', modeller: 'n', dataset: null, sums: 0, rounds: 0, sentBytes: 0, end: 'rejected: NO_ACCESS: no' },
      { run: 't', sums: 1, rounds: 0, sentBytes: 70, end: null, privacy: [] },
    ]);
    expect(runs[0]!.privacy).toMatchObject([{ unit: 'site', delta: 1e-5 }]);
    // two releases of multiplier 2 cost more than one, and less than twice as much
    const { epsilon } = runs[0]!.privacy[0]!;
    expect(epsilon).toBeGreaterThan(2);
    expect(epsilon).toBeLessThan(6);
    expect(auditLedger(file, { run: 't' }).runs.map(({ run }) => run)).toEqual(['t']);
    expect(() => auditLedger(file, { run: 'u' })).toThrow(expect.objectContaining({ code: 'RUN_UNKNOWN' }));
    expect(() => auditLedger(join(folder, 'none'))).toThrow(expect.objectContaining({ code: 'FILE_NOT_FOUND' }));
  });
});
