/**
 * Model files on disk: in, inspected, and out again.
 * @module
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { convNet, layer, packed, sequential, stripes, weights } from '../../test/fixtures/training/tfjsModels.ts';
import { closeTrainers, mlp, openTrainer } from '../../test/fixtures/training/trainers.ts';
import { exportModelFiles, inspectTfjsFile, modelKindOf, readModelFile } from './modelFile.ts';
import { type TfjsModel, unpackTfjs } from './tfjs/container.ts';
import { tf, tfl } from './tfjs/tf.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'konsil-model-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(closeTrainers);

function put(name: string, content: string | Uint8Array): string {
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

/** A model.json as `model.save` writes it, its weights in `shards` files. */
function putModel(name: string, model: TfjsModel, edit: (json: Record<string, unknown>) => object = (json) => json) {
  const data = Buffer.concat(model.weights.map(({ values }) => Buffer.from(values.buffer)));
  const half = data.length >> 1;
  put(join(dirname(name), 'shards/1.bin'), data.subarray(0, half));
  put(join(dirname(name), 'shards/2.bin'), data.subarray(half));
  const weights = model.weights.map((weight) => ({ name: weight.name, shape: weight.dims, dtype: 'float32' }));
  const json = {
    format: 'layers-model',
    modelTopology: model.topology,
    weightsManifest: [{ paths: ['shards/1.bin', 'shards/2.bin'], weights }],
  };
  return put(name, JSON.stringify(edit(json)));
}

