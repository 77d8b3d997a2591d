import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { compile } from '../compile.ts';
import { decodeModel } from '../onnx/proto.ts';
import { Engine } from '../runtime/engine.ts';
import { averagePool, conv, convTranspose, maxPool } from './convolution.ts';
import { constant } from './initialise.ts';
import { activate, batchNorm, concat, dropout, embedding, layerNorm, linear, pick, upsample } from './layers.ts';
import { Network, type Value } from './network.ts';
import { lstm, prependToken, selfAttention } from './sequence.ts';

type Define = (net: Network, x: Value) => Value;

function make(dims: readonly number[], define: Define, dtype: 'float32' | 'int64' = 'float32') {
  const net = new Network('test', 1);
  const output = define(net, net.input(dims, dtype));
  return { bytes: net.finish(output), dims: output.dims };
}

/** Output and declared shape of a network on rows of shape `dims`. */
async function run(dims: readonly number[], define: Define, row?: readonly number[]) {
  const made = make(dims, define);
  const size = dims.reduce((n, d) => n * d, 1);
  const x = Float32Array.from({ length: 2 * size }, (_, i) => row?.[i % size] ?? Math.sin(1.3 * i));
  const session = await ort.InferenceSession.create(made.bytes, { logSeverityLevel: 3 });
  const { y } = await session.run({ x: new ort.Tensor('float32', x, [2, ...dims]) });
  await session.release();
  expect(y!.dims).toEqual([2, ...made.dims]);
  return { values: [...(y!.data as Float32Array)], dims: y!.dims };
}

const LAYERS: readonly [string, readonly number[], Define][] = [
  ['conv1d', [3, 20], (net, x) => conv(net, x, 'c', { outputs: 4, kernel: 5, stride: 2, padding: 1, dilation: 2 })],
  ['conv2d', [4, 9, 7], (net, x) => conv(net, x, 'c', { outputs: 6, kernel: 3, groups: 2, bias: false })],
  ['conv3d', [2, 6, 7, 8], (net, x) => conv(net, x, 'c', { outputs: 3, kernel: 3, stride: 2, padding: 1 })],
  [
    'convTranspose2d',
    [3, 4, 5],
    (net, x) => convTranspose(net, x, 'c', { outputs: 2, kernel: 3, stride: 2, padding: 1 }),
  ],
  ['maxPool1d', [3, 9], (net, x) => maxPool(net, x, '', { kernel: 3, stride: 2, padding: 1 })],
  ['averagePool3d', [2, 4, 4, 6], (net, x) => averagePool(net, x, '', { kernel: 2 })],
  ['upsample', [2, 3, 4], (net, x) => upsample(net, x, '', 2, 'linear')],
  ['linear over a sequence', [5, 3], (net, x) => linear(net, x, 'l', { outputs: 4 })],
  ['layerNorm', [5, 3], (net, x) => layerNorm(net, x, 'l')],
  ['batchNorm1d', [6], (net, x) => batchNorm(net, x, 'b')],
  ['selfAttention', [5, 8], (net, x) => selfAttention(net, x, 'a', 2)],
  ['prependToken', [5, 8], (net, x) => prependToken(net, x, 'cls', () => undefined)],
  ['two layers of lstm', [7, 3], (net, x) => lstm(net, x, 'r', { hidden: 4, layers: 2 })],
  ['dropout', [6], (net, x) => dropout(net, x, 'd', 0.5)],
  ['concat', [2, 3], (net, x) => concat(net, [x, x])],
  ['sigmoid', [2, 3], (net, x) => activate(net, x, '', 'sigmoid')],
];

describe('layers know the shapes they give', () => {
  it.each(LAYERS)('%s', async (_name, dims, define) => {
    await run(dims, define);
  });
});

describe('layers train', () => {
  it.each(LAYERS)('%s', async (_name, dims, define) => {
    // a factor in front, so that layers without parameters have a gradient to pass on
    const { bytes } = make(dims, (net, x) => {
      const factor = net.parameter('factor', [1], constant(1));
      return define(net, net.op('Mul', '', [x.name, factor], x.dims));
    });
    const program = compile(bytes, {
      ...{ source: 'layer', loss: 'mse', batchSize: 2 },
      optimiser: { kind: 'sgd', learningRate: 0.1 },
    });
    const engine = new Engine(program, { threads: 1 });
    const x = Float32Array.from({ length: 2 * program.input.width }, (_, i) => Math.sin(1.3 * i));
    const y = new Float32Array(2 * program.target.width).fill(0.3);
    const call = { x, y, rows: 2, parameters: program.initial, seed: 1 };
    const { gradient } = await engine.gradient(call, () => undefined);
    await engine.close();
    expect(gradient.every(Number.isFinite)).toBe(true);
    expect(gradient.some((value) => value !== 0)).toBe(true);
  });
});

