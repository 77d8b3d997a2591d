import { describe, expect, it } from 'vitest';
import { applyDelta, fedAvg } from './fedAvg.ts';

describe('FedAvg', () => {
  it('is the mean weighted by sample counts', () => {
    const aggregate = fedAvg().begin(2);
    aggregate.add({ pod: 'a', update: Float32Array.of(1, 2), samples: 1 });
    aggregate.add({ pod: 'b', update: Float64Array.of(5, -2), samples: 3 });
    expect(aggregate.result()).toEqual({ mean: Float64Array.of(4, -1), totalWeight: 4, pods: ['a', 'b'] });
  });

  it('takes weights from a map instead', () => {
    const aggregate = fedAvg({
      weights: new Map([
        ['a', 1],
        ['b', 1],
      ]),
    }).begin(1);
    aggregate.add({ pod: 'a', update: Float32Array.of(1), samples: 100 });
    aggregate.add({ pod: 'b', update: Float32Array.of(3), samples: 1 });
    expect(aggregate.result().mean).toEqual(Float64Array.of(2));
    expect(() => aggregate.add({ pod: 'c', update: Float32Array.of(3), samples: 1 })).toThrow(/pod c has no weight/);
  });

  it('refuses a bad update naming the pod, and is unchanged by it', () => {
    const aggregate = fedAvg().begin(2);
    aggregate.add({ pod: 'a', update: Float32Array.of(1, 2), samples: 1 });
    const bad = [
      { pod: 'b', update: Float32Array.of(1), samples: 1 },
      { pod: 'b', update: Float32Array.of(1, Number.NaN), samples: 1 },
      { pod: 'b', update: Float32Array.of(Infinity, 1), samples: 1 },
      { pod: 'b', update: Float32Array.of(1, 1), samples: 0 },
      { pod: 'b', update: Float32Array.of(1, 1), samples: Number.NaN },
    ];
    for (const contribution of bad)
      expect(() => aggregate.add(contribution)).toThrow(
        expect.objectContaining({ code: 'AGG_BAD_MESSAGE', facts: { pod: 'b' } }),
      );
    expect(() => aggregate.add({ pod: 'a', update: Float32Array.of(9, 9), samples: 1 })).toThrow(/already added/);
    expect(aggregate.result()).toEqual({ mean: Float64Array.of(1, 2), totalWeight: 1, pods: ['a'] });
  });

  it('has no mean of nothing', () => {
    expect(() => fedAvg().begin(1).result()).toThrow(expect.objectContaining({ code: 'DATA_EMPTY' }));
  });

  it('applies a delta without changing the model', () => {
    const model = Float32Array.of(1, 2);
    expect(applyDelta(model, Float64Array.of(1, -1), 0.5)).toEqual(Float32Array.of(1.5, 1.5));
    expect(model).toEqual(Float32Array.of(1, 2));
    expect(() => applyDelta(model, new Float32Array(1))).toThrow(RangeError);
  });
});
