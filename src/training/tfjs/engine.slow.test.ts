/**
 * The TensorFlow.js engine through the trainer, against the ONNX engine where both can train the same network.
 * @module
 */
import { afterEach, describe, expect, it } from 'vitest';
import {
  convNet,
  layer,
  mlpAsTfjs,
  mlpVector,
  packed,
  sequential,
  stripes,
  weights,
} from '../../../test/fixtures/training/tfjsModels.ts';
import { adam, closeTrainers, openTrainer, xorData } from '../../../test/fixtures/training/trainers.ts';

import type { ClipSpec } from '../optim/clip.ts';
import type { OptimiserSpec } from '../optim/spec.ts';
import type { Trainer, TrainerOptions } from '../runtime/trainer.ts';
import { builtinMlp, type MlpSpec } from '../zoo/tabular.ts';
import { TfjsEngine } from './engine.ts';
import { tf } from './tf.ts';

type Settings = Partial<Omit<TrainerOptions, 'model'>>;

const engines: TfjsEngine[] = [];
afterEach(async () => {
  await closeTrainers();
  for (const engine of engines.splice(0)) await engine.close();
});

/** An engine in this thread, which is there sooner than a trainer. */
async function openEngine(options: Settings & { readonly model: Uint8Array }): Promise<TfjsEngine> {
  const { model, backends: _all, device: _any, threads: _one, ...rest } = options;
  const base = { source: 'model.json', loss: 'cross_entropy', optimiser: adam, batchSize: 32 } as const;
  engines.push(await TfjsEngine.open(model, { ...base, ...rest }, ['cpu']));
  return engines.at(-1)!;
}

const never = (): void => undefined;

const spec: MlpSpec = { inputs: 2, hidden: [8], outputs: 3, activation: 'tanh', seed: 1 };

/** The same network in both engines. */
async function pair(
  mlp: MlpSpec,
  options: Settings,
  head: 'linear' | 'softmax' | 'sigmoid' = 'linear',
): Promise<{ onnx: Trainer; tfjs: TfjsEngine }> {
  const onnx = await openTrainer({ model: builtinMlp(mlp), ...options });
  const model = packed(mlpAsTfjs(mlp, onnx.program.initial, head));
  return { onnx, tfjs: await openEngine({ model, ...options }) };
}

