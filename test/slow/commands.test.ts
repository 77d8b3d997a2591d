import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { decodeModel, encodeModel } from '../../src/training/onnx/proto.ts';
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
    const admit = async (name: string): Promise<Konsil> => {
      expect((await done('keys', 'create', `keys/${name}`)).code).toBe(0);
      const invite = konsil('join', 'invite', 'task.yaml', '--json', ...flags);
      const { code } = (await invite.until({ type: 'code' })) as { code: string };
      const accepted = await done('join', 'accept', `${name}.yaml`, code, '--json', ...flags);
      expect(accepted.values.at(-1)).toMatchObject({ type: 'joined', role: 'modeller', name: 'researcher' });
      expect((await invite.until({ type: 'joined' }))['name']).toBe(name);
      const daemon = konsil('pod', `${name}.yaml`, '--json', ...flags);
      await daemon.until({ type: 'ready' });
      return daemon;
    };
    // all at once: four invitations write the same list of peers
    const daemons = await Promise.all(pods.map(admit));
    expect((await done('keys', 'show', 'keys/researcher', '--json')).values[0]!['peers']).toHaveLength(4);
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

  it('computes thresholds, failure probabilities and message sizes of a cohort, and refuses unsafe ones', async () => {
    const [hundred, many, complete, two, unsafe, ...wrong] = await Promise.all([
      done('secagg', '--pods', '100', '--json'),
      done('secagg', '--pods', '300', '--json'),
      done('secagg', '--pods', '100', '--graph', 'complete'),
      done('secagg', '--pods', '2'),
      done('secagg', '--pods', '1000', '--colluding', '0.33', '--dropouts', '0.33', '--json'),
      done('secagg', '--pods', '10', '--colluding', '0.5'),
      done('secagg', '--pods', '10', '--graph', 'ring'),
    ]);
    expect(hundred.values).toMatchObject([
      { graph: 'neighbours', neighbours: 32, colluding: 10, threshold: 22, signatures: 56, minimum: 56 },
    ]);
    const { secrecy, liveness } = many.values[0]!['failureBits'] as Record<string, number>;
    expect(secrecy).toBeLessThan(-40);
    expect(liveness).toBeLessThan(-20);
    expect(complete.text).toMatch(/67 shares rebuild a secret[^]*sent and 56\.4 kB received/);
    expect([two.code, two.text]).toEqual([1, expect.stringContaining('between 3 and 10000 pods, got 2')]);
    expect(unsafe.values).toMatchObject([{ type: 'error', code: 'CONFIG_INVALID' }]);
    expect(wrong.map(({ code }) => code)).toEqual([2, 2]);
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

  it('inspects and validates a TensorFlow.js model, and prints nothing but its own lines', async () => {
    const write = (name: string, text: string): void => writeFileSync(join(example.folder, name), text);
    const dense = (options: string): string =>
      `export default (tf) => tf.sequential({ layers: [tf.layers.dense({ name: 'only', inputShape: [30], ${options} })] });\n`;
    write('net.mjs', dense("units: 1, activation: 'sigmoid'"));
    write('wide.mjs', dense('units: 2'));
    write('odd.mjs', dense("units: 1, kernelRegularizer: 'l1l2'"));
    const task = readFileSync(join(example.folder, 'task.yaml'), 'utf8').replace(
      /\n +(hidden_layers|activation):.*/g,
      '',
    );
    for (const name of ['net', 'wide', 'odd']) write(`${name}.yaml`, task.replace('builtin:mlp', `./${name}.mjs`));
    const { code, text } = await done('model', 'inspect', 'net.mjs');
    expect([code, text.split('\n').length]).toEqual([0, 8]);
    expect(text).toMatch(/input {7}float32\[batch, 30\]\nparameters {2}31 in 2 tensors/);
    expect((await done('validate', 'net.yaml')).text).toBe('net.yaml: valid; 4 pods, 3 rounds, secure aggregation\n');
    expect((await done('validate', 'wide.yaml', '--json')).values.at(-1)).toMatchObject({ code: 'MODEL_MISMATCH' });
    const odd = await done('validate', 'odd.yaml');
    expect(odd.text).toContain('Dense "only" has a kernel_regularizer');
  });

  it('writes built-in models, and says what it needs', async () => {
    const made = await done('model', 'new', 'mlp', '--inputs', '30', '--hidden', '8,4', '--out', 'net.onnx', '--json');
    expect(made.values[0]).toMatchObject({ file: 'net.onnx', model: 'mlp', parameterCount: 30 * 8 + 8 + 36 + 5 });
    expect((await done('model', 'inspect', 'net.onnx')).text).toContain('layers.4.weight');
    const again = await done('model', 'new', 'cnn', '--out', 'net.onnx');
    expect(again.text).toContain('net.onnx exists already');
    expect((await done('model', 'new', 'cnn', '--out', 'net.onnx', '--force')).code).toBe(0);
    const wrong = await done('model', 'new', 'unet', '--size', 'big', '--out', 'u.onnx');
    expect(wrong.text).toContain('unet: size is "big", expected an integer in [1, 4096]');
    const unknown = await done('model', 'new', 'resnet', '--out', 'r.onnx');
    expect(unknown.code).toBe(2);
    expect(unknown.text).toContain('did you mean "resnet18"?');
    expect((await done('model', 'new', 'mlp', '--help')).text).toContain('width of each hidden layer (default 16)');
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

  it.each<[string, string[], number, string, RegExp]>([
    ['an unknown command', ['vaildate', 'task.yaml'], 2, 'USAGE', /did you mean validate/i],
    ['an unknown option', ['run', 'task.yaml', '--palin'], 2, 'USAGE', /did you mean --plain/i],
    ['a missing argument', ['pod'], 2, 'USAGE', /pod\.yaml/],
    ['a missing pod file', ['validate', '--pod', 'nowhere.yaml'], 1, 'FILE_NOT_FOUND', /nowhere\.yaml/],
    ['a phase nobody knows', ['demo', '--dir', '.', '--kill', 'hospital-d@lunch'], 2, 'USAGE', /masked input/],
    ['a port that is none', ['broker', '--port', 'x'], 2, 'USAGE', /65535/],
    ['a users file that is missing', ['broker', '--users', 'nowhere.json'], 1, 'CONFIG_INVALID', /adduser/],
    ['a role that is none', ['keys', 'trust', 'k/none', 'a', 'x', '--role', 'boss'], 2, 'USAGE', /pod or modeller/],
    ['an identity that is missing', ['keys', 'show', 'k/none'], 1, 'FILE_NOT_FOUND', /keys create/],
    ['a model that is none', ['model', 'inspect', 'task.yaml'], 1, 'MODEL_INVALID', /task\.yaml/],
    ['a time that is none', ['join', 'accept', 'hospital-a.yaml', 'x', '--timeout', '-1'], 2, 'USAGE', /--timeout/],
  ])('answers %s with one JSON error', async (_what, args, code, error, message) => {
    const { code: exit, values, text } = await done(...args, '--json');
    expect(exit, text).toBe(code);
    expect(values, text).toEqual([{ type: 'error', code: error, message: expect.stringMatching(message) }]);
    expect(text.trim().split('\n'), text).toHaveLength(1);
  });

  it('speaks JSON where it was asked to, also about keys and accounts', async () => {
    const [created] = (await done('keys', 'create', 'k/json', '--json')).values;
    const [exported] = (await done('keys', 'export', 'k/json', '--json')).values;
    expect(exported).toEqual({ public: created!['public'] });
    const line = String(exported!['public']);
    const trusted = await done('keys', 'trust', 'k/json', 'me', line, '--role', 'pod', '--json');
    expect(trusted.values).toEqual([{ pinned: { role: 'pod', name: 'me', fingerprint: created!['fingerprint'] } }]);
    expect((await done('keys', 'forget', 'k/json', 'me', '--json')).values).toEqual([{ forgot: 'me' }]);
    const { values } = await done('broker', 'adduser', 'users.json', line, '--json');
    expect(values).toEqual([{ user: created!['mailbox'], password: expect.stringMatching(/^[\w-]{22}$/) }]);
  });

  it('describes a model', async () => {
    const model = join(import.meta.dirname, '../fixtures/training/mlp/model.onnx');
    const { values } = await done('model', 'inspect', model, '--json');
    expect(values[0]).toMatchObject({ parameterCount: 30 * 64 + 64 + 64 * 32 + 32 + 32 * 2 + 2, unsupported: [] });
    const { text } = await done('model', 'inspect', model);
    expect(text).toMatch(/Gemm\s+×3\s+trains/);
  });

  it('says whether a model trains, and what a step and a round cost', async () => {
    const file = join(import.meta.dirname, '../fixtures/training/mlp/model.onnx');
    const [small, large] = await Promise.all(
      ['16', '160'].map(async (batch) => (await done('model', 'inspect', file, '--batch', batch, '--json')).values[0]!),
    );
    const training = { trains: true, loss: 'cross_entropy', trained: 4130, runningStatistics: 0 };
    expect(small).toMatchObject({ training, round: { sites: 4, secure: { update: 4 * (4130 + 20) } } });
    const forward = (value: typeof small) =>
      (value as unknown as { training: { step: { forward: { matrix: number } } } }).training;
    expect(forward(large).step.forward.matrix).toBe(10 * forward(small).step.forward.matrix);
    const { text } = await done('model', 'inspect', file);
    expect(text).toMatch(/^trains {6}yes: 4130 parameters; counted with cross_entropy and adam$/m);
    expect(text).toMatch(/^ {2}memory .* MB in use at once|^ {2}memory .* kB in use at once/m);
    expect(text).toMatch(/^ {2}secure {6}25\.3 kB sent, 26\.\d kB received$/m);

    const model = decodeModel(readFileSync(file), 'mlp');
    const relu = model.graph.node.find(({ opType }) => opType === 'Relu')!;
    relu.opType = 'NonMaxSuppression';
    relu.name = 'odd one';
    writeFileSync(join(example.folder, 'odd.onnx'), encodeModel(model));
    const odd = await done('model', 'inspect', 'odd.onnx');
    expect(odd.code).toBe(0);
    expect(odd.text).toMatch(/^trains {6}no\n {2}NonMaxSuppression \(node "odd one"\): not supported$/m);
    expect((await done('model', 'inspect', file, '--batch', '0', '--json')).values[0]).toMatchObject({ code: 'USAGE' });
  });
});
