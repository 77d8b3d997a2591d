import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { exampleCopy, Konsil, killAll } from '../support/processes.ts';

let example: ReturnType<typeof exampleCopy>;
beforeAll(() => {
  example = exampleCopy();
});
afterEach(killAll);
afterAll(() => example.remove());
const konsil = (...args: string[]): Konsil =>
  new Konsil(args, { cwd: example.folder, env: { KONSIL_PASSPHRASE: 'correct horse' } });
const done = async (...args: string[]): Promise<{ code: number; text: string; values: Record<string, unknown>[] }> => {
  const command = konsil(...args);
  return { code: await command.exit, text: command.text, values: command.values };
};

describe('konsil commands', () => {
  it('runs a federation by hand: broker, joins by one-time code, pods and run, each a process', async () => {
    const broker = konsil('broker', '--port', '0', '--json');
    const { url } = (await broker.until({ type: 'listening' })) as { url: string };
    const flags = ['--broker', url];
    expect((await done('keys', 'create', 'keys/researcher')).code).toBe(0);
    const pods = ['hospital-a', 'hospital-b', 'hospital-c', 'hospital-d'];
    const daemons: Konsil[] = [];
    for (const name of pods) {
      expect((await done('keys', 'create', `keys/${name}`)).code).toBe(0);
      const invite = konsil('join', 'invite', 'task.yaml', '--json', ...flags);
      const { code } = (await invite.until({ type: 'code' })) as { code: string };
      const accepted = await done('join', 'accept', `${name}.yaml`, code, '--json', ...flags);
      expect(accepted.values.at(-1)).toMatchObject({ type: 'joined', role: 'modeller', name: 'researcher' });
      expect((await invite.until({ type: 'joined' }))['name']).toBe(name);
      daemons.push(konsil('pod', `${name}.yaml`, '--json', ...flags));
    }
    await Promise.all(daemons.map((pod) => pod.until({ type: 'ready' })));
    const twin = await done('pod', 'hospital-a.yaml', '--json', ...flags);
    expect(twin.values.at(-1)).toMatchObject({ type: 'error', code: 'IDENTITY_IN_USE' });
    const run = await done('run', 'task.yaml', '--json', ...flags);
    expect(run.code, run.text).toBe(0);
    expect(run.values.at(-1)).toMatchObject({ type: 'result', result: { status: 'complete', mode: 'secure' } });
    const plain = await done('run', 'task.yaml', '--plain', '--json', ...flags);
    expect(plain.code).toBe(1);
    expect(plain.text).toContain('this site takes part only with secure aggregation');
    for (const pod of daemons) pod.child.kill('SIGINT');
    expect(await Promise.all(daemons.map(({ exit }) => exit))).toEqual([0, 0, 0, 0]);
    broker.child.kill('SIGTERM');
    expect(await broker.exit).toBe(0);
  });

  it('keeps keys private, shows and exports them, pins and forgets peers', async () => {
    const created = await done('keys', 'create', 'k/locked', '--passphrase', '--json');
    expect(created.code, created.text).toBe(0);
    expect(statSync(join(example.folder, 'k/locked/identity.json')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(example.folder, 'k/locked/identity.json'), 'utf8')).not.toContain('"secret"');
    const shown = await done('keys', 'show', 'k/locked', '--json');
    expect(shown.values[0]!['fingerprint']).toBe(created.values[0]!['fingerprint']);
    const { text: line } = await done('keys', 'export', 'k/locked');
    expect((await done('keys', 'create', 'k/other')).code).toBe(0);
    expect((await done('keys', 'trust', 'k/other', 'lab', line.trim(), '--role', 'pod')).code).toBe(0);
    expect((await done('keys', 'show', 'k/other')).text).toContain('lab');
    expect((await done('keys', 'forget', 'k/other', 'lab')).code).toBe(0);
    const again = await done('keys', 'create', 'k/other', '--json');
    expect(again.values.at(-1)).toMatchObject({ type: 'error', code: 'KEY_INVALID' });
    for (const { text } of [created, shown, again]) expect(text).not.toContain('correct horse');
  });

  it('validates tasks and pods, and says where a file is wrong', async () => {
    expect((await done('validate', 'task.yaml')).text).toContain('valid; 4 pods, 3 rounds, secure');
    expect((await done('validate', '--pod', 'hospital-b.yaml', '--json')).values[0]).toMatchObject({
      valid: true,
      pod: 'hospital-b',
    });
    const broken = readFileSync(join(example.folder, 'task.yaml'), 'utf8').replace(
      'optimizer: adam',
      'optimiser: adam',
    );
    writeFileSync(join(example.folder, 'broken.yaml'), broken);
    const { code, text } = await done('validate', 'broken.yaml');
    expect(code).toBe(1);
    expect(text).toMatch(/broken\.yaml:\d+:\d+ .*optimiser.*did you mean.*optimizer/s);
  });

  it('answers mistakes with a message and an exit code, as JSON when asked', async () => {
    const typo = await done('vaildate', 'task.yaml');
    expect(typo.code).toBe(2);
    expect(typo.text).toContain('validate');
    const missing = await done('run', 'nowhere.yaml', '--json');
    expect(missing.code).toBe(1);
    expect(missing.values.at(-1)).toMatchObject({ type: 'error', code: 'FILE_NOT_FOUND' });
    await done('keys', 'create', 'keys/lonely');
    writeFileSync(
      join(example.folder, 'lonely.yaml'),
      readFileSync(join(example.folder, 'hospital-a.yaml'), 'utf8').replace('keys/hospital-a', 'keys/lonely'),
    );
    const down = await done('pod', 'lonely.yaml', '--broker', 'mqtt://127.0.0.1:9', '--json');
    expect(down.code).toBe(1);
    expect(down.values.at(-1)).toMatchObject({ type: 'error', code: 'BROKER_UNREACHABLE' });
    expect(String(down.values.at(-1)!['message'])).toContain('mqtt://127.0.0.1:9');
    const open = await done('broker', '--host', '0.0.0.0', '--json');
    expect(open.code).toBe(2);
  });

  it('describes a model', async () => {
    const model = join(import.meta.dirname, '../fixtures/training/mlp/model.onnx');
    const { values } = await done('model', 'inspect', model, '--json');
    expect(values[0]).toMatchObject({ parameterCount: 30 * 64 + 64 + 64 * 32 + 32 + 32 * 2 + 2, unsupported: [] });
    const { text } = await done('model', 'inspect', model);
    expect(text).toMatch(/Gemm\s+×3\s+trains/);
  });
});
