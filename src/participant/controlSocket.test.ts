/**
 * The control socket by itself: who can open it, what it makes of strange input, and where it is.
 * @module
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { askPod } from './controlClient.ts';
import { controlAddresses } from './controlProtocol.ts';
import { ControlServer } from './controlServer.ts';
import type { Pod } from './pod.ts';
import type { PodStatus } from './status.ts';

const STATUS: PodStatus = {
  ...{ pod: 'p', version: '1', state: 'running', uptimeSeconds: 1, connected: true, runs: [], queue: [] },
  ...{ traffic: { sentBytes: 0, receivedBytes: 0 }, budgets: [], ledgerHead: '' },
};
let folder: string;
const open: ControlServer[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'konsil-control-'));
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
  rmSync(folder, { recursive: true, force: true });
});

async function serve(state: string): Promise<string[]> {
  const calls: string[] = [];
  const server = await ControlServer.open(state);
  open.push(server);
  const pod: Pick<Pod, 'status' | 'pause' | 'resume' | 'cancel' | 'drain'> = {
    status: () => STATUS,
    pause: () => calls.push('pause'),
    resume: () => calls.push('resume'),
    cancel: (run) => calls.push(`cancel ${run}`),
    drain: async () => void calls.push('drain'),
  };
  server.serve(pod as Pod);
  return calls;
}
/** What comes back for one line. */
const lineFor = (address: string, line: string): Promise<string> =>
  new Promise((resolve) => {
    const socket = createConnection(address, () => socket.write(`${line}\n`));
    socket.on('close', () => resolve('closed')).on('error', () => undefined);
    const lines = createInterface({ input: socket }).on('error', () => undefined);
    lines.once('line', (answer) => {
      resolve(answer);
      socket.destroy();
    });
  });

it('does what it is asked, for its own user only', async () => {
  const calls = await serve(folder);
  for (const command of ['status', 'pause', 'resume', 'drain'] as const)
    expect(await askPod(folder, { command })).toEqual(STATUS);
  await askPod(folder, { command: 'cancel', run: 'r' });
  expect(calls).toEqual(['pause', 'resume', 'drain', 'cancel r']);
  expect(statSync(join(folder, 'control.sock')).mode & 0o777).toBe(0o600);
  await open[0]!.drained;
});

it('answers what it does not understand, and takes no endless line', async () => {
  const calls = await serve(folder);
  const [address] = controlAddresses(folder);
  for (const line of ['', '{', '{"command":"halt"}', '{"command":"cancel"}', '{"command":"pause","run":"r"}'])
    expect(JSON.parse(await lineFor(address!, line))).toMatchObject({ ok: false, code: 'PROTOCOL_VIOLATION' });
  expect(await lineFor(address!, 'x'.repeat(3 << 20))).toBe('closed');
  expect(calls).toEqual([]);
  expect(await askPod(folder, { command: 'status' })).toEqual(STATUS);
});

it('says that nobody is there, or that the pod is starting, and replaces what a killed pod has left', async () => {
  const missing = { code: 'POD_NOT_RUNNING' };
  await expect(askPod(folder, { command: 'status' })).rejects.toMatchObject(missing);
  writeFileSync(join(folder, 'control.sock'), '');
  await expect(askPod(folder, { command: 'status' })).rejects.toMatchObject(missing);
  open.push(await ControlServer.open(folder));
  await expect(askPod(folder, { command: 'status' })).rejects.toMatchObject({ message: /is starting/ });
  await expect(ControlServer.open(folder)).rejects.toMatchObject({ code: 'IDENTITY_IN_USE' });
});

it('is elsewhere when the path is too long for a socket, also by another way to the folder', async () => {
  const deep = join(folder, 'x'.repeat(60), 'y'.repeat(60));
  const calls = await serve(deep);
  const [address, ...others] = controlAddresses(deep);
  expect(others).toEqual([]);
  expect(address!.length).toBeLessThan(100);
  expect(statSync(dirname(address!)).mode & 0o777).toBe(0o700);
  symlinkSync(deep, join(folder, 'link'));
  await askPod(join(folder, 'link'), { command: 'pause' });
  expect(calls).toEqual(['pause']);
});

it('uses no folder that others can write to, nor a path that is too long; on Windows it is a pipe', () => {
  const here = { platform: 'linux', uid: process.getuid!(), temp: folder } as const;
  expect(controlAddresses('/s', here)).toEqual(['/s/control.sock', expect.stringContaining(`${folder}/konsil-`)]);
  mkdirSync(join(folder, `konsil-${here.uid}`));
  expect(controlAddresses('/s', here)).toHaveLength(2);
  chmodSync(join(folder, `konsil-${here.uid}`), 0o777);
  expect(controlAddresses('/s', here)).toEqual(['/s/control.sock']);
  mkdirSync(join(folder, `konsil-${here.uid + 1}`)); // which is mine, not that user's
  expect(controlAddresses('/s', { ...here, uid: here.uid + 1 })).toEqual(['/s/control.sock']);
  symlinkSync('/tmp', join(folder, `konsil-${here.uid + 2}`));
  expect(controlAddresses('/s', { ...here, uid: here.uid + 2 })).toEqual(['/s/control.sock']);
  expect(controlAddresses(`/${'s'.repeat(200)}`, { ...here, temp: `/${'t'.repeat(200)}` })).toEqual([]);
  expect(controlAddresses('/s', { ...here, platform: 'win32' })).toEqual([
    expect.stringMatching(/^\\\\\.\\pipe\\konsil-\w{32}$/),
  ]);
});
