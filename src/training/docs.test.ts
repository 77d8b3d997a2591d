/**
 * docs/reference/training.md says what the code does: its lists are the code's tables, its example runs.
 * @module
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../../test/support/tempFolder.ts';
import { LOSS_KINDS } from './losses/spec.ts';
import { supportedOperators } from './operators/index.ts';
import { SCHEDULE_KINDS } from './optim/schedule.ts';
import { OPTIMISER_KINDS } from './optim/spec.ts';
import { DEVICES } from './runtime/deviceNames.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/reference/training.md'), 'utf8');
const section = (title: string): string => page.split(/^## /m).find((part) => part.startsWith(`${title}\n`)) ?? '';
/** Names in backticks in the first column of a section's table. */
const firstColumn = (title: string): string[] =>
  [...section(title).matchAll(/^\| ([^|]*) \|/gm)]
    .slice(1)
    .flatMap(([, cell]) => [...cell!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!));

describe('docs/reference/training.md', () => {
  it('lists the operators that the importer knows', () => {
    const listed = page
      .match(/<!-- operators -->\n```text\n([^`]*)```/)![1]!
      .trim()
      .split(/\s+/);
    expect(listed).toEqual([...supportedOperators()].sort());
  });

  it('lists losses, optimisers, schedules and devices', () => {
    expect(firstColumn('Losses')).toEqual([...LOSS_KINDS]);
    expect(firstColumn('Optimisers, schedules, clipping')).toEqual([...OPTIMISER_KINDS]);
    for (const name of SCHEDULE_KINDS) expect(section('Optimisers, schedules, clipping')).toContain(`\`${name}\``);
    for (const name of DEVICES) expect(section('Devices')).toContain(`\`${name}\``);
  });

  it('has an example that runs', async () => {
    const folder = tempFolder();
    const file = join(folder, 'example.mts');
    const source = pathToFileURL(join(import.meta.dirname, 'index.ts')).href;
    writeFileSync(file, page.match(/```js\n([^`]*)```/)![1]!.replace("'konsil/training'", `'${source}'`));
    const args = ['--import', import.meta.resolve('tsx'), file];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder });
    expect(stdout).toMatch(/steps: 200,/);
    expect(stdout).toMatch(/learned: true,\s+logits: 8/);
    expect(existsSync(join(folder, 'trained.onnx'))).toBe(true);
  });
});
