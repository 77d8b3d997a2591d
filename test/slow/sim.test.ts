/** `konsil sim`: exit codes, files, and a federation of processes that are killed and stopped. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Konsil } from '../support/processes.ts';
import { tempFolder } from '../support/tempFolder.ts';

const SCENARIO = `name: small
pods: 3
rounds: 2
baselines: false
data: { kind: blobs, rows: 90, features: 3, separation: 4 }
task:
  algorithm: { model: { konsil_model: { model_ref: builtin:logistic_regression } } }
  deadlines: { join: 20, train: 30, exchange: 20, evaluate: 30 }
`;

describe('konsil sim', () => {
  it('exits with 1 and writes what it found when an expectation fails, with 0 when all hold', async () => {
    const cwd = tempFolder();
    const expected = 'expect: { metrics: { Accuracy: { at_least: 1.5 } } }\n';
    writeFileSync(join(cwd, 's.yaml'), `${SCENARIO}variants: [{ name: good }, { name: bad, ${expected.trim()} }]\n`);
    const all = new Konsil(['sim', 's.yaml', '--out', 'out'], { cwd });
    expect(await all.exit).toBe(1);
    expect(all.text).toMatch(/✗ bad: Accuracy is at least 1\.5: [01]/);
    const result = JSON.parse(readFileSync(join(cwd, 'out/result.json'), 'utf8'));
    expect(result).toMatchObject({ format: 'konsil-simulation-v1', passed: false });
    expect(result.variants.map((variant: { passed: boolean }) => variant.passed)).toEqual([true, false]);
    expect(readFileSync(join(cwd, 'out/junit.xml'), 'utf8')).toContain('failures="1"');
    expect(readFileSync(join(cwd, 'out/report.html'), 'utf8')).toContain('simulation report');

    const one = new Konsil(['sim', 's.yaml', '--variant', 'good', '--json'], { cwd });
    expect(await one.exit, one.text).toBe(0);
    expect(one.values.at(-1)).toMatchObject({ type: 'result', passed: true });

    const unknown = new Konsil(['sim', 's.yaml', '--variant', 'ugly'], { cwd });
    expect(await unknown.exit).toBe(2);
    expect(unknown.text).toContain('has no variant "ugly"; it has good, bad');
  });

  it('deals pictures to pods, and gives the same run again', async () => {
    const cwd = fileURLToPath(new URL('../../examples/simulations', import.meta.url));
    const text = readFileSync(join(cwd, 'images.yaml'), 'utf8')
      .replace('rounds: 15', 'rounds: 4\nbaselines: false')
      .replaceAll('../image-folders', join(cwd, '../image-folders'))
      .replace('at_least: 0.8', 'at_least: 0.4');
    const folder = tempFolder();
    writeFileSync(join(folder, 's.yaml'), text);
    const play = async (): Promise<unknown> => {
      const konsil = new Konsil(['sim', 's.yaml', '--json'], { cwd: folder });
      expect(await konsil.exit, konsil.text).toBe(0);
      const [variant] = konsil.values.at(-1)!['variants'] as [{ rounds: { trainingLoss: number }[]; metrics: unknown }];
      return [variant.rounds.map(({ trainingLoss }) => trainingLoss), variant.metrics];
    };
    expect(await play()).toEqual(await play());
  });

  it('plays processes that are killed, stopped and started again', async () => {
    const cwd = tempFolder();
    const faults = `transport: processes
faults:
  - { at: { round: 1, phase: training }, pod: site-03, fault: hang, for: 1 }
  - { at: { round: 2, phase: training }, broker: true, fault: restart, for: 1 }
`;
    writeFileSync(join(cwd, 's.yaml'), SCENARIO + faults);
    const konsil = new Konsil(['sim', 's.yaml', '--json', '--keep', 'kept'], { cwd });
    expect(await konsil.exit, konsil.text).toBe(0);
    const [variant] = konsil.values.at(-1)!['variants'] as [
      { rounds: unknown[]; faults: { fault: string; what: string; target: string }[] },
    ];
    expect(variant.rounds).toHaveLength(2);
    const told = variant.faults.map(({ target, fault, what }) => `${target} ${fault} ${what}`);
    expect(told.filter((line) => line.endsWith('begins'))).toEqual(['site-03 hang begins', 'broker restart begins']);
    // the pods are other processes: what they keep is on the disk
    expect(readFileSync(join(cwd, 'kept/run/state/site-03/sums.jsonl'), 'utf8')).toContain('"released"');
  });
});
