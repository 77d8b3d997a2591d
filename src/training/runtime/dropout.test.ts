/**
 * Dropout by fed masks: share, repeatability, and off in evaluation.
 * @module
 */
import { afterEach, describe, expect, it } from 'vitest';
import { modelOf } from '../../../test/fixtures/training/models.ts';
import { closeTrainers, openTrainer } from '../../../test/fixtures/training/trainers.ts';
import { floatScalar, floatTensor, tensorFrom } from '../onnx/tensor.ts';

afterEach(closeTrainers);

describe('Dropout', () => {
  const width = 2000;
  // y = Dropout(x · w): with x = 1 the gradient of w is the mask times dl/dy
  const noisy = modelOf(
    [
      ['Mul', ['x', 'w'], 'h'],
      ['Dropout', ['h', 'ratio', 'on'], 'y'],
    ],
    {
      w: floatTensor([width], new Float32Array(width).fill(1)),
      ratio: floatScalar(0.25),
      on: tensorFrom('bool', [], [1]),
    },
    ['n', width],
    ['n', width],
  );
  const request = { x: new Float32Array(width).fill(1), y: new Float32Array(width), rows: 1 };
  const options = { model: noisy, loss: 'mse', batchSize: 1 } as const;

  it('drops the given share, scales the rest, and repeats by seed', async () => {
    const trainer = await openTrainer(options);
    const parameters = trainer.program.initial;
    // l = mean((m·w)²), dl/dw = 2·m²·w / width: 0 or (2/width)·(4/3)²
    const masked = async (seed: number): Promise<number[]> =>
      Array.from((await trainer.gradient({ ...request, parameters, seed })).gradient, (g) => (g * width) / 2);
    const first = await masked(1);
    for (const g of first) expect([0, 1.7778]).toContain(Number(g.toFixed(4)));
    const dropped = first.filter((g) => g === 0).length / width;
    // 5 standard deviations of a share of 2000 draws: 5·√(0.25·0.75/2000) = 0.048
    expect(Math.abs(dropped - 0.25)).toBeLessThan(0.049);
    expect(await masked(1)).toEqual(first);
    expect(await masked(2)).not.toEqual(first);
  });

  it('is off in evaluation and without a seed', async () => {
    const trainer = await openTrainer(options);
    const parameters = trainer.program.initial;
    expect(new Set(await trainer.predict({ ...request, parameters }))).toEqual(new Set([1]));
    // a sum of 2000 terms in float32; with Dropout on it would be 1.33
    expect(Math.abs((await trainer.loss({ ...request, parameters })) - 1)).toBeLessThan(1e-4);
    const { gradient } = await trainer.gradient({ ...request, parameters });
    expect(new Set(Array.from(gradient, (g) => (g * width).toFixed(4)))).toEqual(new Set(['2.0000']));
  });

  it('trains with fresh masks each step, repeatable by seed', async () => {
    const trainer = await openTrainer({ ...options, optimiser: { kind: 'sgd', learningRate: width / 8 } });
    const call = { ...request, parameters: trainer.program.initial, budget: { steps: 3 }, seed: 5 };
    const { parameters } = await trainer.train(call);
    expect((await trainer.train(call)).parameters).toEqual(parameters);
    // each kept step multiplies a weight by the same factor: 0 to 3 keeps give 4 values, one mask for all would give 2
    expect(new Set(Array.from(parameters, (p) => p.toFixed(4))).size).toBe(4);
  });
});
