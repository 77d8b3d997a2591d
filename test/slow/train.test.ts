/** `konsil train --local`: the dry run, as a process of its own. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { builtinMlp } from '../../src/training/index.ts';
import { exampleCopy, Konsil, killAll } from '../support/processes.ts';

let example: ReturnType<typeof exampleCopy>;
beforeAll(() => {
  example = exampleCopy();
});
afterEach(killAll);
afterAll(() => example.remove());

const konsil = (...args: string[]): Konsil => new Konsil(['train', ...args], { cwd: example.folder });
const done = async (...args: string[]): Promise<Konsil & { code: number }> => {
  const command = konsil(...args);
  return Object.assign(command, { code: await command.exit });
};
const put = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(example.folder, name), content);
  return name;
};
const read = (name: string): string => readFileSync(join(example.folder, name), 'utf8');
const ofRounds = (values: Konsil['values']): number[] =>
  values.flatMap(({ type, trainingLoss }) => (type === 'round' ? [Number(trainingLoss)] : []));

describe('konsil train --local', () => {
  it('trains the built-in model on the dataset of a pod file, and writes what a run writes', async () => {
    const { code, text } = await done(
      'task.yaml',
      '--local',
      '--data',
      'hospital-a.yaml',
      '--out',
      'dry',
      '--device',
      'cpu',
    );
    expect(code, text).toBe(0);
    expect(text).toMatch(/^run \S+: 3 rounds of 1 epoch on \d+ rows, by onnxruntime on cpu$/m);
    expect(text).toMatch(/^round 2\/3: training loss 0\.\d{4}, validation loss 0\.\d{4}, .* s, about \d+ s left$/m);
    expect(text).toMatch(/a local run of one site$/m);
    for (const file of ['model.onnx', 'result.json', 'report.html', 'events.jsonl', 'task.json'])
      expect(existsSync(join(example.folder, 'dry', file)), file).toBe(true);
    const result = JSON.parse(read('dry/result.json'));
    expect(result).toMatchObject({ mode: 'local', status: 'complete', training: { device: 'cpu', threads: 1 } });
    expect(result.cohort).toMatchObject([{ name: 'hospital-a', dataset: 'breast-cancer', sentBytes: 0 }]);
    expect(result.pooled.Accuracy.value).toBeGreaterThan(0.5);
    const report = read('dry/report.html');
    expect(report).toContain('A local run of one site, not a federated one.');
    expect(report).not.toMatch(/Federated learning report|coordinator|all hospitals|broker/i);
    expect((await done('task.yaml', '--local', '--data', 'hospital-a.yaml', '--out', 'dry')).text).toMatch(
      /--out dry: is not empty/,
    );
  });

  it('trains an ONNX file on a CSV file, with another budget and seed, the same way twice', async () => {
    put('net.onnx', builtinMlp({ inputs: 30, hidden: [8], outputs: 1, activation: 'tanh', seed: 2 }));
    const task = read('task.yaml').replace('builtin:mlp', './net.onnx');
    put('net.yaml', task.replace(/\n +hidden_layers:.*\n +activation:.*/, ''));
    const flags = ['--local', '--data', 'data/hospital-b.csv', '--epochs', '5', '--device', 'cuda,cpu', '--json'];
    const [first, second, other] = await Promise.all([
      done('net.yaml', ...flags, '--seed', '4'),
      done('net.yaml', ...flags, '--seed', '4'),
      done('net.yaml', ...flags, '--seed', '5'),
    ]);
    expect(first.code, first.text).toBe(0);
    const losses = ofRounds(first.values);
    expect(losses).toHaveLength(5);
    expect(losses[4]).toBeLessThan(losses[0]!);
    expect(ofRounds(second.values)).toEqual(losses);
    expect(ofRounds(other.values)).not.toEqual(losses);
    const started = first.values.find(({ type }) => type === 'started');
    expect(started).toMatchObject({ trains: { device: 'cpu', fallbacks: [{ device: 'cuda' }] } });
    const { result } = first.values.at(-1) as { result: { model: object } };
    expect(result.model).toMatchObject({ parameters: 31 * 8 + 9, file: 'model.onnx' });
  });

  it('cancelled by Ctrl-C keeps the model that was reached', async () => {
    const flags = ['--local', '--data', 'hospital-c.yaml', '--epochs', '100000', '--out', 'cut', '--json'];
    const run = konsil('task.yaml', ...flags);
    await run.until({ type: 'round', round: 3 });
    run.child.kill('SIGINT');
    expect(await run.exit, run.text).toBe(130);
    expect(run.values.at(-1)).toMatchObject({ type: 'error', code: 'CANCELLED' });
    expect(existsSync(join(example.folder, 'cut/model.onnx'))).toBe(true);
    const result = JSON.parse(read('cut/result.json'));
    expect(result).toMatchObject({ status: 'aborted', mode: 'local' });
    expect(result.rounds.length).toBeGreaterThanOrEqual(3);
    expect(result.pooled.Accuracy.value).toBeGreaterThan(0);
    expect(read('cut/report.html')).toContain('A local run of one site stopped early');
  });

  it('says which file is wrong, and where, before it writes anything', async () => {
    const lines = read('data/hospital-d.csv').split('\n');
    put(
      'data/bad.csv',
      [lines[0], lines[1], lines[2]!.replace(/(benign|malignant)/, 'unsure'), ...lines.slice(3)].join('\n'),
    );
    put('data/narrow.csv', 'mean_radius\n1\n2\n');
    put('wide.onnx', builtinMlp({ inputs: 7, hidden: [], outputs: 1, activation: 'relu', seed: 1 }));
    const task = read('task.yaml').replace(/\n +hidden_layers:.*\n +activation:.*/, '');
    put('wide.yaml', task.replace('builtin:mlp', './wide.onnx'));
    put('typo.yaml', task.replace('batch_size', 'batchsize'));
    const failures: [string[], string, RegExp][] = [
      [['task.yaml', '--data', 'hospital-a.yaml'], 'USAGE', /--local/],
      [
        ['task.yaml', '--local', '--data', 'data/bad.csv', '--out', 'no'],
        'DATA_INVALID',
        /bad\.csv: column "diagnosis" has a value in 1 row/,
      ],
      [
        ['task.yaml', '--local', '--data', 'data/narrow.csv', '--out', 'no'],
        'CONFIG_INVALID',
        /task\.yaml: .*diagnosis/,
      ],
      [['task.yaml', '--local', '--data', 'data/none.csv'], 'FILE_NOT_FOUND', /data\/none\.csv/],
      [
        ['wide.yaml', '--local', '--data', 'hospital-a.yaml', '--out', 'no'],
        'MODEL_MISMATCH',
        /wide\.onnx.*\[batch, 7\]/,
      ],
      [['typo.yaml', '--local', '--data', 'hospital-a.yaml'], 'CONFIG_INVALID', /typo\.yaml:\d+:\d+ .*batchsize/],
      [
        ['task.yaml', '--local', '--data', 'hospital-a.yaml', '--device', 'gpu'],
        'USAGE',
        /--device gpu: expected auto/,
      ],
      [
        ['task.yaml', '--local', '--data', 'hospital-a.yaml', '--dataset', 'x'],
        'CONFIG_INVALID',
        /there are breast-cancer/,
      ],
      [['task.yaml', '--local', '--data', 'hospital-a.yaml', '--epochs', '1', '--steps', '1'], 'USAGE', /not both/],
    ];
    for (const [args, error, message] of failures) {
      const { code, values, text } = await done(...args, '--json');
      expect(code, text).toBe(error === 'USAGE' ? 2 : 1);
      expect(values, text).toEqual([{ type: 'error', code: error, message: expect.stringMatching(message) }]);
    }
    expect(existsSync(join(example.folder, 'no'))).toBe(false);
  });
});
