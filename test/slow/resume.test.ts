/** A coordinator that is killed with SIGKILL again and again; the same command goes on with the run. Every part is a process. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunResult } from '../../src/reports/index.ts';
import { introduceParties, type Party, type PartyName, PODS } from '../support/parties.ts';
import { exampleCopy, Konsil, killAll } from '../support/processes.ts';

let example: ReturnType<typeof exampleCopy>;
let parties: Record<PartyName, Party>;
let url: string;

const start = (who: PartyName, ...args: string[]): Konsil =>
  new Konsil(args, { cwd: example.folder, env: { KONSIL_BROKER_PASSWORD: parties[who].password } });
const run = (...args: string[]): Konsil => start('researcher', 'run', ...args, '--broker', url, '--json');
const resultOf = (command: Konsil): RunResult => {
  const { files } = command.values.find(({ type }) => type === 'result') as { files: Record<string, string> };
  return JSON.parse(readFileSync(files['result']!, 'utf8')) as RunResult;
};

/** The bytes of model.onnx, but for the name of the run in it. */
const modelOf = (command: Konsil): string => {
  const { files } = command.values.find(({ type }) => type === 'result') as { files: Record<string, string> };
  const { run: id } = command.values.find(({ type }) => type === 'started' || type === 'resumed') as { run: string };
  return readFileSync(files['model']!, 'latin1').replaceAll(id, 'RUN');
};

beforeAll(async () => {
  example = exampleCopy(4);
  parties = introduceParties(example.folder);
  const broker = start('researcher', 'broker', '--port', '0', '--users', 'users.json', '--json');
  url = String((await broker.until({ type: 'listening' }))['url']);
  await Promise.all(
    PODS.map((name) => start(name, 'pod', `${name}.yaml`, '--broker', url, '--json').until({ type: 'ready' })),
  );
});
afterAll(async () => {
  await killAll();
  example.remove();
});

describe('konsil run', () => {
  it('goes on with a run whose process was killed, to the model it would have been', async () => {
    const whole = run('task.yaml');
    expect(await whole.exit, whole.text).toBe(0);

    for (const at of [
      { type: 'phase', purpose: 'update', completed: 0, phase: 'training' },
      { type: 'phase', purpose: 'update', completed: 1, phase: 'masked input' },
      { type: 'phase', purpose: 'update', completed: 2, phase: 'unmasking' },
    ]) {
      const killed = run('task.yaml');
      await killed.until(at);
      killed.child.kill('SIGKILL');
      await killed.exit;
    }
    const last = run('task.yaml');
    expect(await last.exit, last.text).toBe(0);
    expect(last.values).toContainEqual(expect.objectContaining({ type: 'resumed', completed: 2, within: 'update' }));
    const [expected, actual] = [resultOf(whole), resultOf(last)];
    expect(actual.rounds.map(({ survivors }) => survivors.length)).toEqual([4, 4, 4, 4]);
    expect(actual.pooled).toEqual(expected.pooled);
    expect(modelOf(last)).toBe(modelOf(whole));
  });

  it('leaves a run for later at SIGTERM, and goes on with it by its folder', async () => {
    const task = readFileSync(join(example.folder, 'task.yaml'), 'utf8');
    writeFileSync(join(example.folder, 'other.yaml'), task.replace(/\n( +)seed: 1\b/, '\n$1seed: 5'));
    const stopped = run('other.yaml');
    await stopped.until({ type: 'round', round: 2 });
    stopped.child.kill('SIGTERM');
    expect(await stopped.exit, stopped.text).toBe(75);
    const id = String(stopped.values.find(({ type }) => type === 'started')!['run']);
    const rest = run('--resume', join('runs', id));
    expect(await rest.exit, rest.text).toBe(0);
    expect(resultOf(rest).rounds.length).toBe(4);
    const again = run('--resume', join('runs', id));
    expect(await again.exit, again.text).toBe(1);
    expect(again.values.at(-1)).toMatchObject({ type: 'error', code: 'RUN_FINISHED' });
  });

  it('is paused, seen, let go on and cancelled from another terminal', async () => {
    const task = readFileSync(join(example.folder, 'task.yaml'), 'utf8');
    const long = task.replace(/\n( +)seed: 1\b/, '\n$1seed: 6').replace(/\n( +)epochs: \d+/, '\n$1epochs: 5000');
    writeFileSync(join(example.folder, 'long.yaml'), long);
    const running = run('long.yaml');
    await running.until({ type: 'round', round: 1 });
    const folder = join('runs', String(running.values.find(({ type }) => type === 'started')!['run']));
    const steer = async (command: string): Promise<Konsil> => {
      const asked = start('researcher', 'runs', command, folder, '--json');
      expect(await asked.exit, asked.text).toBe(0);
      return asked;
    };
    await steer('pause');
    await running.until({ type: 'paused' });
    const [status] = (await steer('status')).values;
    expect(status).toMatchObject({ state: 'paused', reason: 'the modeller has asked for it' });
    expect(status!['pods']).toHaveLength(4);
    const rounds = running.values.filter(({ type }) => type === 'round').length;
    await steer('resume');
    await running.until({ type: 'round', round: rounds + 1 });
    const listed = start('researcher', 'runs', 'list', '--json');
    expect(await listed.exit).toBe(0);
    expect(listed.values.map(({ status: standing }) => standing)).toEqual([
      'complete',
      'complete',
      'complete',
      'running',
    ]);
    await steer('cancel');
    expect(await running.exit, running.text).toBe(130);
    const gone = start('researcher', 'runs', 'status', folder, '--json');
    expect(await gone.exit).toBe(1);
    expect(gone.values.at(-1)).toMatchObject({ type: 'error', code: 'NOT_RUNNING' });
  });
});
