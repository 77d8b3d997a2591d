import { describe, expect, it } from 'vitest';
import { normal, seededRng } from '../../base/index.ts';
import { builtinMlp } from '../builtin.ts';
import { Trainer } from './trainer.ts';

/** Two classes, split by the sign of a product: a linear model cannot learn it. */
export function xorData(rows: number, seed: number): { x: Float32Array; y: Int32Array; rows: number } {
  const rng = seededRng(seed);
  const x = Float32Array.from({ length: rows * 2 }, () => normal(rng));
  const y = Int32Array.from({ length: rows }, (_, i) => Number(x[2 * i]! * x[2 * i + 1]! > 0));
  return { x, y, rows };
}

const model = builtinMlp({ inputs: 2, hidden: [16], outputs: 2, activation: 'tanh', seed: 1 });

describe('Trainer', () => {
  it('learns a nonlinear problem', async () => {
    const trainer = await Trainer.create({
      model,
      source: 'mlp.onnx',
      loss: 'cross_entropy',
      optimiser: { kind: 'adam', learningRate: 0.02 },
      batchSize: 32,
    });
    const data = xorData(300, 5);
    const parameters = trainer.program.initial;
    const before = await trainer.loss({ ...data, parameters });
    const trained = await trainer.train({ ...data, parameters, budget: { epochs: 30 }, seed: 3 });
    const after = await trainer.loss({ ...data, parameters: trained.parameters });
    expect(trained).toMatchObject({ steps: 300, samples: 9000 });
    expect(before).toBeGreaterThan(0.6);
    expect(after).toBeLessThan(0.15);
    await trainer.close();
  });
});
