import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import { afterAll, describe, expect, it } from 'vitest';
import { taskInputs } from './taskInputs.ts';

const folder = mkdtempSync(join(tmpdir(), 'konsil-inputs-'));
afterAll(() => rmSync(folder, { recursive: true }));

const FILE = join(folder, 'task.yaml');
writeFileSync(
  FILE,
  `task: ["{{ size }}", "{{ classes }}", "{{ keep }}"]
template:
  size: {label: Batch size, tooltip: Rows of a step., type: number, minimum: 1}
  classes: {label: Classes, type: array, default: [no, yes]}
  keep: {label: Keep, type: boolean}
`,
);

/** Types `answers` at a terminal; what was given, and what was shown. */
async function ask(answers: string, flags: Parameters<typeof taskInputs>[1] = {}) {
  const output = new PassThrough();
  const shown = textOf(output);
  try {
    const { texts } = await taskInputs(FILE, flags, { input: Readable.from([answers]), output });
    return { texts: Object.fromEntries(texts ?? []), shown: (output.end(), await shown) };
  } finally {
    output.end();
  }
}

describe('taskInputs', () => {
  it('asks for what has no value, until the answer fits', async () => {
    const { texts, shown } = await ask('x\n0\n8\n\ntrue\n');
    expect(texts).toEqual({ size: ['8'], keep: ['true'] });
    expect(shown).toContain('Batch size\n  Rows of a step.\n');
    expect(shown).toContain('  expected a number, got "x"\n');
    expect(shown).toContain('  expected at least 1, got 0\n');
    expect(shown).toContain('  expected a value\n');
    expect(shown).not.toContain('Classes');
  });

  it('asks for no more than that', async () => {
    expect((await ask('', { set: ['size=4', 'keep=false'] })).shown).toBe('');
  });

  it('shows defaults when asked to ask for all', async () => {
    const { texts, shown } = await ask('\ntrue\n', { set: ['size=4'], ask: true });
    expect(texts).toEqual({ size: ['4'], keep: ['true'] });
    expect(shown).toContain('classes [no, yes]: ');
    expect((await ask('a, b\ntrue\n', { set: ['size=4'], ask: true })).texts).toMatchObject({ classes: ['a', 'b'] });
  });

  it('ends when whoever was asked has gone', async () => {
    await expect(ask('8\n')).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  it('takes several texts of one name, and texts with =', async () => {
    const { texts } = await taskInputs(FILE, { set: ['classes=a', 'classes=b=c', 'size='] });
    expect(Object.fromEntries(texts ?? [])).toEqual({ classes: ['a', 'b=c'], size: [''] });
  });

  it('refuses what is no name and value, and questions without a terminal', async () => {
    await expect(taskInputs(FILE, { set: ['size'] })).rejects.toThrow('--set size: expected name=value');
    await expect(taskInputs(FILE, { set: ['=3'] })).rejects.toThrow('expected name=value');
    await expect(taskInputs(FILE, { ask: true, json: true })).rejects.toThrow('there is no terminal to ask on');
  });
});
