import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { inspectModel } from '../inspect.ts';
import { decodeModel } from '../onnx/proto.ts';
import { decodeTensor } from '../onnx/tensor.ts';
import type { OptionValue } from './architecture.ts';
import { ZOO, zooModel } from './zoo.ts';

/** Outputs of `bytes` for a fixed batch of rows of shape `dims`. */
async function forward(bytes: Uint8Array, rows: number, dims: readonly number[]): Promise<ort.Tensor> {
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });
  const x = Float32Array.from({ length: dims.reduce((n, d) => n * d, rows) }, (_, i) => Math.sin(1.7 * i));
  const { y } = await session.run({ x: new ort.Tensor('float32', x, [rows, ...dims]) });
  await session.release();
  return y!;
}

/** Initial values by name. */
function parametersOf(bytes: Uint8Array): Map<string, Float32Array> {
  const { initializer } = decodeModel(bytes, 'zoo').graph;
  return new Map(initializer.map((proto) => [proto.name!, decodeTensor(proto, 'zoo').data as Float32Array]));
}

function deviation(values: Float32Array): number {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  return Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length);
}

interface Expected {
  readonly name: string;
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly dims: readonly number[];
  readonly outputs: readonly number[];
  /** Trainable parameters, as PyTorch counts them for the same architecture. */
  readonly count: number;
}

// counts: arithmetic for the dense ones, McMahan et al. for the cnn, torchvision's and Pytorch-UNet's published ones
const MODELS: readonly Expected[] = [
  { name: 'logistic_regression', options: { inputs: 30 }, dims: [30], outputs: [1], count: 31 },
  { name: 'cox_regression', options: { inputs: 30 }, dims: [30], outputs: [1], count: 30 },
  { name: 'mlp', options: { inputs: 30, hidden: [64, 32], outputs: 2 }, dims: [30], outputs: [2], count: 4130 },
  { name: 'cnn', options: {}, dims: [1, 28, 28], outputs: [10], count: 1_663_370 },
  { name: 'resnet18', options: { size: 64 }, dims: [3, 64, 64], outputs: [1000], count: 11_689_512 },
  { name: 'unet', options: { channels: 3, size: 32 }, dims: [3, 32, 32], outputs: [1, 32, 32], count: 31_037_633 },
  { name: 'ecg_resnet', options: {}, dims: [12, 4096], outputs: [6], count: 6_810_790 },
];

describe.each(MODELS)('$name', ({ name, options, dims, outputs, count }) => {
  const bytes = zooModel(name).build(options);
  const parameters = parametersOf(bytes);

  it('gives the right shape for a batch of 1 and of 5', async () => {
    for (const rows of [1, 5]) {
      const y = await forward(bytes, rows, dims);
      expect(y.dims).toEqual([rows, ...outputs]);
      expect((y.data as Float32Array).every(Number.isFinite)).toBe(true);
    }
  });

  it('declares input, output and opset as an exported model does', () => {
    const seen = inspectModel(bytes, name);
    expect(seen).toMatchObject({ opset: 17, producer: 'konsil' });
    expect(seen.inputs).toEqual([{ name: 'x', dtype: 'float32', dims: ['batch', ...dims] }]);
    expect(seen.outputs).toEqual([{ name: 'y', dtype: 'float32', dims: ['batch', ...outputs] }]);
  });

  it('has as many parameters as in PyTorch', () => {
    const trained = [...parameters].filter(([key]) => !key.includes('running_'));
    expect(trained.reduce((n, [, values]) => n + values.length, 0)).toBe(count);
  });

  it('starts from the same weights for equal seeds only', () => {
    const small = name === 'unet' ? { size: 16, width: 4 } : options;
    const drawn = (seed: number): Buffer => Buffer.from(zooModel(name).build({ ...small, seed }));
    expect(drawn(7).equals(drawn(7))).toBe(true);
    expect(drawn(7).equals(drawn(8))).toBe(false);
  });
});

