/**
 * Losses and their seeds through a linear model, against the formulas by hand; cross-entropy is in the PyTorch fixtures.
 * @module
 */
import { afterEach, describe, expect, it } from 'vitest';
import { closeTrainers, openTrainer, xorData } from '../../../test/fixtures/training/trainers.ts';
import { seededRng } from '../../base/index.ts';
import { builtinMlp } from '../zoo/tabular.ts';

afterEach(closeTrainers);

describe('losses', () => {
  const linear = (outputs: number): Uint8Array =>
    builtinMlp({ inputs: 2, hidden: [], outputs, activation: 'relu', seed: 3 });

  /** Output of a linear model by hand. */
  function outputOf(p: Float32Array, x: Float32Array, outputs: number): number[] {
    return Array.from({ length: (x.length / 2) * outputs }, (_, i) => {
      const [row, o] = [Math.floor(i / outputs), i % outputs];
      return p[2 * o]! * x[2 * row]! + p[2 * o + 1]! * x[2 * row + 1]! + p[2 * outputs + o]!;
    });
  }

  it.each([
    ['bce_with_logits', (z: number, t: number) => Math.max(z, 0) - z * t + Math.log1p(Math.exp(-Math.abs(z)))],
    ['mse', (z: number, t: number) => (z - t) ** 2],
  ] as const)('%s is the mean over rows and outputs, and its gradient the slope of it', async (loss, formula) => {
    const trainer = await openTrainer({ model: linear(3), loss, batchSize: 4 });
    const { x } = xorData(7, 9);
    const rng = seededRng(4);
    const y = Float32Array.from({ length: 21 }, () => Number(rng() < 0.5));
    const parameters = trainer.program.initial;
    const meanAt = (p: Float32Array): number =>
      outputOf(p, x, 3).reduce((sum, z, i) => sum + formula(z, y[i]!), 0) / 21;
    const got = await trainer.gradient({ parameters, x, y, rows: 7 });
    expect(Math.abs(got.loss - meanAt(parameters))).toBeLessThan(1e-6);
    expect(Math.abs((await trainer.loss({ parameters, x, y, rows: 7 })) - meanAt(parameters))).toBeLessThan(1e-6);
    for (const [i, g] of got.gradient.entries()) {
      const h = 2 ** -8;
      const slope =
        (meanAt(parameters.with(i, parameters[i]! + h)) - meanAt(parameters.with(i, parameters[i]! - h))) / (2 * h);
      // central differences of a third derivative below 1 err by h²/6 = 2.5e-6
      expect(Math.abs(g - slope)).toBeLessThan(1e-5);
    }
  });

  it('stay finite for extreme logits', async () => {
    const trainer = await openTrainer({ model: linear(1), loss: 'bce_with_logits', batchSize: 2 });
    const x = Float32Array.of(1e4, 0, -1e4, 0);
    const parameters = Float32Array.of(1, 0, 0);
    expect(await trainer.loss({ parameters, x, y: Float32Array.of(1, 0), rows: 2 })).toBe(0);
    expect(await trainer.loss({ parameters, x, y: Float32Array.of(0, 1), rows: 2 })).toBe(1e4);
    const classes = await openTrainer({ model: linear(2), batchSize: 1 });
    const far = { parameters: Float32Array.of(1, 0, 0, 1, 0, 0), x: Float32Array.of(1e4, 0), rows: 1 };
    expect(await classes.loss({ ...far, y: Int32Array.of(0) })).toBe(0);
    expect(await classes.loss({ ...far, y: Int32Array.of(1) })).toBe(1e4);
  });
});
