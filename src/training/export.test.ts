/**
 * Exported files, run in plain onnxruntime, against the network by hand.
 * @module
 */
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { readFixture } from '../../test/fixtures/training/fixtures.ts';
import { modelOf } from '../../test/fixtures/training/models.ts';
import { compile } from './compile.ts';
import { exportModel, writeParameters } from './export.ts';
import { decodeModel } from './onnx/proto.ts';
import { floatScalar, floatTensor, tensorFrom } from './onnx/tensor.ts';
import { builtinMlp } from './zoo/tabular.ts';

const model = builtinMlp({ inputs: 3, hidden: [4], outputs: 2, activation: 'tanh', seed: 1 });
const program = compile(model, {
  source: 'm',
  loss: 'cross_entropy',
  optimiser: { kind: 'sgd', learningRate: 1 },
  batchSize: 2,
});
const parameters = Float32Array.from(program.initial, (_, i) => Math.sin(i));
const mean = Float32Array.of(1, -2, 0.5);
const scale = Float32Array.of(2, 0.5, 4);
const raw = Float32Array.of(1.5, Number.NaN, 7, Number.NaN, -2.25, 0.5, 3, -1, Number.NaN);
const options = { source: 'm.onnx', head: 'none', metadata: {} } as const;

async function run(
  bytes: Uint8Array,
  input: string,
  x: Float32Array,
  width: number,
): Promise<Record<string, number[]>> {
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });
  const out = await session.run({ [input]: new ort.Tensor('float32', x, [x.length / width, width]) });
  await session.release();
  return Object.fromEntries(Object.entries(out).map(([name, t]) => [name, Array.from(t.data as Float32Array)]));
}

/** The network by hand: 3 → tanh 4 → 2, in float64. */
function forward(x: readonly number[]): number[] {
  const layer = (from: readonly number[], at: number, width: number): number[] =>
    Array.from({ length: width }, (_, o) =>
      from.reduce(
        (sum, v, i) => sum + v * parameters[at + o * from.length + i]!,
        parameters[at + width * from.length + o]!,
      ),
    );
  return layer(layer(x, 0, 4).map(Math.tanh), 16, 2);
}

function standardised(row: number): number[] {
  return [0, 1, 2].map((i) => {
    const value = raw[3 * row + i]!;
    return ((Number.isNaN(value) ? mean[i]! : value) - mean[i]!) / scale[i]!;
  });
}

function expectClose(got: readonly number[], expected: readonly number[]): void {
  expect(got.length).toBe(expected.length);
  // values below 8, tens of float32 roundings
  for (const [i, v] of expected.entries()) expect(Math.abs(got[i]! - v)).toBeLessThan(1e-5);
}

