import { describe, expect, it } from 'vitest';
import { type PodInput, type VectorSpec, WeightedMean } from '../aggregation/index.ts';
import { sumPlain } from './plainSum.ts';

const spec: VectorSpec = {
  ...{ cohort: 3, clip: 1, maxWeight: 10, updateLength: 1 },
  ...{ extras: ['loss'], counts: ['rows'] },
};
const begin = (length: number): WeightedMean => new WeightedMean(length);
/** Values whose float64 sum depends on the order they are added in. */
const inputs: readonly (readonly [string, PodInput])[] = [1e16, 1, -1e16].map((value, i) => [
  `pod-${i}`,
  { update: Float64Array.of(value), weight: 1, extras: { loss: value }, counts: { rows: i } },
]);

describe('a plain sum', () => {
  it('does not depend on who was first', () => {
    const [a, b, c] = inputs as [(typeof inputs)[0], (typeof inputs)[0], (typeof inputs)[0]];
    const orders = [
      [a, b, c],
      [a, c, b],
      [c, b, a],
      [b, c, a],
    ].map((order) => sumPlain(new Map(order.map(([pod, input]) => [pod, () => input])), spec, begin));
    for (const sum of orders) expect(sum).toEqual(orders[0]);
    expect(1e16 + 1 - 1e16).not.toBe(1e16 - 1e16 + 1);
    expect(orders[0]).toMatchObject({ totalWeight: 3, counts: { rows: 3 } });
  });
});
