import { describe, expect, it } from 'vitest';
import { applyDelta } from './fedAvg.ts';

describe('FedAvg', () => {
  it('applies a delta without changing the model', () => {
    const model = Float32Array.of(1, 2);
    expect(applyDelta(model, Float64Array.of(1, -1), { rate: 0.5 })).toEqual(Float32Array.of(1.5, 1.5));
    expect(model).toEqual(Float32Array.of(1, 2));
    expect(() => applyDelta(model, new Float32Array(1))).toThrow(RangeError);
  });

  it('averages running statistics, which have no learning rate', () => {
    const delta = Float64Array.of(1, 1, 1);
    expect(applyDelta(new Float32Array(3), delta, { rate: 3, trained: 2 })).toEqual(Float32Array.of(3, 3, 1));
  });
});
