/**
 * Every layer class on the list of those that train: built from the packed form, trained one step.
 * @module
 */
import type { LayersModel, layers as tflLayers } from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { candidatesOf, chooseBackend } from './backends.ts';
import { unpackTfjs } from './container.ts';
import { TfjsEngine } from './engine.ts';
import { packLayersModel } from './import.ts';
import { tf, tfl } from './tf.ts';
import { layersOf, readTopology, TRAINABLE_LAYERS } from './topology.ts';

type Layer = tflLayers.Layer;
const { layers: L } = tfl;

beforeAll(() => chooseBackend(candidatesOf(['cpu']), () => Promise.resolve()));

/** A model whose first layer reads `inputShape`; a dense end makes sure that something trains. */
function chain(inputShape: number[], ...layers: Layer[]): LayersModel {
  const model = tfl.sequential({ layers: [L.inputLayer({ inputShape }), ...layers] });
  if (model.outputShape.length > 2) model.add(L.flatten());
  model.add(L.dense({ units: 2 }));
  return model;
}

/** Two dense branches of one input, joined by `join`. */
function branches(join: Layer): LayersModel {
  const input = tfl.input({ shape: [3] });
  const parts = [1, 2].map(() => L.dense({ units: 4, activation: 'tanh' }).apply(input) as tfl.SymbolicTensor);
  return tfl.model({ inputs: input, outputs: L.dense({ units: 2 }).apply(join.apply(parts)) as tfl.SymbolicTensor });
}

const MODELS: Readonly<Record<string, () => LayersModel>> = {
  'convolutions of images': () =>
    chain(
      [6, 6, 2],
      L.rescaling({ scale: 0.5 }),
      L.zeroPadding2d({}),
      L.conv2d({ filters: 2, kernelSize: 3 }),
      L.separableConv2d({ filters: 2, kernelSize: 2 }),
      L.depthwiseConv2d({ kernelSize: 2 }),
      L.conv2dTranspose({ filters: 2, kernelSize: 2 }),
      L.upSampling2d({}),
      L.cropping2D({ cropping: 1 }),
      L.averagePooling2d({ poolSize: 2 }),
      L.maxPooling2d({ poolSize: 2 }),
      L.batchNormalization(),
      L.globalAveragePooling2d({}),
    ),
  'convolutions of volumes': () =>
    chain(
      [6, 6, 6, 1],
      L.conv3d({ filters: 2, kernelSize: 2 }),
      L.maxPooling3d({ poolSize: 2 }),
      L.averagePooling3d({ poolSize: 2 }),
    ),
  'convolutions of series': () =>
    chain(
      [8, 2],
      L.conv1d({ filters: 3, kernelSize: 2 }),
      L.maxPooling1d({ poolSize: 2 }),
      L.averagePooling1d({ poolSize: 1 }),
      L.spatialDropout1d({ rate: 0.5 }),
      L.globalMaxPooling1d({}),
    ),
  recurrence: () =>
    chain(
      [4, 2],
      L.masking({ maskValue: 9 }),
      L.simpleRNN({ units: 2, returnSequences: true }),
      L.gru({ units: 2, returnSequences: true }),
      L.bidirectional({ layer: L.lstm({ units: 2, returnSequences: true }), mergeMode: 'concat' }),
      L.timeDistributed({ layer: L.dropout({ rate: 0.5 }) }),
      L.timeDistributed({ layer: L.dense({ units: 2 }) }),
      L.globalAveragePooling1d({}),
    ),
  'activations and shapes': () =>
    chain(
      [6],
      L.dense({ units: 4 }),
      L.layerNormalization({}),
      L.activation({ activation: 'swish' }),
      L.prelu({}),
      L.reLU({}),
      L.leakyReLU({}),
      L.elu({}),
      L.softmax({}),
      L.repeatVector({ n: 2 }),
      L.permute({ dims: [2, 1] }),
      L.reshape({ targetShape: [2, 2, 2] }),
      L.globalMaxPooling2d({}),
    ),
  'an embedding': () => chain([3], L.embedding({ inputDim: 2, outputDim: 2 })),
  'a model in a model': () =>
    chain(
      [3],
      tfl.sequential({ layers: [L.dense({ units: 3, inputShape: [3] }), L.batchNormalization()] }),
      L.dropout({ rate: 0.2 }),
    ),
  add: () => branches(L.add()),
  multiply: () => branches(L.multiply()),
  average: () => branches(L.average()),
  maximum: () => branches(L.maximum()),
  minimum: () => branches(L.minimum()),
  concatenate: () => branches(L.concatenate()),
  dot: () => branches(L.dot({ axes: 1 })),
};

const seen = new Set<string>();

describe('layers that train', () => {
  it.each(Object.keys(MODELS))('%s: opens with the weights of the file and takes the same step twice', async (name) => {
    const model = MODELS[name]!();
    const bytes = await packLayersModel(model, name);
    const { topology, weights } = unpackTfjs(bytes, name);
    for (const { className } of layersOf(readTopology(topology, name))) seen.add(className);
    const options = {
      source: name,
      loss: 'mse',
      optimiser: { kind: 'sgd', learningRate: 0.01 },
      batchSize: 2,
    } as const;
    const engine = await TfjsEngine.open(bytes, options, ['cpu']);
    const { initial, input, layout } = engine.program;
    expect(layout.length).toBe(weights.reduce((n, { values }) => n + values.length, 0));
    const x = Float32Array.from({ length: 3 * input.width }, (_, i) => (i * 7) % 2);
    const request = { parameters: initial, x, y: new Float32Array(6).fill(0.5), rows: 3 };
    const outputs = await engine.predict(request, () => undefined);
    const direct = model.apply(tf.tensor(x, [3, ...input.dims.slice(1)])) as tf.Tensor;
    // one batch or two: the backend's sums may run in another order
    for (const [i, value] of direct.dataSync().entries()) expect(outputs[i]!).toBeCloseTo(value, 5);
    const step = (): ReturnType<TfjsEngine['train']> =>
      engine.train({ ...request, budget: { steps: 2 }, seed: 1 }, () => undefined);
    const trained = await step();
    expect(trained.parameters).not.toEqual(initial);
    expect(await step()).toEqual(trained);
    await engine.close();
  });

  it('are all of the list', () => {
    const untried = TRAINABLE_LAYERS.filter((className) => !['Model', 'Functional', ...seen].includes(className));
    expect(untried).toEqual([]);
  });
});