function worst(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

function dataFor(loss: string, outputs: number): { x: Float32Array; y: Int32Array | Float32Array; rows: number } {
  const { x, y, rows } = xorData(37, 5);
  if (loss === 'cross_entropy') return { x, y, rows };
  const targets = Float32Array.from({ length: rows * outputs }, (_, i) => y[Math.floor(i / outputs)]!);
  return { x, y: targets, rows };
}

describe('both engines on the same network', () => {
  it.each([
    ['cross_entropy', 'softmax'],
    ['bce_with_logits', 'sigmoid'],
    ['mse', 'linear'],
  ] as const)('have the same loss, gradient and outputs for %s, which takes the %s off', async (loss, head) => {
    const { onnx, tfjs } = await pair(spec, { loss, batchSize: 16 }, head);
    const data = dataFor(loss, spec.outputs);
    const [a, b] = [
      { ...data, parameters: onnx.program.initial },
      { ...data, parameters: tfjs.program.initial },
    ];
    const [expected, got] = [await onnx.gradient(a), await tfjs.gradient(b, never)];
    expect(Math.max(...expected.gradient)).toBeGreaterThan(0.01);
    // sums of at most 37 rows of values near 1, rounded to float32 in another order
    expect(worst(mlpVector(spec, expected.gradient), got.gradient)).toBeLessThan(37 * 2 ** -24);
    expect(Math.abs(expected.loss - got.loss)).toBeLessThan(37 * 2 ** -24);
    expect(Math.abs((await onnx.loss(a)) - (await tfjs.loss(b, never)))).toBeLessThan(37 * 2 ** -24);
    expect(worst(await onnx.predict(a), await tfjs.predict(b, never))).toBeLessThan(1e-6);
  });

  it.each<[string, OptimiserSpec, ClipSpec]>([
    ['SGD', { kind: 'sgd', learningRate: 0.1 }, {}],
    ['SGD with momentum and decay', { kind: 'sgd', learningRate: 0.1, momentum: 0.9, weightDecay: 0.01 }, {}],
    ['Adam', { kind: 'adam', learningRate: 0.01 }, {}],
    ['Adam with decay and other betas', { kind: 'adam', learningRate: 0.01, weightDecay: 0.1, beta1: 0.8 }, {}],
    ['AdamW', { kind: 'adamw', learningRate: 0.01, weightDecay: 0.1 }, {}],
    ['SGD with each value clipped', { kind: 'sgd', learningRate: 0.5 }, { value: 0.01 }],
    ['SGD with the norm clipped', { kind: 'sgd', learningRate: 0.5 }, { norm: 0.05 }],
    ['Adam with both clipped', { kind: 'adam', learningRate: 0.01 }, { value: 0.02, norm: 0.05 }],
  ])('take the same 20 steps by %s', async (_, optimiser, clip) => {
    const { onnx, tfjs } = await pair(spec, { optimiser, clip, batchSize: 16 }, 'softmax');
    const call = { ...dataFor('cross_entropy', 3), budget: { steps: 20 }, seed: 3 };
    const a = await onnx.train({ ...call, parameters: onnx.program.initial });
    const b = await tfjs.train({ ...call, parameters: tfjs.program.initial }, never);
    expect(b).toMatchObject({ steps: a.steps, samples: a.samples });
    expect(worst(onnx.program.initial, a.parameters)).toBeGreaterThan(0.01);
    // Adam divides by the size of the gradient, so a rounding of 1e-7 in a gradient of 1e-4 is one of 1e-3 of a step
    expect(worst(mlpVector(spec, a.parameters), b.parameters)).toBeLessThan(optimiser.kind === 'sgd' ? 2e-6 : 2e-5);
    expect(Math.abs(a.meanLoss - b.meanLoss)).toBeLessThan(1e-5);
  });
});

describe('both engines in a federated round', () => {
  it('pull towards the anchor, add the correction after clipping, follow the schedule', async () => {
    const optimiser: OptimiserSpec = { kind: 'sgd', learningRate: 0.2 };
    const hooks = { proximal: { mu: 0.5 }, controlVariates: true, clip: { norm: 0.1 } };
    const { onnx, tfjs } = await pair(spec, { optimiser, ...hooks, batchSize: 16 });
    const schedule = { kind: 'cosine', totalSteps: 12, warmupSteps: 3 } as const;
    const call = { ...dataFor('cross_entropy', 3), budget: { steps: 10 }, seed: 3, schedule, firstStep: 1 };
    const { initial } = onnx.program;
    const [anchor, correction] = [initial.map((value) => value / 2), initial.map((value) => value / 20)];
    const a = await onnx.train({ ...call, parameters: initial, anchor, correction });
    const b = await tfjs.train(
      {
        ...{ ...call, parameters: tfjs.program.initial },
        ...{ anchor: mlpVector(spec, anchor), correction: mlpVector(spec, correction) },
      },
      never,
    );
    expect(worst(mlpVector(spec, a.parameters), b.parameters)).toBeLessThan(2e-6);
    expect(b.rateSum).toBeCloseTo(a.rateSum, 12);
    // each of the three changes the result
    const plain = await tfjs.train({ ...call, parameters: tfjs.program.initial }, never);
    expect(worst(plain.parameters, b.parameters)).toBeGreaterThan(1e-3);
  });

  it.each<[string, Settings]>([
    ['accumulate', { accumulate: 2 }],
    ['lora', { lora: { rank: 1, alpha: 1, targets: ['*'] } }],
    ['batchNorm', { batchNorm: 'frozen' }],
    ['classWeights of loss "cross_entropy"', { loss: { kind: 'cross_entropy', classWeights: [1, 2, 3] } }],
    ['optimiser "rmsprop"', { optimiser: { kind: 'rmsprop', learningRate: 0.1 } }],
    ['amsgrad of adam', { optimiser: { kind: 'adam', learningRate: 0.1, amsgrad: true } }],
    ['nesterov or dampening', { optimiser: { kind: 'sgd', learningRate: 0.1, momentum: 0.5, nesterov: true } }],
  ])('refuses %s, which only the ONNX engine has', async (what, options) => {
    await expect(openEngine({ model: packed(convNet), ...options })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(what),
    });
  });
});

