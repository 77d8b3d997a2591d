import { describe, expect, it } from 'vitest';
import { normal, seededRng } from '../../base/index.ts';
import { Trainer } from '../index.ts';
import type { OptionValue } from './architecture.ts';
import { zooModel } from './zoo.ts';

const ROWS = 32;

/** Noise plus a template for one of two classes: nothing but the template tells them apart. */
function samples(width: number): { x: Float32Array; y: Float32Array } {
  const rng = seededRng(5, 'templates');
  const template = Float32Array.from({ length: width }, () => rng() - 0.5);
  const y = Float32Array.from({ length: ROWS }, (_, row) => row % 2);
  const x = Float32Array.from(
    { length: ROWS * width },
    (_, i) => template[i % width]! * (y[Math.floor(i / width)]! * 2 - 1) + 0.5 * (rng() - 0.5),
  );
  return { x, y };
}

interface Trial {
  readonly name: string;
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly steps: number;
  /** @default 0.005 */
  readonly learningRate?: number;
}

const TRIALS: readonly Trial[] = [
  { name: 'logistic_regression', options: { inputs: 10 }, steps: 60, learningRate: 0.05 },
  { name: 'mlp', options: { inputs: 10, hidden: [8] }, steps: 60 },
  { name: 'cnn', options: { size: 8, outputs: 1 }, steps: 20 },
  { name: 'resnet18', options: { channels: 1, size: 32, outputs: 1 }, steps: 4, learningRate: 0.0003 },
  { name: 'unet', options: { size: 8, width: 8, depth: 2 }, steps: 40, learningRate: 0.02 },
  { name: 'ecg_resnet', options: { leads: 2, length: 64, outputs: 1, widths: [8, 8, 12], kernel: 5 }, steps: 40 },
];

describe.each(TRIALS)('$name', ({ name, options, steps, learningRate = 0.005 }) => {
  const model = zooModel(name).build(options);
  it('learns', async () => {
    const trainer = await Trainer.create({
      ...{ model, source: name, loss: 'bce_with_logits', batchSize: 8 },
      optimiser: { kind: 'adam', learningRate },
    });
    const { program } = trainer;
    const { x, y: labels } = samples(program.input.width);
    // segmentation: which pixels are bright
    const y = program.target.width === 1 ? labels : x.map((value) => Number(value > 0));
    const train = (parameters: Float32Array, count: number): ReturnType<Trainer['train']> =>
      trainer.train({ x, y, rows: ROWS, seed: 1, parameters, budget: { steps: count } });
    const first = await train(program.initial, 4);
    const last = await train((await train(first.parameters, steps)).parameters, 4);
    await trainer.close();
    expect(last.meanLoss).toBeLessThan(first.meanLoss / 2);
  });
});

describe('cox_regression', () => {
  it('finds the log hazard ratios of simulated survival times', async () => {
    const [rows, ratios] = [400, [1, -0.5, 0]];
    const rng = seededRng(3, 'survival');
    const x = Float32Array.from({ length: rows * ratios.length }, () => normal(rng));
    // exponential times with rate exp(x·ratios), a quarter or so censored at 2
    const y = Float32Array.from({ length: 2 * rows });
    for (let row = 0; row < rows; row++) {
      const logRate = ratios.reduce((sum, ratio, i) => sum + ratio * x[row * ratios.length + i]!, 0);
      const time = -Math.log(1 - rng()) / Math.exp(logRate);
      y.set([Math.min(time, 2), Number(time <= 2)], 2 * row);
    }
    const model = zooModel('cox_regression').build({ inputs: ratios.length });
    const trainer = await Trainer.create({
      ...{ model, source: 'cox', loss: 'cox', batchSize: rows },
      optimiser: { kind: 'adam', learningRate: 0.05 },
    });
    const call = { x, y, rows, seed: 1, parameters: trainer.program.initial, budget: { steps: 200 } };
    const { parameters } = await trainer.train(call);
    await trainer.close();
    expect([...parameters]).toHaveLength(ratios.length);
    // standard error of a coefficient from about 300 events: 1/√300 = 0.06; allowed are three
    for (const [i, ratio] of ratios.entries()) expect(Math.abs(parameters[i]! - ratio)).toBeLessThan(0.18);
  });
});