describe('layers compute what PyTorch computes', () => {
  // by torch.nn.functional in PyTorch 1.13
  const row = [-7, -1, -0.5, 0, 2, 6.5];

  it.each([
    ['gelu', [-0, -0.158655, -0.154269, 0, 1.9545, 6.5]],
    ['relu6', [0, 0, 0, 0, 2, 6]],
    ['tanh', [-0.999998, -0.761594, -0.462117, 0, 0.964028, 0.999995]],
  ] as const)('%s', async (kind, expected) => {
    const { values } = await run([6], (net, x) => activate(net, x, '', kind), row);
    for (const [i, value] of expected.entries()) expect(values[i]).toBeCloseTo(value, 5);
  });

  it('nearest and bilinear upsampling (align_corners=False)', async () => {
    const nearest = await run([1, 1, 2], (net, x) => upsample(net, x, '', 2), [1, 3]);
    expect(nearest.values.slice(0, 8)).toEqual([1, 1, 3, 3, 1, 1, 3, 3]);
    const linear = await run([1, 1, 2], (net, x) => upsample(net, x, '', 2, 'linear'), [1, 3]);
    expect(linear.values.slice(0, 4)).toEqual([1, 1.5, 2.5, 3]);
  });

  it('average pooling that counts padding', async () => {
    const { values } = await run([1, 4], (net, x) => averagePool(net, x, '', { kernel: 2, padding: 1 }), [2, 4, 6, 8]);
    expect(values.slice(0, 3)).toEqual([1, 5, 4]);
  });

  it('the last step of a sequence', async () => {
    const { values } = await run([2, 2], (net, x) => pick(net, x, -1), [1, 2, 3, 4]);
    expect(values).toEqual([3, 4, 3, 4]);
  });

  it('one row of the table per token', async () => {
    const { bytes, dims } = make([3], (net, x) => embedding(net, x, 'emb', 5, 2), 'int64');
    expect(dims).toEqual([3, 2]);
    const session = await ort.InferenceSession.create(bytes);
    const { y } = await session.run({ x: new ort.Tensor('int64', BigInt64Array.of(4n, 0n, 4n), [1, 3]) });
    const values = [...(y!.data as Float32Array)];
    expect(values.slice(0, 2)).toEqual(values.slice(4));
    expect(values.slice(0, 2)).not.toEqual(values.slice(2, 4));
  });
});

describe('names', () => {
  it('are those of the exporter, for modules and for what repeats', () => {
    const { bytes } = make([2, 8, 8], (net, x) => {
      const wide = conv(net, x, 'layer1.0.conv1', { outputs: 3, kernel: 3, bias: false });
      return activate(net, activate(net, wide, 'layer1.0', 'relu'), 'layer1.0', 'relu');
    });
    const { node, initializer } = decodeModel(bytes, 'test').graph;
    expect(node.map(({ name }) => name)).toEqual([
      '/layer1/layer1.0/conv1/Conv',
      '/layer1/layer1.0/Relu',
      '/layer1/layer1.0/Relu_1',
    ]);
    expect(node.map(({ output }) => output).flat()).toEqual([
      '/layer1/layer1.0/conv1/Conv_output_0',
      '/layer1/layer1.0/Relu_output_0',
      'y',
    ]);
    expect(initializer.map(({ name, dims }) => [name, dims])).toEqual([['layer1.0.conv1.weight', [3, 2, 3, 3]]]);
  });

  it('batch normalisation has the form PyTorch exports in train mode', () => {
    const { bytes } = make([4], (net, x) => batchNorm(net, x, 'backbone.1'));
    const [node] = decodeModel(bytes, 'test').graph.node;
    expect(node).toMatchObject({
      name: '/backbone/backbone.1/BatchNormalization',
      input: ['x', 'weight', 'bias', 'running_mean', 'running_var'].map((n, i) => (i === 0 ? n : `backbone.1.${n}`)),
      output: ['y', ...[1, 2].map((i) => `/backbone/backbone.1/BatchNormalization_output_${i}`)],
    });
    const settings = Object.fromEntries(node!.attribute.map((a) => [a.name, a.i ?? a.f]));
    expect(settings).toEqual({ epsilon: Math.fround(1e-5), momentum: Math.fround(0.9), training_mode: 1n });
  });

  it('a window larger than the input is refused', () => {
    expect(() => make([1, 2, 2], (net, x) => conv(net, x, 'c', { outputs: 1, kernel: 5 }))).toThrow(
      'test: input is too small: "c" needs 5 or more, gets 2',
    );
    expect(() => make([4, 6], (net, x) => selfAttention(net, x, 'a', 4))).toThrow('not divisible by its 4 heads');
  });
});
