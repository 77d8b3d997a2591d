import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LineFile } from './lineFile.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'konsil-lines-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('keeps lines over restarts, readable by its owner only, in a folder of its own', () => {
  const path = join(folder, 'state/a.jsonl');
  const file = new LineFile(path, 'so what');
  file.append({ n: 1 });
  file.append('ü');
  expect(new LineFile(path, 'so what').lines()).toEqual(['{"n":1}', '"ü"']);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, 'state')).mode & 0o777).toBe(0o700);
});

it('cuts off what a power cut left of a line', () => {
  const path = join(folder, 'a.jsonl');
  new LineFile(path, '').append(1);
  appendFileSync(path, '{"torn":');
  const file = new LineFile(path, '');
  file.append(2);
  expect(readFileSync(path, 'utf8')).toBe('1\n2\n');
});

it('is replaced as a whole', () => {
  const path = join(folder, 'a.jsonl');
  const file = new LineFile(path, '');
  for (let n = 0; n < 5; n++) file.append(n);
  file.replace([7, 8]);
  file.append(9);
  expect(file.lines()).toEqual(['7', '8', '9']);
});

it('says which file could not be written and what follows from it, and reads no device for ever', () => {
  const path = join(folder, 'a.jsonl');
  symlinkSync('/dev/full', path);
  const file = new LineFile(path, 'nothing runs');
  expect(file.lines()).toEqual([]);
  expect(() => file.append(1)).toThrow(
    expect.objectContaining({
      code: 'FILE_WRITE_FAILED',
      message: expect.stringMatching(/a\.jsonl: ENOSPC.*nothing runs$/),
    }),
  );
});
