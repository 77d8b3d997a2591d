import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readModelFile, zooModel } from '../training/index.ts';
import { MODEL_LIMITS, ModelStore, parseModelReference } from './index.ts';

let folder: string;
let store: ModelStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'konsil-store-'));
  store = ModelStore.open(join(folder, 'models'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A small model in a file; another seed gives other bytes. */
function modelFile(seed = 0, name = 'net.onnx'): string {
  const file = join(folder, name);
  writeFileSync(file, zooModel('mlp').build({ inputs: 3, hidden: [2], outputs: 1, seed }));
  return file;
}
const NAME = { name: 'clinic/relapse' };

describe('ModelStore', () => {
  it('keeps versions, which are found by name and number', async () => {
    const first = await store.add(modelFile(0), { ...NAME, description: 'The first.', licence: 'MIT', private: true });
    expect(first).toMatchObject({
      isNew: true,
      version: {
        ...{ version: 1, kind: 'onnx', source: 'net.onnx', licence: 'MIT', description: 'The first.', private: true },
        inputs: [{ dtype: 'float32', dims: [expect.anything(), 3] }],
        parameters: 11,
      },
    });
    await store.add(modelFile(1), NAME);
    const latest = await store.find('clinic/relapse');
    expect(latest).toMatchObject({ name: 'clinic/relapse', version: 2 });
    const one = await store.find('clinic/relapse:1');
    expect(one).toMatchObject({ version: 1, sha256: first.version.sha256 });
    expect(await readModelFile(one.file)).toEqual(await readModelFile(modelFile(0)));
    expect((await store.list()).map(({ name, versions }) => [name, versions.length])).toEqual([['clinic/relapse', 2]]);
  });

  it('has bytes once', async () => {
    const { version } = await store.add(modelFile(), NAME);
    expect(await store.add(modelFile(0, 'copy.onnx'), { ...NAME, description: 'Again.' })).toEqual({
      version,
      isNew: false,
    });
  });

  it('gives every version a number of its own when several are added at once', async () => {
    const files = [0, 1, 2, 3, 4, 5].map((seed) => modelFile(seed, `${seed}.onnx`));
    const added = await Promise.all(files.map((file) => ModelStore.open(store.folder).add(file, NAME)));
    expect(added.map(({ version }) => version.version).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(readdirSync(store.folder)).toEqual(['clinic']);
  });

  it('never uses the number of a removed version again', async () => {
    await store.add(modelFile(0), NAME);
    await store.add(modelFile(1), NAME);
    expect(await store.remove('clinic/relapse:2')).toEqual([2]);
    expect((await store.find('clinic/relapse')).version).toBe(1);
    expect((await store.add(modelFile(1), NAME)).version.version).toBe(3);
    expect(await store.remove('clinic/relapse')).toEqual([1, 3]);
    expect(await store.list()).toEqual([]);
    expect((await store.add(modelFile(0), NAME)).version.version).toBe(4);
    await expect(store.remove('clinic/relapse:2')).rejects.toMatchObject({ code: 'MODEL_UNKNOWN' });
  });

  it('says which versions there are', async () => {
    await expect(store.find('clinic/relapse')).rejects.toThrow(/^clinic\/relapse: no such model/);
    await store.add(modelFile(0), NAME);
    await store.add(modelFile(1), NAME);
    await expect(store.find('clinic/relapse:7')).rejects.toThrow(/no such version; there are 1, 2/);
    await expect(store.show('clinic/relapse:7')).rejects.toMatchObject({ code: 'MODEL_UNKNOWN' });
  });

  it.each([
    [
      'a changed byte',
      (file: string) =>
        writeFileSync(
          file,
          readFileSync(file).map((byte, i) => (i === 40 ? byte ^ 1 : byte)),
        ),
    ],
    ['missing bytes', (file: string) => writeFileSync(file, readFileSync(file).subarray(1))],
    ['no file', (file: string) => rmSync(file)],
    ['metadata that is no JSON', (file: string) => writeFileSync(join(file, '../metadata.json'), '{')],
    [
      'metadata of another version',
      (file: string) => {
        const metadata = join(file, '../metadata.json');
        writeFileSync(metadata, readFileSync(metadata, 'utf8').replace('"version": 1', '"version": 2'));
      },
    ],
  ])('finds %s, and lets the version be removed', async (_, harm) => {
    await store.add(modelFile(), NAME);
    const { file } = await store.find('clinic/relapse');
    harm(file);
    await expect(store.find('clinic/relapse')).rejects.toMatchObject({ code: 'MODEL_STORE_CORRUPT' });
    expect(await store.remove('clinic/relapse:1')).toEqual([1]);
    expect((await store.add(modelFile(), NAME)).version.version).toBe(2);
  });

  it('ignores what was left of an addition that was cut off', async () => {
    mkdirSync(join(store.folder, '.new-0'), { recursive: true });
    writeFileSync(join(store.folder, '.new-0', 'model'), 'half');
    mkdirSync(join(store.folder, 'clinic', 'relapse'), { recursive: true });
    expect(await store.list()).toEqual([]);
    expect((await store.add(modelFile(), NAME)).version.version).toBe(1);
  });

  it('packs what lies in several files', async () => {
    const config = { name: 'd', units: 1, batch_input_shape: [null, 2], activation: 'linear', use_bias: true };
    const layers = [{ class_name: 'Dense', config }];
    const topology = { class_name: 'Sequential', config: { name: 's', layers } };
    const file = join(folder, 'model.json');
    const weights = [
      { name: 'd/kernel', shape: [2, 1], dtype: 'float32' },
      { name: 'd/bias', shape: [1], dtype: 'float32' },
    ];
    writeFileSync(file, JSON.stringify({ modelTopology: topology, weightsManifest: [{ paths: ['w.bin'], weights }] }));
    writeFileSync(join(folder, 'w.bin'), new Uint8Array(new Float32Array([1, 2, 3]).buffer));
    const { version } = await store.add(file, { name: 'clinic/layers' });
    expect(version).toMatchObject({ kind: 'tfjs', parameters: 3, inputs: [{ dims: ['batch', 2] }] });
    const found = await store.find('clinic/layers');
    expect(await readModelFile(found.file)).toEqual(await readModelFile(file));
  });

  it('refuses what is too large, unless the limit is raised', async () => {
    const file = modelFile();
    const limits = { ...MODEL_LIMITS, weights: 100 };
    await expect(store.add(file, { ...NAME, limits })).rejects.toMatchObject({ code: 'MODEL_TOO_LARGE' });
    const module = join(folder, 'big.mjs');
    writeFileSync(module, `throw new Error('never run');//${'x'.repeat(1_000)}`);
    await expect(store.add(module, { ...NAME, limits: { ...MODEL_LIMITS, code: 1_000 } })).rejects.toThrow(
      /expected at most 0\.001 MB of code/,
    );
    expect(await store.list()).toEqual([]);
  });

  it('refuses what is no model', async () => {
    writeFileSync(join(folder, 'net.onnx'), 'no model');
    await expect(store.add(join(folder, 'net.onnx'), NAME)).rejects.toMatchObject({ code: 'MODEL_INVALID' });
    await expect(store.add(join(folder, 'none.onnx'), NAME)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });
});

describe('parseModelReference', () => {
  it('reads names and versions', () => {
    expect(parseModelReference('my-user/MyModel:12')).toEqual({ owner: 'my-user', name: 'MyModel', version: 12 });
    expect(parseModelReference('a/b.c')).toEqual({ owner: 'a', name: 'b.c' });
  });

  it.each(['', 'a', 'a/b/c', '../b', 'a/..', 'a/.b', 'a/b:0', 'a/b:x', '/a/b', 'a\\b/c', `a/${'b'.repeat(101)}`])(
    'refuses %j',
    (text) => {
      expect(() => parseModelReference(text)).toThrow(/expected owner\/name/);
    },
  );
});
