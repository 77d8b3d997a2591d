/**
 * The trainer from outside: learning, budgets, padding, cancelling, failing.
 * @module
 */
import { afterEach, describe, expect, it } from 'vitest';
import { readFixture } from '../../../test/fixtures/training/fixtures.ts';
import { modelOf } from '../../../test/fixtures/training/models.ts';
import { adam, closeTrainers, mlp as model, openTrainer, xorData } from '../../../test/fixtures/training/trainers.ts';
import { isKonsilError } from '../../base/index.ts';
import { floatTensor } from '../onnx/tensor.ts';
import type { OptimiserSpec } from '../optim/optimisers.ts';
import { builtinMlp } from '../zoo/tabular.ts';
import { Trainer } from './trainer.ts';

afterEach(closeTrainers);

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'none';
  } catch (error) {
    return isKonsilError(error) ? error.code : String(error);
  }
}

describe('Trainer', () => {
  it('learns a nonlinear problem, the same to the last bit each time', async () => {
    const trainer = await openTrainer();
    const data = xorData(300, 5);
    const parameters = trainer.program.initial;
    const call = { ...data, parameters, budget: { epochs: 30 }, seed: 3 };
    const trained = await trainer.train(call);
    const before = await trainer.loss({ ...data, parameters });
    const after = await trainer.loss({ ...data, parameters: trained.parameters });
    expect(trained).toMatchObject({ steps: 300, samples: 9000 });
    expect(before).toBeGreaterThan(0.6);
    expect(after).toBeLessThan(0.15);
    expect(await trainer.train(call)).toEqual(trained);
    expect(await (await openTrainer()).train(call)).toEqual(trained);
    expect((await trainer.train({ ...call, seed: 4 })).parameters).not.toEqual(trained.parameters);
  });

  it('goes on through epochs for a step budget', async () => {
    const trainer = await openTrainer();
    const call = { ...xorData(70, 5), parameters: trainer.program.initial, seed: 3 };
    const [steps, epochs] = [
      await trainer.train({ ...call, budget: { steps: 6 } }),
      await trainer.train({ ...call, budget: { epochs: 2 } }),
    ];
    // 70 rows are batches of 32, 32 and 6
    expect(steps).toEqual(epochs);
    expect(steps).toMatchObject({ steps: 6, samples: 140 });
    expect(await trainer.train({ ...call, budget: { steps: 4 } })).toMatchObject({ steps: 4, samples: 102 });
  });

  it('weighs a short batch as PyTorch does: padding changes nothing', async () => {
    const data = xorData(37, 6);
    const [padded, exact] = [await openTrainer({ batchSize: 64 }), await openTrainer({ batchSize: 37 })];
    const request = { ...data, parameters: exact.program.initial };
    const [a, b] = [await padded.gradient(request), await exact.gradient(request)];
    const split = await (await openTrainer({ batchSize: 10 })).gradient(request);
    // sums of 37 terms below 1 in another order: 37 roundings of 2^-24
    for (const other of [a, split]) {
      expect(Math.abs(other.loss - b.loss)).toBeLessThan(37 * 2 ** -24);
      const worst = other.gradient.reduce((w, g, i) => Math.max(w, Math.abs(g - b.gradient[i]!)), 0);
      expect(worst).toBeLessThan(37 * 2 ** -24);
    }
    expect(Math.max(...b.gradient)).toBeGreaterThan(0.01);
    const outputs = await padded.predict(request);
    expect(outputs).toHaveLength(74);
    const whole = await exact.predict(request);
    for (const [i, v] of whole.entries()) expect(Math.abs(outputs[i]! - v)).toBeLessThan(1e-6);
  });

  it('pads with rows of the data, since zeros may be outside what a model can take', async () => {
    const log = modelOf(
      [
        ['Log', ['x'], 'l'],
        ['MatMul', ['l', 'w'], 'y'],
      ],
      { w: floatTensor([2, 1], Float32Array.of(0.5, -0.5)) },
      ['n', 2],
      ['n', 1],
    );
    const trainer = await openTrainer({ model: log, loss: 'mse', batchSize: 8 });
    const request = {
      parameters: trainer.program.initial,
      x: Float32Array.of(1, 2, 3, 4),
      y: new Float32Array(2),
      rows: 2,
    };
    const { gradient } = await trainer.gradient(request);
    expect(Array.from(gradient).every(Number.isFinite)).toBe(true);
    expect(await trainer.train({ ...request, budget: { steps: 3 }, seed: 1 })).toMatchObject({ steps: 3, samples: 6 });
  });

  it('reaches the accuracy of the PyTorch reference run on the whole breast cancer data', async () => {
    const bytes = readFixture('logreg', 'data.bin');
    const [x, y] = [new Float32Array(bytes, 0, 569 * 30), new BigInt64Array(bytes, 68280, 569)];
    const trainer = await openTrainer({
      model: new Uint8Array(readFixture('logreg', 'model_dyn.onnx')),
      optimiser: { kind: 'sgd', learningRate: 0.01, momentum: 0.9, weightDecay: 1e-4 },
    });
    const rows = 455;
    const train = { x: x.subarray(0, rows * 30), y: y.subarray(0, rows), rows };
    const { parameters } = await trainer.train({
      ...train,
      parameters: trainer.program.initial,
      budget: { epochs: 10 },
      seed: 1,
    });
    const logits = await trainer.predict({ parameters, x: x.subarray(rows * 30), rows: 114 });
    const hits = Array.from(
      { length: 114 },
      (_, i) => Number(logits[2 * i + 1]! > logits[2 * i]!) === Number(y[rows + i]),
    );
    // the reference (other order of rows) ends at 0.965; two rows of slack
    expect(hits.filter(Boolean).length / 114).toBeGreaterThanOrEqual(0.947);
  });

  it('stops between steps when cancelled, and can go on afterwards', async () => {
    const trainer = await openTrainer();
    const call = { ...xorData(100, 5), parameters: trainer.program.initial, seed: 3 };
    const controller = new AbortController();
    const seen: number[] = [];
    const endless = trainer.train({
      ...call,
      budget: { steps: 1e9 },
      signal: controller.signal,
      onProgress: (done, total, loss) => {
        seen.push(done);
        expect(total).toBe(1e9);
        expect(loss).toBeGreaterThan(0);
        controller.abort();
      },
    });
    expect(await codeOf(endless)).toBe('CANCELLED');
    expect(seen[0]).toBeGreaterThan(0);
    expect(await trainer.train({ ...call, budget: { steps: 2 } })).toMatchObject({ steps: 2 });
    expect(await codeOf(trainer.train({ ...call, budget: { steps: 2 }, signal: AbortSignal.abort() }))).toBe(
      'CANCELLED',
    );
    expect(
      await codeOf(
        Trainer.create({ model, source: 'm', loss: 'mse', optimiser: adam, batchSize: 1 }, AbortSignal.abort()),
      ),
    ).toBe('CANCELLED');
  });

  it('leaves the main thread free while it trains', async () => {
    const trainer = await openTrainer();
    const controller = new AbortController();
    const endless = trainer.train({
      ...xorData(100, 5),
      parameters: trainer.program.initial,
      seed: 3,
      budget: { steps: 1e9 },
      signal: controller.signal,
    });
    // only an event loop that keeps turning gets through these, and then cancels
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    controller.abort();
    expect(await codeOf(endless)).toBe('CANCELLED');
  });

  it('reports the last step', async () => {
    const trainer = await openTrainer();
    const seen: [number, number][] = [];
    const call = { ...xorData(100, 5), parameters: trainer.program.initial, seed: 3, budget: { steps: 5 } };
    await trainer.train({ ...call, onProgress: (done, total) => seen.push([done, total]) });
    expect(seen.at(-1)).toEqual([5, 5]);
  });

  it('sends a part of a large buffer as that part, and leaves it unchanged', async () => {
    const trainer = await openTrainer();
    const { x, y } = xorData(200, 5);
    const before = x.slice();
    const call = { parameters: trainer.program.initial, seed: 3, budget: { steps: 3 }, rows: 50 };
    const part = { x: x.subarray(100, 200), y: y.subarray(50, 100) };
    const trained = await trainer.train({ ...call, ...part });
    expect(await trainer.train({ ...call, x: part.x.slice(), y: part.y.slice() })).toEqual(trained);
    expect(x).toEqual(before);
  });

  it('cancels on close, and refuses calls afterwards', async () => {
    const trainer = await openTrainer();
    const call = { ...xorData(100, 5), parameters: trainer.program.initial, seed: 3, budget: { steps: 1e9 } };
    const endless = codeOf(trainer.train(call));
    await Promise.all([trainer.close(), trainer.close()]);
    expect(await endless).toBe('CANCELLED');
    expect(await codeOf(trainer.train(call))).toBe('RUN_ABORTED');
  });

  it('names the step at which training diverges', async () => {
    const trainer = await openTrainer({ optimiser: { kind: 'sgd', learningRate: 0.1 } });
    const call = { ...xorData(32, 5), parameters: trainer.program.initial, seed: 3, budget: { steps: 5 } };
    const x = call.x.slice();
    x[7] = Number.NaN;
    await expect(trainer.train({ ...call, x })).rejects.toMatchObject({
      code: 'TRAINING_DIVERGED',
      facts: { step: 1 },
    });
    await expect(trainer.train({ ...call, x })).rejects.toThrow('loss is NaN at step 1');
    const hot = { ...call, learningRate: 3e38 * 1e3 };
    await expect(trainer.train({ ...hot, budget: { steps: 1 } })).rejects.toThrow('is not finite after step 1');
    await expect(trainer.train(hot)).rejects.toThrow('loss is NaN at step 2');
  });

  it('says what the model expects when the data do not fit', async () => {
    const trainer = await openTrainer({
      model: builtinMlp({ inputs: 30, hidden: [], outputs: 2, activation: 'relu', seed: 1 }),
    });
    const { initial: parameters } = trainer.program;
    const request = { parameters, x: new Float32Array(24), y: new Int32Array(2), rows: 2 };
    await expect(trainer.loss(request)).rejects.toThrow('model expects [batch, 30] on input "x", data has 12 features');
    const x = new Float32Array(60);
    await expect(trainer.loss({ ...request, x, y: Int32Array.of(0, 2) })).rejects.toThrow(
      'the class index of row 1 is outside 0 to 1',
    );
    await expect(trainer.loss({ ...request, x, y: new Int32Array(3) })).rejects.toThrow(
      'expects 1 target per row, data has 3 in 2 rows',
    );
    await expect(trainer.loss({ ...request, x, y: new Float32Array(2) })).rejects.toThrow(
      'expects integer class indices',
    );
    await expect(trainer.loss({ ...request, x, parameters: parameters.subarray(1) })).rejects.toThrow(
      'parameter vector has 61 values, the model has 62',
    );
    expect(await codeOf(trainer.predict({ parameters, x: new Float32Array(0), rows: 0 }))).toBe('DATA_EMPTY');
  });

  it('gives the compiler its error codes across the thread', async () => {
    expect(await codeOf(openTrainer({ model: Uint8Array.of(1, 2, 3) }))).toBe('MODEL_INVALID');
  });

  it('leaves frozen weights out, by name or prefix', async () => {
    const trainer = await openTrainer({ freeze: ['layers.0.*', 'layers.2.bias'] });
    expect(trainer.program.layout.entries.map(({ name }) => name)).toEqual(['layers.2.weight']);
  });

  it('fills in the documented defaults of the optimisers', async () => {
    const data = { ...xorData(32, 5), seed: 3, budget: { steps: 3 } };
    const after = async (optimiser: OptimiserSpec): Promise<Float32Array> => {
      const trainer = await openTrainer({ optimiser });
      return (await trainer.train({ ...data, parameters: trainer.program.initial })).parameters;
    };
    const rates = { learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    expect(await after({ kind: 'adamw', learningRate: 0.1 })).toEqual(
      await after({ kind: 'adamw', ...rates, weightDecay: 0.01 }),
    );
    expect(await after({ kind: 'adam', learningRate: 0.1 })).toEqual(
      await after({ kind: 'adam', ...rates, weightDecay: 0 }),
    );
    expect(await after({ kind: 'sgd', learningRate: 0.1 })).toEqual(
      await after({ kind: 'sgd', learningRate: 0.1, momentum: 0, weightDecay: 0 }),
    );
  });

  it('clips by global norm and by value', async () => {
    const optimiser = { kind: 'sgd', learningRate: 1 } as const;
    const data = { ...xorData(32, 5), seed: 3, budget: { steps: 1 } };
    const moved = async (clip: { norm?: number; value?: number }): Promise<Float32Array> => {
      const trainer = await openTrainer({ optimiser, clip });
      const { initial } = trainer.program;
      const { parameters } = await trainer.train({ ...data, parameters: initial });
      return parameters.map((p, i) => initial[i]! - p);
    };
    const norm = (v: Float32Array): number => Math.hypot(...v);
    const free = await moved({});
    expect(norm(free)).toBeGreaterThan(0.1);
    const short = await moved({ norm: 0.01 });
    expect(Math.abs(norm(short) - 0.01)).toBeLessThan(1e-5);
    // the same direction: p - (p - g) loses up to 2^-24 of |p| < 1 per entry
    for (const [i, g] of short.entries()) expect(Math.abs(g - (free[i]! * 0.01) / norm(free))).toBeLessThan(1e-6);
    const bounded = await moved({ value: 0.005 });
    for (const [i, g] of bounded.entries())
      expect(Math.abs(g - Math.min(Math.max(free[i]!, -0.005), 0.005))).toBeLessThan(1e-6);
    expect(await moved({ norm: 1e6, value: 1e6 })).toEqual(free);
  });
});
