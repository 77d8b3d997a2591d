/**
 * What a budget buys, against the exact laws of the noise.
 * @module
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteStream } from '../../../test/support/byteStream.ts';
import { epsilonOf } from '../../aggregation/index.ts';
import { deviationOf, drawer, halfWidth, type Noise, type NoiseRequest, splitBudget, thresholdOf } from './noise.ts';

const request = (given: Partial<NoiseRequest>): NoiseRequest => ({
  ...{ epsilon: 1, delta: 0, maxGroups: 1, sensitivities: [1], places: 0, hasThreshold: false },
  ...given,
});
const spent = (given: NoiseRequest): number =>
  epsilonOf(
    splitBudget(given).events.map((event) => ({ event, count: 1 })),
    given.delta || 1e-12,
  );
const laplace = (scale: number): Noise => ({
  kind: 'discrete_laplace',
  scale: { numerator: BigInt(Math.round(scale * 1_000)), denominator: 1_000n },
});
const gaussian = (variance: number): Noise => ({ kind: 'discrete_gaussian', variance });
/** Pr[|Y| > t], summed term by term. */
function outside(noise: Noise, t: number): number {
  const weight = (y: number): number =>
    noise.kind === 'discrete_laplace'
      ? Math.exp(-Math.abs(y) / (Number(noise.scale.numerator) / Number(noise.scale.denominator)))
      : Math.exp((-y * y) / (2 * noise.variance));
  let [all, beyond] = [0, 0];
  for (let y = -4_000; y <= 4_000; y++) {
    all += weight(y);
    if (Math.abs(y) > t) beyond += weight(y);
  }
  return beyond / all;
}

describe('a budget', () => {
  it('is never exceeded by what the accountant charges', () => {
    const requests = fc.record({
      epsilon: fc.double({ min: 1e-6, max: 100, noNaN: true }),
      delta: fc.constantFrom(0, 1e-10, 1e-5, 0.1),
      maxGroups: fc.integer({ min: 1, max: 1_000 }),
      sensitivities: fc.array(fc.integer({ min: 1, max: 2 ** 40 }), { minLength: 1, maxLength: 30 }),
      places: fc.integer({ min: 0, max: 5 }),
      hasThreshold: fc.boolean(),
    });
    fc.assert(
      fc.property(requests, (given) => {
        const { delta, hasThreshold } = given;
        if (hasThreshold && delta === 0) return;
        expect(spent(given)).toBeLessThanOrEqual(given.epsilon * (1 + 1e-9));
        const split = splitBudget(given);
        expect(split.noises).toHaveLength(given.sensitivities.length);
        expect(split.thresholdDelta > 0).toBe(hasThreshold);
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  it('of pure ε gives Laplace noise whose neighbours differ by exactly its share', () => {
    const { noises, placeEpsilon } = splitBudget(
      request({ epsilon: 0.75, sensitivities: [1, 40], places: 1, maxGroups: 2 }),
    );
    for (const [i, sensitivity] of [1n, 40n].entries()) {
      const noise = noises[i]!;
      if (noise.kind !== 'discrete_laplace') throw new Error('expected Laplace noise');
      // sensitivity/scale · groups = ε/3, as fractions: 0.75/3 = 1/4
      expect(sensitivity * noise.scale.denominator * 2n * 4n).toBe(noise.scale.numerator);
    }
    expect(placeEpsilon.numerator * 8n).toBe(placeEpsilon.denominator);
  });

  it('gives the quieter noise', () => {
    const kindOf = (given: Partial<NoiseRequest>): string => splitBudget(request(given)).noises[0]!.kind;
    expect(kindOf({ delta: 1e-5 })).toBe('discrete_laplace');
    expect(kindOf({ delta: 1e-5, sensitivities: Array.from({ length: 40 }, () => 1) })).toBe('discrete_gaussian');
    expect(kindOf({ delta: 1e-5, maxGroups: 100 })).toBe('discrete_gaussian');
    expect(kindOf({ delta: 0, maxGroups: 100 })).toBe('discrete_laplace');
    const many = { delta: 1e-5, maxGroups: 100 };
    expect(deviationOf(splitBudget(request(many)).noises[0]!)).toBeLessThan(
      deviationOf(splitBudget(request({ ...many, delta: 0 })).noises[0]!),
    );
  });

  it('is used up: a hundredth less noise is too little', () => {
    const given = request({ delta: 1e-5, sensitivities: Array.from({ length: 40 }, () => 1), hasThreshold: true });
    const { events } = splitBudget(given);
    const louder = events.map((event) =>
      event.kind === 'discrete_gaussian' ? { ...event, shareVariance: 0.98 * event.shareVariance } : event,
    );
    expect(
      epsilonOf(
        louder.map((event) => ({ event, count: 1 })),
        1e-5,
      ),
    ).toBeGreaterThan(1);
  });
});

describe.each([
  ...[0.3, 2, 50].map((scale) => [`Laplace noise of scale ${scale}`, laplace(scale)] as const),
  ...[0.5, 4, 900].map((variance) => [`Gaussian noise of variance ${variance}`, gaussian(variance)] as const),
])('%s', (_, noise) => {
  it('is within what is said of it, and hardly less', () => {
    for (const chance of [0.05, 0.01, 1e-5]) {
      const t = halfWidth(noise, chance);
      expect(outside(noise, t)).toBeLessThanOrEqual(chance);
      if (t > 1) expect(outside(noise, t - 2)).toBeGreaterThan(chance);
    }
  });

  it('hides one person below the threshold', () => {
    for (const delta of [1e-3, 1e-6]) {
      const threshold = thresholdOf(noise, delta);
      // shown when 1 + Y ≥ threshold
      expect(outside(noise, threshold - 2) / 2).toBeLessThanOrEqual(delta);
    }
  });

  it('has the deviation that is said', () => {
    const { draw } = bound(noise);
    const values = Array.from({ length: 40_000 }, () => Number(draw()));
    const deviation = Math.sqrt(values.reduce((sum, y) => sum + y * y, 0) / values.length);
    // Laplace noise of a small scale has less than the continuous one
    expect(deviation).toBeLessThan(1.05 * deviationOf(noise));
    if (deviationOf(noise) > 2) expect(deviation).toBeGreaterThan(0.95 * deviationOf(noise));
  });
});

function bound(noise: Noise): { draw: () => bigint } {
  const source = drawer(noise, byteStream(8));
  return { draw: () => source.draw() };
}