describe('readModelFile', () => {
  it('packs a model.json and its shards, whatever wrapped the topology', async () => {
    const read = unpackTfjs(await readModelFile(putModel('net/model.json', convNet)), 'm');
    expect(read.weights).toEqual(convNet.weights);
    const keras = putModel('keras/model.json', convNet, (json) => ({
      ...json,
      modelTopology: { keras_version: '2.15.0', backend: 'tensorflow', model_config: json['modelTopology'] },
    }));
    expect(await readModelFile(keras)).toEqual(await readModelFile(join(folder, 'net/model.json')));
  });

  it('packs what a module builds, with the weights it chose', async () => {
    const file = put(
      'build.mjs',
      `export default (tf) => tf.sequential({ layers: [tf.layers.dense({ name: 'only', units: 2, inputShape: [3], activation: 'softmax',
        kernelInitializer: tf.initializers.constant({ value: 0.5 }) })] });\n`,
    );
    const { weights } = unpackTfjs(await readModelFile(file), file);
    expect(weights).toEqual([
      { name: 'only/kernel', dims: [3, 2], values: new Float32Array(6).fill(0.5) },
      { name: 'only/bias', dims: [2], values: new Float32Array(2) },
    ]);
  });

  it('reads recurrent layers without a word on the matrices that nobody needs', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const recurrent: TfjsModel = {
      topology: sequential(layer('LSTM', 'rnn', { units: 60, batch_input_shape: [null, 4, 2] })),
      weights: weights(1, { 'rnn/kernel': [2, 240], 'rnn/recurrent_kernel': [60, 240], 'rnn/bias': [240] }),
    };
    const file = putModel('rnn/model.json', recurrent);
    expect(unpackTfjs(await readModelFile(file), file).weights).toEqual(recurrent.weights);
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });

  it('leaves an ONNX file as it is', async () => {
    expect(await readModelFile(put('net.onnx', mlp))).toEqual(mlp);
    expect(['a/b.ONNX', 'model.json', 'net.ts', 'weights.bin'].map(modelKindOf)).toEqual([
      'onnx',
      'tfjs',
      'tfjs',
      undefined,
    ]);
  });

  it.each<[string, () => string, string, RegExp]>([
    ['no file', () => join(folder, 'none.json'), 'FILE_NOT_FOUND', /none\.json/],
    ['no module', () => join(folder, 'none.mjs'), 'FILE_NOT_FOUND', /none\.mjs/],
    ['no JSON', () => put('text.json', 'hello'), 'MODEL_INVALID', /not JSON/],
    ['other JSON', () => put('other.json', '{"a":1}'), 'MODEL_INVALID', /expected an object with modelTopology/],
    [
      'a graph model',
      () => put('graph.json', '{"format":"graph-model"}'),
      'MODEL_UNSUPPORTED',
      /graph model cannot be trained/,
    ],
    [
      'weights of elsewhere',
      () =>
        putModel('a/model.json', convNet, (json) => ({
          ...json,
          weightsManifest: [{ paths: ['../../etc/passwd'], weights: [] }],
        })),
      'MODEL_INVALID',
      /"\.\.\/\.\.\/etc\/passwd", expected a path beside/,
    ],
    [
      'a missing shard',
      () =>
        putModel('b/model.json', convNet, (json) => ({
          ...json,
          weightsManifest: [{ paths: ['no.bin'], weights: [] }],
        })),
      'FILE_NOT_FOUND',
      /no\.bin/,
    ],
    [
      'too few weights',
      () => putModel('c/model.json', { ...convNet, weights: convNet.weights.slice(1) }),
      'MODEL_INVALID',
      /cannot load this model/,
    ],
    [
      'a layer that does not train',
      () => putModel('d/model.json', { topology: sequential(layer('Lambda', 'mine')), weights: [] }),
      'MODEL_UNSUPPORTED',
      /Lambda "mine"/,
    ],
    [
      'a module without a function',
      () => put('empty.mjs', 'export default 3;'),
      'MODEL_INVALID',
      /expected `export default/,
    ],
    [
      'a module that fails',
      () => put('fails.mjs', 'export default () => { throw new Error("oh"); };'),
      'MODEL_INVALID',
      /its function failed: oh/,
    ],
    [
      'a module of nothing',
      () => put('nothing.mjs', 'export default () => ({});'),
      'MODEL_INVALID',
      /returned no LayersModel/,
    ],
    ['a module with a mistake', () => put('wrong.mjs', 'export default ('), 'MODEL_INVALID', /cannot be imported/],
  ])('says what is wrong with %s', async (_, make, code, message) => {
    await expect(readModelFile(make())).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });
});

describe('inspectTfjsFile', () => {
  it('lists layers and weights, and why a layer does not train', async () => {
    const found = await inspectTfjsFile(putModel('look/model.json', convNet));
    expect(found).toMatchObject({ input: [null, 6, 6, 1], parameterCount: 55, bytes: 220 });
    expect(found.layers.map(({ name, parameters }) => `${name} ${parameters}`)).toEqual([
      ...['conv 20', 'norm 8', 'pool 0', 'flat 0', 'drop 0', 'out 27'],
    ]);
    const odd = await inspectTfjsFile(
      putModel('odd/model.json', { topology: sequential(layer('Lambda', 'mine')), weights: [] }),
    );
    expect(odd.layers).toEqual([
      { name: 'mine', className: 'Lambda', parameters: 0, problems: ['is not among the layers that train'] },
    ]);
  });
});

describe('exportModelFiles', () => {
  it('writes what TensorFlow.js loads: the trained weights, the head on, what to standardise beside', async () => {
    const model = packed(convNet);
    const trainer = await openTrainer({ model, source: 'm', backends: ['cpu'] });
    const { layout, initial } = trainer.program;
    const data = stripes(20, 1);
    const { parameters } = await trainer.train({ ...data, parameters: initial, budget: { steps: 5 }, seed: 1 });
    const preprocess = { mean: Float32Array.of(1, 2), scale: Float32Array.of(3, 4) };
    const options = { source: 'm', head: 'softmax', metadata: { 'konsil.run': 'r' }, preprocess } as const;
    const files = exportModelFiles('checkpoints/best', model, layout, parameters, options);
    expect(files.map(({ name }) => name)).toEqual(['checkpoints/best.weights.bin', 'checkpoints/best.json']);
    for (const { name, content } of files) put(name, content);
    const file = join(folder, 'checkpoints/best.json');
    const again = await openTrainer({ model: await readModelFile(file), source: 'm', backends: ['cpu'] });
    expect(again.program.initial).toEqual(parameters);
    expect(again.program.layout).toEqual(layout);

    const { modelTopology, weightsManifest, userDefinedMetadata } = JSON.parse(readFileSync(file, 'utf8'));
    expect(userDefinedMetadata).toMatchObject({
      'konsil.run': 'r',
      'konsil.standardise': { mean: [1, 2], scale: [3, 4] },
      'konsil.weights.sha256': expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const weightData = new Uint8Array(readFileSync(join(folder, 'checkpoints/best.weights.bin'))).buffer;
    const artifacts = { modelTopology, weightSpecs: weightsManifest[0].weights, weightData };
    const loaded = await tfl.loadLayersModel(tf.io.fromMemory(artifacts));
    const outputs = loaded.predict(tf.tensor(data.x, [20, 6, 6, 1])) as ReturnType<typeof tf.tensor>;
    const logits = await trainer.predict({ ...data, parameters });
    const expected = tf.softmax(tf.tensor(logits, [20, 3])).dataSync();
    for (const [i, value] of outputs.dataSync().entries()) expect(value).toBeCloseTo(expected[i]!, 5);
  });

  it('refuses parameters of another model', async () => {
    const model = packed(convNet);
    const options = { source: 'm', head: 'none', metadata: {} } as const;
    const layout = { entries: [{ name: 'x', dims: [1], offset: 0, count: 1, kind: 'trainable' }], length: 1 } as const;
    expect(() => exportModelFiles('m', model, layout, new Float32Array(1), options)).toThrow(/model has no weight x/);
    expect(() => exportModelFiles('m', model, layout, new Float32Array(2), options)).toThrow(
      expect.objectContaining({ code: 'MODEL_MISMATCH' }),
    );
    const onnx = await openTrainer();
    expect(
      exportModelFiles('a/b', mlp, onnx.program.layout, onnx.program.initial, options).map(({ name }) => name),
    ).toEqual(['a/b.onnx']);
  });
});
