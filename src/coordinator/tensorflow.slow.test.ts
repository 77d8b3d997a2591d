/**
 * Whole federations that train a TensorFlow.js model.
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { allowPlain, Federation, type FederationOptions, plainTask, reasons, shortTask } from '../../sim/federation.ts';
import { layer, packed, sequential, weights } from '../../test/fixtures/training/tfjsModels.ts';
import { HostileCoordinator } from '../../test/support/hostileCoordinator.ts';
import { builtinMlp, exportModelFiles, isTfjsModel, readModelFile } from '../training/index.ts';

let federation: Federation;
afterEach(() => federation.close());

const net = {
  topology: sequential(
    layer('Dense', 'hidden', { units: 6, activation: 'relu', batch_input_shape: [null, 30] }),
    layer('BatchNormalization', 'norm', { momentum: 0.9 }),
    layer('Dropout', 'drop', { rate: 0.1 }),
    layer('Dense', 'out', { units: 1, activation: 'sigmoid' }),
  ),
  weights: weights(2, {
    'hidden/kernel': [30, 6],
    'hidden/bias': [6],
    'norm/gamma': [6],
    'norm/beta': [6],
    'out/kernel': [6, 1],
    'out/bias': [1],
    'norm/moving_mean': [6],
    'norm/moving_variance': [6],
  }),
};

/** The example's task with the model file `ref`. */
const withModel =
  (ref: string, edit: (yaml: string) => string) =>
  (yaml: string): string =>
    edit(yaml)
      .replace('builtin:mlp', ref)
      .replace(/\n +hidden_layers:.*\n +activation:.*/, '');

async function open(options: FederationOptions): Promise<Federation> {
  federation = await Federation.open(options, ({ folder }) => {
    const empty = { entries: [], length: 0 };
    const options = { source: 'net', head: 'none', metadata: {} } as const;
    for (const { name, content } of exportModelFiles('net', packed(net), empty, new Float32Array(0), options))
      writeFileSync(join(folder, name), content);
    writeFileSync(
      join(folder, 'net.mjs'),
      `export default ({ sequential, layers }) => sequential({ layers: [layers.dense({ units: 1, inputShape: [30], activation: 'sigmoid' })] });\n`,
    );
  });
  return federation;
}

describe('a federated run with a TensorFlow.js model', () => {
  it('averages securely within the stated bound of the plain average, running statistics too', async () => {
    const oneRound = (yaml: string): string => yaml.replace(/epochs: 3/, 'epochs: 1');
    await open({ task: withModel('./net.json', (yaml) => oneRound(shortTask(yaml))) });
    const secure = await federation.run();
    expect(secure.status, secure.reason).toBe('complete');
    expect(secure.rounds.map(({ survivors, clipped }) => [survivors.length, clipped])).toEqual([[4, 0]]);
    expect(secure.pooled!['ROC AUC']!.value).toBeGreaterThan(0.5);
    expect(secure.modelFile).toBe(join(secure.folder, 'model.json'));
    const written = await readModelFile(secure.modelFile!);
    expect(isTfjsModel(written)).toBe(true);
    const { userDefinedMetadata } = JSON.parse(readFileSync(secure.modelFile!, 'utf8'));
    expect(JSON.parse(userDefinedMetadata['konsil.features'])).toHaveLength(30);
    expect(userDefinedMetadata['konsil.standardise'].mean).toHaveLength(30);
    for (const name of ['last', 'best'])
      expect(isTfjsModel(await readModelFile(join(secure.folder, `checkpoints/${name}.json`)))).toBe(true);
    const [notice] = federation.noticesOf('hospital-a', 'accepted');
    expect(notice!.trains).toMatchObject({ engine: 'tfjs', device: 'cpu' });
    await federation.close();

    await open({ task: withModel('./net.json', (yaml) => oneRound(plainTask(yaml))), pod: allowPlain });
    const plain = await federation.run();
    expect(plain.status, plain.reason).toBe('complete');
    let worst = 0;
    secure.parameters!.forEach((value, i) => {
      // each of the two is rounded to a float32 of this size
      const bound = secure.secure!.bound + 2 * 2 ** -24 * Math.max(1, Math.abs(value));
      worst = Math.max(worst, Math.abs(value - plain.parameters![i]!) / bound);
    });
    expect(worst).toBeLessThanOrEqual(1);
    expect(worst).toBeGreaterThan(0);
  });

  it('runs what a module of the modeller builds; the pods get the model, never the module', async () => {
    await open({ task: withModel('./net.mjs', (yaml) => shortTask(yaml).replace(/epochs: 3/, 'epochs: 1')) });
    const outcome = await federation.run();
    expect(outcome.status, outcome.reason).toBe('complete');
    expect(outcome.facts!.parameters).toBe(31);
    expect(isTfjsModel(outcome.resolved!.model)).toBe(true);
    expect(Buffer.from(outcome.resolved!.model).includes('export default')).toBe(false);
  });

  it('ends before any pod is asked when the model does not fit the task', async () => {
    await open({
      task: withModel('./net.json', (yaml) =>
        shortTask(yaml).replace(/batch_size: \d+/, '$&\n        loss: cross_entropy'),
      ),
    });
    const outcome = await federation.run();
    expect(outcome.reason).toMatch(/net\.json: model ends in sigmoid, loss cross_entropy expects logits or softmax/);
    expect(Object.values(reasons(outcome)).every((reason) => !reason.startsWith('finished'))).toBe(true);
  });

  it('is refused by a pod when the model is damaged, or of another kind than the task announces', async () => {
    await open({ pods: ['hospital-a'] });
    const coordinator = await HostileCoordinator.open(federation);
    try {
      const task = JSON.parse(coordinator.request.task);
      const { model } = task.task.algorithm;
      model.konsil_model.model_ref = 'attached:tfjs';
      delete model.hyperparameters.hidden_layers;
      delete model.hyperparameters.activation;
      const tfjs = { ...coordinator.request, task: JSON.stringify(task) };
      const bytes = packed(net);
      const torn = bytes.slice(0, -4);
      const cases = [
        [coordinator.request, bytes, /task announces a builtin model, the model sent is of another kind/],
        [tfjs, torn, /not a sound TensorFlow\.js model: weights take \d+ bytes, \d+ are there/],
        [
          tfjs,
          builtinMlp({ inputs: 30, hidden: [], outputs: 1, activation: 'relu', seed: 1 }),
          /announces a tfjs model/,
        ],
      ] as const;
      for (const [i, [request, content, reason]] of cases.entries()) {
        const model = coordinator.offer(content);
        const answer = await coordinator.ask('hospital-a', `run-${i}`, () => ({ ...request, model }));
        expect(answer).toMatchObject({
          ...{ type: 'JOB_REJECT', response: 'TASK_SETUP_ERROR' },
          reason: expect.stringMatching(reason),
        });
      }
      const good = await coordinator.ask('hospital-a', 'run-good', () => ({
        ...tfjs,
        model: coordinator.offer(bytes),
      }));
      expect(good.type).toBe('JOB_ACCEPT');
    } finally {
      await coordinator.close();
    }
  });
});