describe('a network with convolution, BatchNormalization and Dropout', () => {
  const options = { model: packed(convNet), source: 'conv/model.json', batchSize: 8, backends: ['cpu'] };

  it('learns, and its running statistics move and come back in the vector', async () => {
    const engine = await openEngine(options);
    const { layout, initial } = engine.program;
    expect(layout.entries.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      'conv/kernel trainable',
      'conv/bias trainable',
      'norm/gamma trainable',
      'norm/beta trainable',
      'out/kernel trainable',
      'out/bias trainable',
      'norm/moving_mean buffer',
      'norm/moving_variance buffer',
    ]);
    const data = stripes(45, 1);
    const before = await engine.loss({ ...data, parameters: initial }, never);
    const trained = await engine.train({ ...data, parameters: initial, budget: { epochs: 12 }, seed: 4 }, never);
    expect(await engine.loss({ ...data, parameters: trained.parameters }, never)).toBeLessThan(before / 2);
    for (const { name, offset, count, kind } of layout.entries.filter((entry) => entry.kind === 'buffer')) {
      const [old, now] = [initial, trained.parameters].map((vector) => vector.subarray(offset, offset + count));
      expect(now, `${name} ${kind}`).not.toEqual(old);
    }
    const held = await engine.gradient({ ...data, parameters: trained.parameters }, never);
    expect(held.gradient.slice(-4)).toEqual(new Float32Array(4));
  });

  it('gives equal bits for equal seeds, in one thread and another, and other bits for another seed', async () => {
    const [trainer, other] = [await openTrainer(options), await openTrainer(options)];
    const call = { ...stripes(20, 1), parameters: trainer.program.initial, budget: { steps: 6 }, seed: 4 };
    const first = await trainer.train(call);
    expect(await trainer.train(call)).toEqual(first);
    expect(await other.train(call)).toEqual(first);
    expect(other.program.hash).toBe(trainer.program.hash);
    expect((await trainer.train({ ...call, seed: 5 })).parameters).not.toEqual(first.parameters);
  });

  it('draws Dropout only in training or from a seed', async () => {
    const engine = await openEngine(options);
    const request = { ...stripes(20, 1), parameters: engine.program.initial };
    expect(await engine.gradient(request, never)).toEqual(await engine.gradient(request, never));
    const seeded = await engine.gradient({ ...request, seed: 1 }, never);
    expect(seeded).toEqual(await engine.gradient({ ...request, seed: 1 }, never));
    expect(seeded.gradient).not.toEqual((await engine.gradient(request, never)).gradient);
    expect(await engine.predict(request, never)).toEqual(await engine.predict(request, never));
  });

  it('leaves frozen weights out of the vector, and the statistics of a frozen layer as they are', async () => {
    const trainer = await openTrainer({ ...options, freeze: ['norm/*', 'conv/bias'] });
    expect(trainer.program.layout.entries.map(({ name }) => name)).toEqual(['conv/kernel', 'out/kernel', 'out/bias']);
    const data = stripes(20, 1);
    const whole = { ...data, parameters: trainer.program.initial };
    const [a, b] = [await trainer.loss(whole), await trainer.gradient(whole)];
    // in training too the layer uses its stored statistics
    expect(Math.abs(a - b.loss)).toBeLessThan(1e-6);
    await trainer.train({ ...whole, budget: { steps: 5 }, seed: 1 });
    expect(await trainer.loss(whole)).toBe(a);
    await expect(openTrainer({ ...options, freeze: ['*'] })).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
  });
});

it('leaves no tensor behind', async () => {
  const engine = await openEngine({ model: packed(convNet) });
  const before = tf.memory().numTensors;
  const request = { ...stripes(40, 1), parameters: engine.program.initial };
  await engine.train({ ...request, budget: { steps: 3 }, seed: 1 }, never);
  await engine.gradient(request, never);
  await engine.loss(request, never);
  await engine.predict(request, never);
  const stop = (done: number): void => {
    if (done > 1) throw new Error('stop');
  };
  await expect(engine.train({ ...request, budget: { steps: 3 }, seed: 1 }, stop)).rejects.toThrow('stop');
  expect(tf.memory().numTensors).toBe(before);
});