describe('exportModel', () => {
  it('takes raw features with gaps and gives logits and probabilities', async () => {
    const bytes = exportModel(model, program.layout, parameters, {
      ...options,
      preprocess: { mean, scale },
      head: 'softmax',
      metadata: { run: 'r1' },
    });
    const got = await run(bytes, 'x', raw, 3);
    const logits = [0, 1, 2].map((row) => forward(standardised(row)));
    expectClose(got['y']!, logits.flat());
    expectClose(
      got['probabilities']!,
      logits.flatMap(([a, b]) => [1 / (1 + Math.exp(b! - a!)), 1 / (1 + Math.exp(a! - b!))]),
    );
    expect(decodeModel(bytes, 'm').metadataProps.map(({ key, value }) => [key, value])).toEqual([['run', 'r1']]);
  });

  it('renames the input, with and without preprocessing, and has a sigmoid head', async () => {
    const plain = exportModel(model, program.layout, parameters, {
      ...options,
      inputName: 'features',
      head: 'sigmoid',
    });
    const x = Float32Array.of(1, 2, 3);
    const logits = forward([1, 2, 3]);
    const got = await run(plain, 'features', x, 3);
    expectClose(got['y']!, logits);
    expectClose(
      got['probabilities']!,
      logits.map((z) => 1 / (1 + Math.exp(-z))),
    );
    const front = exportModel(model, program.layout, parameters, {
      ...options,
      inputName: 'features',
      preprocess: { mean, scale },
    });
    expectClose(
      (await run(front, 'features', raw, 3))['y']!,
      [0, 1, 2].flatMap((row) => forward(standardised(row))),
    );
  });

  it('frees a fixed batch axis and replaces metadata of the same key', async () => {
    const fixed = new Uint8Array(readFixture('logreg', 'model.onnx'));
    const { layout, initial } = compile(fixed, {
      source: 'm',
      loss: 'cross_entropy',
      optimiser: { kind: 'sgd', learningRate: 1 },
      batchSize: 2,
    });
    const once = exportModel(fixed, layout, initial, { ...options, metadata: { a: '1', b: '2' } });
    const twice = exportModel(once, layout, initial, { ...options, metadata: { a: '3' } });
    expect(decodeModel(twice, 'm').metadataProps.map(({ key, value }) => `${key}=${value}`)).toEqual(['b=2', 'a=3']);
    expect((await run(twice, 'x', new Float32Array(5 * 30), 30))['y']).toHaveLength(10);
  });

  it('switches Dropout off', async () => {
    const noisy = modelOf(
      [
        ['Dropout', ['x', 'r', 't'], 'd'],
        ['Gemm', ['d', 'w'], 'y'],
      ],
      { r: floatScalar(0.5), t: tensorFrom('bool', [], [1]), w: floatTensor([3, 1], Float32Array.of(1, 1, 1)) },
      ['n', 3],
      ['n', 1],
    );
    const { layout, initial } = compile(noisy, {
      source: 'm',
      loss: 'mse',
      optimiser: { kind: 'sgd', learningRate: 1 },
      batchSize: 2,
    });
    const bytes = exportModel(noisy, layout, initial, options);
    expect((await run(bytes, 'x', Float32Array.of(1, 2, 3), 3))['y']).toEqual([6]);
  });

  it('normalises by running statistics, not by those of the batch', async () => {
    const one = (name: string, value: number): [string, ReturnType<typeof floatTensor>] => [
      `bn.${name}`,
      floatTensor([3], Float32Array.of(value, value, value)),
    ];
    const weights = Object.fromEntries([
      one('weight', 2),
      one('bias', 1),
      one('running_mean', 0),
      one('running_var', 1),
    ]);
    const trained = modelOf(
      [
        [
          'BatchNormalization',
          ['x', ...Object.keys(weights)],
          'b',
          { training_mode: { int: 1 }, epsilon: { float: 0 } },
        ],
        ['Gemm', ['b', 'w'], 'y'],
      ],
      { ...weights, w: floatTensor([3, 1], Float32Array.of(1, 1, 1)) },
      ['n', 3],
      ['n', 1],
    );
    const { layout, initial } = compile(trained, {
      source: 'm',
      loss: 'mse',
      optimiser: { kind: 'sgd', learningRate: 1 },
      batchSize: 2,
    });
    const after = initial.slice();
    const mean = layout.entries.find(({ name }) => name === 'bn.running_mean')!;
    after.set([1, 2, 3], mean.offset);
    const bytes = exportModel(trained, layout, after, options);
    // 2(x - mean) + 1, summed; the same for a row alone and in company
    expect((await run(bytes, 'x', Float32Array.of(1, 2, 4), 3))['y']).toEqual([5]);
    expect((await run(bytes, 'x', Float32Array.of(1, 2, 4, 9, 9, 9), 3))['y']).toEqual([5, 45]);
  });

  it('refuses preprocessing and parameters that do not fit', () => {
    const short = { mean: mean.subarray(1), scale };
    expect(() => exportModel(model, program.layout, parameters, { ...options, preprocess: short })).toThrow(
      'model expects 3 features on input "x", preprocessing has 2 means and 3 scales',
    );
    const zero = { mean, scale: Float32Array.of(1, 0, 1) };
    expect(() => exportModel(model, program.layout, parameters, { ...options, preprocess: zero })).toThrow(
      'scales other than 0',
    );
    expect(() => exportModel(model, program.layout, parameters.subarray(1), options)).toThrow(
      'parameter vector has 25 values, the model has 26',
    );
  });
});

describe('writeParameters', () => {
  it('changes the weights and nothing else', () => {
    const changed = writeParameters(model, program.layout, parameters, 'm.onnx');
    const again = compile(changed, {
      source: 'm',
      loss: 'cross_entropy',
      optimiser: { kind: 'sgd', learningRate: 1 },
      batchSize: 2,
    });
    expect(again.initial).toEqual(parameters);
    expect(writeParameters(changed, program.layout, program.initial, 'm.onnx')).toEqual(model);
  });

  it('refuses the parameters of another model', () => {
    const other = builtinMlp({ inputs: 3, hidden: [], outputs: 2, activation: 'tanh', seed: 1 });
    expect(() => writeParameters(other, program.layout, parameters, 'o.onnx')).toThrow(
      'o.onnx: "layers.0.weight" has shape [2, 3], the parameters have [4, 3]',
    );
  });
});