describe('initial weights', () => {
  const parameters = parametersOf(zooModel('resnet18').build({ size: 32 }));
  const values = (name: string): Float32Array => parameters.get(name)!;

  it('are kaiming normal over outputs in the convolutions of a ResNet', () => {
    // relative error of the deviation of n normal draws: 1/√(2n)
    expect(deviation(values('layer1.0.conv1.weight'))).toBeCloseTo(Math.sqrt(2 / (64 * 9)), 2);
    expect(deviation(values('layer4.1.conv2.weight')) / Math.sqrt(2 / (512 * 9))).toBeCloseTo(1, 2);
    expect(deviation(values('layer2.0.downsample.0.weight')) / Math.sqrt(2 / 128)).toBeCloseTo(1, 1);
  });

  it('are uniform in ±1/√fan_in in dense layers, and 1 and 0 in normalisations', () => {
    const largest = values('fc.weight').reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    expect(largest).toBeLessThanOrEqual(Math.fround(1 / Math.sqrt(512)));
    expect(deviation(values('fc.weight')) * Math.sqrt(3 * 512)).toBeCloseTo(1, 2);
    expect(new Set(values('bn1.weight'))).toEqual(new Set([1]));
    expect(new Set(values('bn1.running_var'))).toEqual(new Set([1]));
    expect(new Set([...values('bn1.bias'), ...values('bn1.running_mean')])).toEqual(new Set([0]));
  });

  it('take the fan of a transposed convolution from its outputs, as PyTorch does', () => {
    const up = parametersOf(zooModel('unet').build({ size: 16, width: 16 })).get('up1.up.weight')!;
    const bound = 1 / Math.sqrt(128 * 4);
    expect(up.reduce((m, v) => Math.max(m, Math.abs(v)), 0) / bound).toBeCloseTo(1, 2);
  });
});

describe('options', () => {
  it.each([
    ['mlp', { inputs: 0 }, /^mlp: inputs is 0, expected an integer in \[1, 65536\]$/],
    ['mlp', { inputs: 3, hidden: [2, 1.5] }, /hidden is \[2,1\.5\], expected a list of integers in \[1, 65536\]/],
    ['mlp', { inputs: 3, activation: 'swish' }, /activation is "swish", expected one of relu, tanh/],
    ['logistic_regression', {}, /inputs is missing, expected an integer/],
    ['cox_regression', { inputs: 3, outputs: 2 }, /no option "outputs"; there are inputs, seed/],
    ['cnn', { size: 30 }, /size is 30, expected a multiple of 4/],
    ['resnet18', { size: 16, channels: 0 }, /channels is 0.*; size is 16, expected an integer in \[32, 4096\]/],
    ['resnet18', { seed: -1 }, /seed is -1/],
    ['unet', { size: 100 }, /size is 100, expected a multiple of 16: it is halved 4 times/],
    ['unet', { size: 256, width: 1024, depth: 8 }, /brings the model to \d+ parameters, expected at most 268435456/],
    ['ecg_resnet', { length: 1000 }, /length is 1000, expected a multiple of 256/],
    ['ecg_resnet', { kernel: 16 }, /kernel is 16, expected an odd number/],
    ['ecg_resnet', { widths: [64] }, /widths has 1 entries/],
    ['ecg_resnet', { dropout: 1 }, /dropout is 1, expected a number in \[0, 1\)/],
    ['resnet19', {}, /no built-in model "resnet19"; there are .*resnet18/],
  ])('of %s are refused when wrong: %j', (name, options, message) => {
    expect(() => zooModel(name).build(options)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringMatching(message) }) as Error,
    );
  });

  it('have a default that is allowed, and a meaning', () => {
    for (const { name, options, title, source } of ZOO) {
      expect(title.length * source.length, name).toBeGreaterThan(0);
      for (const spec of Object.values(options)) expect(spec.doc).not.toBe('');
    }
  });
});
