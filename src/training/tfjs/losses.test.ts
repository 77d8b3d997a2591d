/**
 * Losses with sample weights against their definitions, and their seeds against differences.
 * @module
 */
import { beforeAll, describe, expect, it } from 'vitest';
import type { LossOptions } from '../losses/spec.ts';
import { candidatesOf, chooseBackend } from './backends.ts';
import { lossRule } from './losses.ts';
import { tf } from './tf.ts';

beforeAll(() => chooseBackend(candidatesOf(['cpu']), () => Promise.resolve()));

const outputs = [
  [0.5, -1.5, 2],
  [-3, 0.25, 0.75],
  [1.25, 1, -0.5],
];
const weights = [1, 0.5, 2.5];
const values = [
  [1, 0, 0.5],
  [0, 1, 3],
  [1, 0.25, 0],
];
const classes = [2, 0, 1];

const mean = (row: readonly number[]): number => row.reduce((sum, value) => sum + value, 0) / row.length;
const each = (of: (z: number, t: number) => number) => (z: readonly number[], i: number) =>
  mean(z.map((value, k) => of(value, values[i]![k]!)));

/** Loss of one sample, in float64. */
const DEFINITIONS: Readonly<Record<string, (z: readonly number[], i: number) => number>> = {
  cross_entropy: (z, i) => Math.log(z.reduce((sum, value) => sum + Math.exp(value), 0)) - z[classes[i]!]!,
  bce_with_logits: each((z, t) => t * Math.log1p(Math.exp(-z)) + (1 - t) * Math.log1p(Math.exp(z))),
  mse: each((z, t) => (z - t) ** 2),
  mae: each((z, t) => Math.abs(z - t)),
  huber: each((z, t) => (Math.abs(z - t) <= 1 ? (z - t) ** 2 / 2 : Math.abs(z - t) - 0.5)),
  'huber 0.5': each((z, t) => (Math.abs(z - t) <= 0.5 ? (z - t) ** 2 / 2 : 0.5 * (Math.abs(z - t) - 0.25))),
  'smooth_l1 0.5': each((z, t) => (Math.abs(z - t) <= 0.5 ? (z - t) ** 2 : Math.abs(z - t) - 0.25)),
};

describe.each(Object.entries(DEFINITIONS))('%s', (kind, definition) => {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const lossAt = (z: readonly (readonly number[])[]): number =>
    z.reduce((sum, row, i) => sum + (weights[i]! * definition(row, i)) / total, 0);

  it('is the mean over samples by weight, with the gradient of its definition', () => {
    const [name, width] = kind.split(' ');
    const rule = lossRule({ kind: name, ...(width && { delta: Number(width), beta: Number(width) }) } as LossOptions);
    const share = tf.tensor1d(weights.map((weight) => weight / total));
    const target = rule.dtype === 'int32' ? tf.tensor1d(classes, 'int32') : tf.tensor2d(values);
    const { loss, seed } = rule.value({ output: tf.tensor2d(outputs), target, share });
    expect(loss.dataSync()[0]).toBeCloseTo(lossAt(outputs), 6);
    const step = 1e-4;
    const differences = outputs.flatMap((row, i) =>
      row.map((_, k) => {
        const moved = (by: number): number =>
          lossAt(outputs.map((z, r) => (r === i ? z.map((value, c) => (c === k ? value + by : value)) : z)));
        return (moved(step) - moved(-step)) / (2 * step);
      }),
    );
    for (const [i, got] of seed.dataSync().entries()) expect(got).toBeCloseTo(differences[i]!, 4);
  });
});

it('has no gradient where an absolute error is 0', () => {
  const [output, share] = [tf.tensor2d([[2]]), tf.tensor1d([1])];
  const { seed } = lossRule({ kind: 'mae' }).value({ output, target: tf.tensor2d([[2]]), share });
  expect(seed.dataSync()[0]).toBe(0);
});
