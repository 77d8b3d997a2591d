/**
 * A site's people and their running pod, as real processes: status, pause, resume, cancel, drain, audit.
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { introduceParties, type Party, type PartyName, PODS } from '../support/parties.ts';
import { exampleCopy, Konsil, killAll } from '../support/processes.ts';
import { until } from '../support/world.ts';

let example: ReturnType<typeof exampleCopy>;
let parties: Record<PartyName, Party>;
let url: string;
let run: Konsil;
const pods = new Map<PartyName, Konsil>();

function start(who: PartyName, ...args: string[]): Konsil {
  return new Konsil(args, { cwd: example.folder, env: { KONSIL_BROKER_PASSWORD: parties[who].password } });
}
/** A command for a pod, its exit code and what it says. */
async function control(command: string, name: PartyName, ...more: string[]) {
  const asked = start(name, 'pod', command, `${name}.yaml`, ...more, '--json');
  const code = await asked.exit;
  return { code, value: asked.values.at(-1) as Record<string, unknown>, text: asked.text };
}
/** Rounds with so many pods. */
const roundsOf = (size: number): number =>
  run.values.filter(({ type, survivors }) => type === 'round' && (survivors as string[]).length === size).length;

beforeAll(async () => {
  example = exampleCopy(5_000);
  parties = introduceParties(example.folder);
  const broker = start('researcher', 'broker', '--port', '0', '--users', 'users.json', '--json');
  url = String((await broker.until({ type: 'listening' }))['url']);
  await Promise.all(
    PODS.map(async (name) => {
      const pod = start(name, 'pod', `${name}.yaml`, '--broker', url, '--json');
      pods.set(name, pod);
      await pod.until({ type: 'ready' });
    }),
  );
  run = start('researcher', 'run', 'task.yaml', '--broker', url, '--json');
  await run.until({ type: 'round', round: 1 });
});
afterAll(async () => {
  await killAll();
  example.remove();
});

describe.sequential('a site and its running pod', () => {
  let runId = '';

  it('sees what it does', async () => {
    const { code, value, text } = await control('status', 'hospital-a');
    expect(code, text).toBe(0);
    expect(value).toMatchObject({ type: 'status', pod: 'hospital-a', state: 'running', connected: true, queue: [] });
    const [first] = value['runs'] as Record<string, unknown>[];
    expect(first).toMatchObject({ modeller: 'researcher', dataset: 'breast-cancer', state: 'running', rounds: 5_000 });
    expect(first!['etaSeconds']).toBeGreaterThan(0);
    runId = String(first!['run']);
    const plain = start('hospital-a', 'pod', 'status', 'hospital-a.yaml');
    expect(await plain.exit, plain.text).toBe(0);
    expect(plain.text).toMatch(/^ {2}run +\S+ of researcher on breast-cancer: running$/m);
  });

  it('pauses and resumes it while the run goes on', async () => {
    expect((await control('pause', 'hospital-d')).value).toMatchObject({ state: 'paused' });
    await until(() => roundsOf(3) > 0, 'a round without it', 60_000);
    const before = roundsOf(4);
    expect((await control('resume', 'hospital-d')).value).toMatchObject({ state: 'running' });
    await until(() => roundsOf(4) > before, 'a round with it again', 60_000);
  });

  it('cancels one run of it, and no other', async () => {
    expect(await control('cancel', 'hospital-d', 'no-such-run')).toMatchObject({
      code: 1,
      value: { code: 'RUN_UNKNOWN' },
    });
    expect((await control('cancel', 'hospital-d', runId)).value).toMatchObject({ runs: [] });
    await run.until({ type: 'member', pod: 'hospital-d', state: 'left' });
    expect((await control('status', 'hospital-d')).value).toMatchObject({ state: 'running', runs: [] });
  });

  it('reads its ledger while it runs, and notes the head down', async () => {
    const { code, value, text } = await control('audit', 'hospital-d', '--run', runId);
    expect(code, text).toBe(0);
    const [only] = value['runs'] as Record<string, unknown>[];
    expect(only).toMatchObject({ modeller: 'researcher', end: 'aborted: cancelled by the site' });
    expect(only!['rounds']).toBeGreaterThan(0);
    expect(await control('audit', 'hospital-d', '--expect-head', String(value['head']))).toMatchObject({ code: 0 });
    expect(await control('audit', 'hospital-d', '--expect-head', 'f'.repeat(64))).toMatchObject({
      ...{ code: 1, value: { code: 'DATA_INVALID' } },
    });
  });

  it('lets it run empty, and finds it stopped', async () => {
    const drained = start('hospital-a', 'pod', 'drain', 'hospital-a.yaml', '--wait');
    await pods.get('hospital-a')!.until({ type: 'state', state: 'draining' });
    run.child.kill('SIGINT');
    expect(await run.exit, run.text).toBe(130);
    expect(await drained.exit, drained.text).toBe(0);
    expect(drained.text).toMatch(/^hospital-a: stopped$/m);
    expect(await pods.get('hospital-a')!.exit, pods.get('hospital-a')!.text).toBe(0);
    const { code, value } = await control('status', 'hospital-a');
    expect([code, value['code']]).toEqual([1, 'NOT_RUNNING']);
  });

  it('does not start on a ledger that somebody has edited; the audit names the line', async () => {
    const file = join(example.folder, 'state/hospital-a/ledger.jsonl');
    const lines = readFileSync(file, 'utf8').split('\n');
    writeFileSync(file, lines.with(1, lines[1]!.replace('statistics', 'evaluation')).join('\n'));
    const refusal = { code: 1, value: { code: 'DATA_INVALID', message: expect.stringContaining('ledger.jsonl:2: ') } };
    expect(await control('audit', 'hospital-a')).toMatchObject(refusal);
    const pod = start('hospital-a', 'pod', 'hospital-a.yaml', '--broker', url, '--json');
    expect(await pod.exit).toBe(1);
    expect(pod.values.at(-1)).toMatchObject(refusal.value);
  });
});
