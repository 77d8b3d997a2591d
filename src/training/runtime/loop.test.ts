/**
 * Steps in a loop inside one run against the same steps one by one.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { modelOf } from '../../../test/fixtures/training/models.ts';
import { seededRng } from '../../base/index.ts';
import { compile } from '../compile.ts';
import { floatScalar, floatTensor, tensorFrom } from '../onnx/tensor.ts';
import type { OptimiserSpec } from '../optim/spec.ts';
import { shuffledBatches } from './batches.ts';
import { Engine } from './engine.ts';
import { Executor } from './executor.ts';
import { Pace } from './pace.ts';
import { Stepper } from './stepper.ts';

const rng = seededRng(3, 'loop');
const random = (...dims: number[]) =>
  floatTensor(
    dims,
    Float32Array.from({ length: dims.reduce((n, d) => n * d, 1) }, () => rng() - 0.5),
  );
const ones = (n: number) => floatTensor([n], new Float32Array(n).fill(1));

/** Dense, batch normalisation, Dropout, dense. */
const model = modelOf(
  [
    ['Gemm', ['x', 'w1'], 'a'],
    ['BatchNormalization', ['a', 'gamma', 'beta', 'mean', 'var'], 'b', { training_mode: { int: 1 } }],
    ['Relu', ['b'], 'c'],
    ['Dropout', ['c', 'ratio', 'on'], 'd'],
    ['Gemm', ['d', 'w2'], 'y'],
  ],
  {
    ...{ w1: random(4, 8), gamma: ones(8), beta: random(8), mean: random(8), var: ones(8), w2: random(8, 3) },
    ...{ ratio: floatScalar(0.3), on: tensorFrom('bool', [], [1]) },
  },
  ['n', 4],
  ['n', 3],
);

const SESSION = {
  executionProviders: ['cpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  logSeverityLevel: 3,
} as const;
const rows = 24;
const x = Float32Array.from({ length: rows * 4 }, (_, i) => Math.sin(i * 1.7));
const y = Int32Array.from({ length: rows }, (_, i) => i % 3);

describe('Loop', () => {
  it.each<OptimiserSpec>([
    { kind: 'sgd', learningRate: 0.1, momentum: 0.9, weightDecay: 0.01 },
    { kind: 'adamw', learningRate: 0.01 },
  ])('gives the bits of single steps: $kind', async (optimiser) => {
    const program = compile(model, { source: 'm', loss: 'cross_entropy', optimiser, batchSize: 6 });
    const executor = new Executor(program, SESSION);
    const open = (): Stepper =>
      new Stepper({
        ...{ program, executorFor: () => executor, parameters: program.initial, learningRate: 0.05 },
        schedule: { kind: 'cosine', totalSteps: 16 },
      });
    const shuffled = shuffledBatches(rows, 6, 1);
    const batches = Array.from({ length: 16 }, () => shuffled.next().value);
    const [single, looped] = [open(), open()];
    const masks = [seededRng(9, 'masks'), seededRng(9, 'masks')];
    const losses: number[] = [];
    for (const batch of batches) losses.push(await single.step(batch, x, y, masks[0]));
    // one step alone, eight in a loop, seven alone: single steps and loops take turns
    const loop = await executor.loop(8);
    const got = [await looped.step(batches[0]!, x, y, masks[1])];
    await looped.loop(loop, batches.slice(1, 9), x, y, masks[1]);
    got.push(...loop.losses);
    for (const batch of batches.slice(9)) got.push(await looped.step(batch, x, y, masks[1]));
    expect(got).toEqual(losses);
    expect(await looped.parameters()).toEqual(await single.parameters());
    expect(await single.parameters()).not.toEqual(program.initial);
    await executor.close();
  });

  it('names the step that diverges', async () => {
    const program = compile(model, {
      ...{ source: 'm', loss: 'cross_entropy', batchSize: 6 },
      optimiser: { kind: 'sgd', learningRate: 1 },
    });
    const executor = new Executor(program, SESSION);
    const stepper = new Stepper({
      program,
      executorFor: () => executor,
      parameters: program.initial,
      learningRate: 0.1,
    });
    const bad = x.slice();
    bad[6 * 4] = Number.NaN;
    const batches = Array.from({ length: 8 }, (_, k) =>
      Uint32Array.from({ length: 6 }, (_row, i) => (k < 3 ? 0 : 6) + i),
    );
    await expect(stepper.loop(await executor.loop(8), batches, bad, y)).rejects.toThrow('loss is NaN at step 4');
    await executor.close();
  });

  it('is what training a small model uses, and changes nothing', async () => {
    const program = compile(model, {
      ...{ source: 'm', loss: 'cross_entropy', batchSize: 6 },
      optimiser: { kind: 'sgd', learningRate: 0.1 },
    });
    const engine = new Engine(program, { threads: 1 });
    const request = { x, y, rows, parameters: program.initial, seed: 5 };
    const whole = await engine.train({ ...request, budget: { steps: 200 } }, () => {});
    let calls = 0;
    const again = await engine.train({ ...request, budget: { steps: 200 } }, () => calls++);
    expect(again.parameters).toEqual(whole.parameters);
    expect(again.meanLoss).toBe(whole.meanLoss);
    // 200 steps and the end, if each were a call of its own
    expect(calls).toBeLessThan(150);
    await engine.close();
  });
});

describe('Pace', () => {
  it('runs long steps one by one and short ones in powers of two', () => {
    const pace = new Pace();
    expect(pace.stepsAtOnce(100)).toBe(1);
    for (const ms of [9, 9, 0.5]) pace.add(ms);
    expect(pace.stepsAtOnce(1000)).toBe(32);
    expect(pace.stepsAtOnce(20)).toBe(16);
    expect(pace.stepsAtOnce(7)).toBe(1);
    const slow = new Pace();
    for (const ms of [9, 9, 3]) slow.add(ms);
    expect(slow.stepsAtOnce(1000)).toBe(1);
  });
});
