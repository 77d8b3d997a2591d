/**
 * When a device counts as right.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { compile } from '../compile.ts';
import { builtinMlp } from '../zoo/tabular.ts';
import { relativeDifference } from './difference.ts';
import { checkDevice } from './trial.ts';

describe('relativeDifference', () => {
  it('is that of the lengths', () => {
    expect(relativeDifference(Float32Array.of(3, 4), Float32Array.of(3, 4))).toBe(0);
    expect(relativeDifference(Float32Array.of(3, 4.5), Float32Array.of(3, 4))).toBeCloseTo(0.1, 6);
    expect(relativeDifference(Float32Array.of(1e-9), Float32Array.of(0))).toBe(Number.POSITIVE_INFINITY);
    expect(relativeDifference(new Float32Array(2), new Float32Array(2))).toBe(0);
  });

  it('is infinite where only the device has no number, and nothing where the CPU has none', () => {
    expect(relativeDifference(Float32Array.of(Number.NaN, 1), Float32Array.of(1, 1))).toBe(Number.POSITIVE_INFINITY);
    expect(relativeDifference(Float32Array.of(1, 1), Float32Array.of(Number.NaN, 1))).toBe(0);
  });
});

describe('checkDevice', () => {
  it('accepts what computes rightly', async () => {
    const model = builtinMlp({ inputs: 3, hidden: [4], outputs: 2, activation: 'relu', seed: 1 });
    const optimiser = { kind: 'sgd', learningRate: 0.1 } as const;
    const asked: number[] = [];
    const compileFor = (batchSize: number) => {
      asked.push(batchSize);
      return compile(model, { source: 'm', loss: 'cross_entropy', optimiser, batchSize, target: 'gpu' });
    };
    await checkDevice(compileFor, 64, 'cpu', 1);
    await checkDevice(compileFor, 1, 'cpu', 1);
    expect(asked).toEqual([2, 1]);
  });
});
