import { describe, expect, it } from 'vitest';
import { WeightedMean } from './weightedMean.ts';

describe('the weighted mean', () => {
  it('weighs by sample counts', () => {
    const aggregate = new WeightedMean(2);
    aggregate.add({ pod: 'a', update: Float32Array.of(1, 2), samples: 1 });
    aggregate.add({ pod: 'b', update: Float64Array.of(5, -2), samples: 3 });
    expect(aggregate.result()).toEqual({ mean: Float64Array.of(4, -1), totalWeight: 4, pods: ['a', 'b'] });
  });

  it('takes weights from a map instead', () => {
    const weights = new Map([
      ['a', 1],
      ['b', 1],
    ]);
    const aggregate = new WeightedMean(1, weights);
    aggregate.add({ pod: 'a', update: Float32Array.of(1), samples: 100 });
    aggregate.add({ pod: 'b', update: Float32Array.of(3), samples: 1 });
    expect(aggregate.result().mean).toEqual(Float64Array.of(2));
    expect(() => aggregate.add({ pod: 'c', update: Float32Array.of(3), samples: 1 })).toThrow(/pod c has no weight/);
  });

  it('counts what is late for less, beside a newer update of the same pod', () => {
    const aggregate = new WeightedMean(1);
    aggregate.add({ pod: 'a', update: Float32Array.of(0), samples: 3 });
    const late = { pod: 'a', update: Float32Array.of(8), samples: 2, late: { rounds: 1, discount: 0.5 } };
    aggregate.add(late);
    expect(aggregate.result()).toMatchObject({ mean: Float64Array.of(2), totalWeight: 4 });
    expect(() => aggregate.add(late)).toThrow(/already added/);
  });

  it('refuses a bad update naming the pod, and is unchanged by it', () => {
    const aggregate = new WeightedMean(2);
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
    expect(() => new WeightedMean(1).result()).toThrow(expect.objectContaining({ code: 'DATA_EMPTY' }));
  });
});
