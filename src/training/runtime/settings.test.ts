/**
 * Settings on their way through the thread.
 * @module
 */
import { afterEach, describe, expect, it } from 'vitest';
import { closeTrainers, openTrainer, xorData } from '../../../test/fixtures/training/trainers.ts';

afterEach(closeTrainers);

describe('Trainer', () => {
  it('carries every setting to its thread: adapters, hooks, schedules, private steps', async () => {
    const optimiser = { kind: 'sgd', learningRate: 0.5 } as const;
    const data = { ...xorData(32, 5), seed: 3, budget: { steps: 4 } };
    const hooked = await openTrainer({
      ...{ optimiser, accumulate: 2, batchSize: 16, proximal: { mu: 0.1 }, controlVariates: true },
      lora: { rank: 1, alpha: 1, targets: ['*'] },
      train: ['*.bias'],
    });
    const { initial: parameters, layout } = hooked.program;
    expect(layout.entries).toHaveLength(6);
    const call = { ...data, parameters, schedule: { kind: 'step', stepSize: 1, gamma: 0.5 } as const, firstStep: 1 };
    const trained = await hooked.train(call);
    expect(trained.rateSum).toBe(0.5 * (0.5 + 0.25 + 0.125 + 0.0625));
    const anchor = parameters.map((p) => p + 1);
    expect((await hooked.train({ ...call, anchor })).parameters).not.toEqual(trained.parameters);
    const correction = parameters.map(() => 0.1);
    expect((await hooked.train({ ...call, correction })).parameters).not.toEqual(trained.parameters);
    const dp = await openTrainer({ optimiser, privacy: { clipNorm: 1, noiseMultiplier: 1 } });
    const noisy = { ...data, parameters: dp.program.initial };
    const [a, b] = [await dp.train(noisy), await dp.train(noisy)];
    expect(a.parameters).not.toEqual(b.parameters);
  });
});