describe('the end of a model', () => {
  const end = (...layers: object[]): Uint8Array =>
    packed({
      topology: sequential(
        layer('Dense', 'first', { units: 3, activation: 'tanh', batch_input_shape: [null, 2] }),
        ...layers,
      ),
      weights: weights(1, { 'first/kernel': [2, 3], 'first/bias': [3] }),
    });
  const request = { x: Float32Array.of(1, 2), rows: 1 };

  it.each([
    ['an Activation', layer('Activation', 'end', { activation: 'softmax' })],
    ['a Softmax layer', layer('Softmax', 'end', { axis: -1 })],
    ['a model inside', sequential(layer('Activation', 'end', { activation: 'softmax', batch_input_shape: [null, 3] }))],
  ])('is trained as logits when it is %s', async (_, last) => {
    const inner = JSON.parse(JSON.stringify(last).replace('"net"', '"inner"')) as object;
    const [plain, headed] = [await openEngine({ model: end() }), await openEngine({ model: end(inner) })];
    const call = { ...request, parameters: plain.program.initial };
    expect(await headed.predict(call, never)).toEqual(await plain.predict(call, never));
  });

  it('stays for a loss on values, and is refused when it fits no loss', async () => {
    const sigmoid = end(layer('Activation', 'end', { activation: 'sigmoid' }));
    const options = { model: sigmoid, source: 'm.json' };
    const engine = await openEngine({ ...options, loss: 'mse' });
    const outputs = await engine.predict({ ...request, parameters: engine.program.initial }, never);
    expect(outputs.every((value) => value > 0 && value < 1)).toBe(true);
    await expect(openEngine({ ...options, loss: 'cross_entropy' })).rejects.toMatchObject({
      code: 'MODEL_MISMATCH',
      message: 'm.json: model ends in sigmoid, loss cross_entropy expects logits or softmax',
    });
  });
});

describe('the trainer with a TensorFlow.js model', () => {
  const model = packed(convNet);

  it('stops within a step when it is cancelled, and works on', async () => {
    const trainer = await openTrainer({ model, batchSize: 8, source: 'm' });
    const cancel = new AbortController();
    const call = { ...stripes(45, 1), parameters: trainer.program.initial, seed: 1 };
    let steps = 0;
    const running = trainer.train({
      ...{ ...call, budget: { steps: 100_000 }, signal: cancel.signal },
      onProgress: (done) => {
        steps = done;
        cancel.abort();
      },
    });
    const error = await running.catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'CANCELLED' });
    const stopped = Number(/after (\d+) of/.exec((error as Error).message)![1]);
    // progress travels to this thread and the cancel flag back while steps of some milliseconds go on
    expect(stopped - steps).toBeLessThan(50);
    expect((await trainer.train({ ...call, budget: { steps: 1 } })).steps).toBe(1);
  });

  it('says at which step it diverged', async () => {
    const engine = await openEngine({
      model,
      batchSize: 8,
      optimiser: { kind: 'sgd', learningRate: 1e30 },
      source: 'm',
    });
    const call = { ...stripes(45, 1), parameters: engine.program.initial, budget: { steps: 20 }, seed: 1 };
    await expect(engine.train(call, never)).rejects.toMatchObject({
      code: 'TRAINING_DIVERGED',
      message: expect.stringMatching(/(at|after) step \d/),
    });
    const x = call.x.slice();
    x[50] = Number.NaN;
    await expect(engine.train({ ...call, x, budget: { epochs: 1 }, learningRate: 0 }, never)).rejects.toMatchObject({
      code: 'TRAINING_DIVERGED',
    });
  });

  it('names what does not fit', async () => {
    const open = (options: Settings): Promise<TfjsEngine> => openEngine({ model, ...options });
    await expect(open({ loss: 'dice' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('loss "dice" is not available for TensorFlow.js models'),
    });
    await expect(open({ batchSize: 0 })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(open({ clip: { norm: -1 } })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(open({ optimiser: { kind: 'sgd', learningRate: -1 } })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
    await expect(openTrainer({ model, backends: ['abacus'] })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('backend "abacus", expected tfjs-node-gpu'),
    });
    const engine = await open({});
    const request = { ...stripes(3, 1), parameters: engine.program.initial };
    await expect(engine.predict({ ...request, x: new Float32Array(9) }, never)).rejects.toMatchObject({
      code: 'MODEL_MISMATCH',
      message: 'model expects [batch, 6, 6, 1] on input "conv_input", data has 3 features',
    });
    await expect(engine.loss({ ...request, parameters: new Float32Array(3) }, never)).rejects.toMatchObject({
      code: 'MODEL_MISMATCH',
    });
    await expect(engine.loss({ ...request, y: Int32Array.of(0, 1, 3) }, never)).rejects.toMatchObject({
      code: 'DATA_INVALID',
    });
  });

  it('says which backends are not to be had and why', async () => {
    const trainer = await openTrainer({ model, source: 'm', backends: ['webgpu', 'cpu'] });
    const { engine, device, fallbacks } = trainer.program;
    expect({ engine, device }).toEqual({ engine: 'tfjs', device: 'cpu' });
    expect(fallbacks).toEqual([{ device: 'webgpu', reason: expect.any(String) }]);
    const onnx = await openTrainer();
    expect(onnx.program).toMatchObject({ engine: 'onnx', device: 'cpu', fallbacks: [] });
  });
});
