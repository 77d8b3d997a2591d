import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ModelStore } from '../modelStore/index.ts';
import { zooModel } from '../training/index.ts';
import { fromWire, readTask, toWire } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'konsil-reference-'));
afterAll(() => rmSync(folder, { recursive: true }));
const store = ModelStore.open(join(folder, 'models'));
beforeAll(async () => {
  for (const seed of [0, 1]) {
    writeFileSync(join(folder, 'net.onnx'), zooModel('mlp').build({ inputs: 3, hidden: [2], outputs: 1, seed }));
    await store.add(join(folder, 'net.onnx'), { name: 'my-user/Net' });
  }
});

/** The task with this in place of `konsil_model`. */
function read(model: string, modeller = '') {
  const file = join(folder, 'task.yaml');
  writeFileSync(
    file,
    `pods: {identifiers: [a/x, b/x, c/x]}
${modeller}konsil: {models: ./models}
task:
  protocol: {name: FederatedAveraging, arguments: {epochs_between_parameter_updates: 1}}
  algorithm:
    name: FederatedModelTraining
    model:
      ${model}
      hyperparameters: {epochs: 2}
  data_structure: {assign: {target: y}}
`,
  );
  return readTask(file);
}

describe('a model of the store', () => {
  it.each([
    ['bitfount_model: {model_ref: Net, model_version: 1, username: my-user}', 1],
    ['konsil_model: {model_ref: Net, version: 1, username: my-user}', 1],
    ['konsil_model: {model_ref: Net, username: my-user}', 2],
    ['konsil_model: {model_ref: my-user/Net}', 2],
    ['konsil_model: {model_ref: "my-user/Net:1"}', 1],
    ['konsil_model: {model_ref: my-user/Net, model_version: 1}', 1],
  ])('is found as %s', async (model, version) => {
    const { local, model: choice } = await read(model);
    const found = await store.find(`my-user/Net:${version}`);
    expect(local.storedModel).toEqual({ name: 'my-user/Net', version, sha256: found.sha256 });
    expect(local.modelFile).toBe(found.file);
    expect(choice).toEqual({ kind: 'onnx' });
  });

  it('is the modeller’s own when it has no owner', async () => {
    const { local } = await read('konsil_model: {model_ref: Net}', 'modeller: {username: my-user}\n');
    expect(local.storedModel).toMatchObject({ version: 2 });
  });

  it('is not named to the sites', async () => {
    const sent = toWire(await read('konsil_model: {model_ref: my-user/Net}'));
    expect(JSON.stringify(sent)).not.toContain('my-user');
    expect(fromWire(sent).model).toEqual({ kind: 'onnx' });
    for (const beside of [{ username: 'u' }, { model_version: 1 }]) {
      const other = structuredClone(sent) as unknown as { task: { algorithm: { model: { konsil_model: object } } } };
      Object.assign(other.task.algorithm.model.konsil_model, beside);
      expect(() => fromWire(other)).toThrow(/model_ref: a sent task names/);
    }
  });

  it.each([
    ['{model_ref: Net}', /7?:\d+:\d+ .*model_ref: expected a file that ends in .*, got "Net"/],
    ['{model_ref: ./net.pt}', /model_ref: expected a file that ends in/],
    ['{model_ref: a/b/c}', /model_ref: expected a file that ends in/],
    ['{model_ref: net.onnx, model_version: 1}', /model_version: only for a model of the store/],
    ['{model_ref: "builtin:mlp", username: me}', /username: only for a model of the store/],
    ['{model_ref: Net, username: u, version: 1, model_version: 1}', /version: already given as model_version/],
    ['{model_ref: my-user/Net, username: other}', /username: is other, but model_ref says/],
    ['{model_ref: "my-user/Net:1", model_version: 1}', /model_ref: has a version/],
    ['{model_ref: Net, username: my-user, model_version: 0}', /model_version: expected at least 1/],
  ])('is not %s', async (model, message) => {
    await expect(read(`konsil_model: ${model}`)).rejects.toThrow(message);
  });

  it('that is not there is told at its place, with the versions there are', async () => {
    await expect(read('konsil_model: {model_ref: Net, username: my-user, model_version: 9}')).rejects.toThrow(
      /task\.yaml:8:33 task\.algorithm\.model\.konsil_model\.model_ref: my-user\/Net:9: no such version; there are 1, 2/,
    );
    await expect(read('konsil_model: {model_ref: my-user/Other}')).rejects.toMatchObject({ code: 'MODEL_UNKNOWN' });
  });

  it('that was altered is not used', async () => {
    const { file } = await store.find('my-user/Net:1');
    const bytes = readFileSync(file);
    writeFileSync(
      file,
      bytes.map((byte, i) => (i === 40 ? byte ^ 1 : byte)),
    );
    await expect(read('konsil_model: {model_ref: "my-user/Net:1"}')).rejects.toMatchObject({
      code: 'MODEL_STORE_CORRUPT',
    });
    writeFileSync(file, bytes);
  });
});
