import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toBase64Url, toHex } from '../../src/base/index.ts';
import { auditLedger } from '../../src/participant/index.ts';
import { introduceParties, type Party, type PartyName, PODS, processesNaming } from '../support/parties.ts';
import { exampleCopy, Konsil, killAll } from '../support/processes.ts';
import { until } from '../support/world.ts';

const PASSPHRASE = 'a passphrase of hospital d';
let example: ReturnType<typeof exampleCopy>;
let parties: Record<PartyName, Party>;
let broker: Konsil;
let url: string;
const pods = new Map<PartyName, Konsil>();
const everything: Konsil[] = [];

function start(who: PartyName, ...args: string[]): Konsil {
  const env = { KONSIL_BROKER_PASSWORD: parties[who].password, KONSIL_PASSPHRASE: PASSPHRASE };
  const command = new Konsil(args, { cwd: example.folder, env });
  everything.push(command);
  return command;
}

async function startPod(name: (typeof PODS)[number]): Promise<void> {
  const pod = start(name, 'pod', `${name}.yaml`, '--broker', url, '--json', '--log', `${name}.log`);
  pods.set(name, pod);
  await pod.until({ type: 'ready' });
}

/** `--json`, and a run that would last for minutes. */
const longRun = (name = 'long'): Konsil => start('researcher', 'run', `${name}.yaml`, '--broker', url, '--json');

beforeAll(async () => {
  example = exampleCopy(3);
  const task = readFileSync(join(example.folder, 'task.yaml'), 'utf8');
  // with a seed of its own: pods would not add what they added to sums of four to a sum of three
  const long = task.replace(/\n( +)epochs: \d+/, '\n$1epochs: 5000');
  for (const [name, seed] of [
    ['long', 11],
    ['longer', 12],
  ] as const)
    writeFileSync(join(example.folder, `${name}.yaml`), long.replace(/\n( +)seed: 1\b/, `\n$1seed: ${seed}`));
  parties = introduceParties(example.folder, { 'hospital-d': PASSPHRASE });
  broker = start('researcher', 'broker', '--port', '0', '--users', 'users.json', '--json');
  url = String((await broker.until({ type: 'listening' }))['url']);
  await Promise.all(PODS.map(startPod));
});
afterAll(async () => {
  await killAll();
  example.remove();
});

describe.sequential('stopping', () => {
  it('a run with Ctrl-C ends it with 130 and leaves its pods free for the next', async () => {
    const run = longRun();
    await run.until({ type: 'round', round: 1 });
    run.child.kill('SIGINT');
    expect(await run.exit, run.text).toBe(130);
    expect(run.values.at(-1)).toMatchObject({ type: 'error', code: 'CANCELLED' });
    const { files } = run.values.find(({ type }) => type === 'result') as { files: Record<string, string> };
    expect(JSON.parse(readFileSync(files['result']!, 'utf8'))).toMatchObject({ status: 'aborted' });
    await Promise.all([...pods.values()].map((pod) => pod.until({ type: 'ended', how: 'aborted' })));

    const next = start('researcher', 'run', 'task.yaml', '--broker', url);
    expect(await next.exit, next.text).toBe(0);
    // not a terminal: plain lines, one a fact
    expect(Array.from(next.text).filter((char) => char < ' ' && char !== '\n')).toEqual([]);
    expect(next.text).toMatch(/^hospital-a: active$/m);
    expect(next.text).toMatch(/^round 3\/3: 4 pods, /m);
    expect(next.text).toMatch(/^run complete$/m);
  });

  it('a pod with Ctrl-C in the middle of a run ends it with 0, and the run goes on without it', async () => {
    const run = longRun('longer');
    await run.until({ type: 'round', round: 1 });
    const pod = pods.get('hospital-d')!;
    pod.child.kill('SIGINT');
    expect(await pod.exit, pod.text).toBe(0);
    // its ledger is whole, and has what it took part in
    const { runs } = auditLedger(join(example.folder, 'state/hospital-d/ledger.jsonl'));
    expect(runs.at(-1)).toMatchObject({ end: 'aborted: stopped by the site' });
    expect(runs.at(-1)!.rounds).toBeGreaterThan(0);
    await until(
      () => run.values.some(({ type, survivors }) => type === 'round' && (survivors as string[]).length === 3),
      'a round of three',
    );
    expect(run.values).toContainEqual(expect.objectContaining({ type: 'member', pod: 'hospital-d', state: 'left' }));
    run.child.kill('SIGTERM');
    expect(await run.exit, run.text).toBe(75);
    expect(run.values.at(-1)).toMatchObject({ type: 'error', code: 'RUN_INTERRUPTED' });
  });

  it('the broker with Ctrl-C ends it with 0; pods wait for it and can be stopped meanwhile', async () => {
    broker.child.kill('SIGINT');
    expect(await broker.exit, broker.text).toBe(0);
    const rest = PODS.filter((name) => name !== 'hospital-d').map((name) => pods.get(name)!);
    await Promise.all(rest.map((pod) => pod.until({ type: 'broker', up: false })));
    for (const pod of rest) pod.child.kill('SIGINT');
    expect(await Promise.all(rest.map(({ exit }) => exit))).toEqual([0, 0, 0]);
  });

  it('left no secret in any output, log or result', () => {
    const logs = PODS.map((name) => readFileSync(join(example.folder, `${name}.log`), 'utf8'));
    for (const line of logs.join('').trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('time');
    const texts = [...everything.map(({ text }) => text), ...logs];
    const { signing, agreement } = parties['hospital-d'].identity;
    const secrets = [
      PASSPHRASE,
      ...Object.values(parties).map(({ password }) => password),
      ...[signing.secret, agreement.secret].flatMap((secret) => [toBase64Url(secret), toHex(secret)]),
      // a row of a hospital's data, by its first cells
      ...PODS.map((name) =>
        readFileSync(join(example.folder, `data/${name}.csv`), 'utf8')
          .split('\n')[1]!
          .slice(0, 15),
      ),
    ];
    for (const secret of secrets) expect(texts.filter((text) => text.includes(secret))).toEqual([]);
  });
});

describe('a demo that is stopped leaves no process behind', () => {
  it.each<[string, NodeJS.Signals, string, number]>([
    ['Ctrl-C while its parts start', 'SIGINT', 'in its own process', 130],
    ['its terminal is closed during a run', 'SIGHUP', 'round 1/', 130],
  ])('%s', async (_what, signal, moment, code) => {
    const copy = exampleCopy(5000);
    try {
      const demo = new Konsil(['demo', '--dir', copy.folder, '--no-comparison'], { cwd: copy.folder });
      await until(() => demo.text.includes(moment), moment, 60_000);
      expect(processesNaming(copy.folder).length).toBeGreaterThan(1);
      demo.child.kill(signal);
      expect(await demo.exit, demo.text).toBe(code);
      expect(processesNaming(copy.folder)).toEqual([]);
    } finally {
      await killAll();
      copy.remove();
    }
  });
});
