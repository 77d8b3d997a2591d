import { describe, expect, it } from 'vitest';
import { createStrategy } from './createStrategy.ts';
import { normaliser } from './fedNova.ts';

/** A site whose loss is curvature/2·(x − optimum)²; its SGD sees the whole gradient. */
const sites = [
  { weight: 1, steps: 2, curvature: 1, optimum: -1 },
  { weight: 3, steps: 20, curvature: 1, optimum: 2 },
] as const;
const LEARNING_RATE = 1e-3;

function trained(x: number, { steps, curvature, optimum }: (typeof sites)[number]): number {
  let y = x;
  for (let step = 0; step < steps; step++) y -= LEARNING_RATE * curvature * (y - optimum);
  return y - x;
}

function endOf(name: 'FedNova' | 'FedAvg'): number {
  const strategy = createStrategy({ name, serverLearningRate: 1 }, { parameters: 1, trained: 1 });
  let x: Float32Array = Float32Array.of(0);
  for (let round = 0; round < 2_000; round++) {
    const ways = sites.map(({ steps }) => normaliser({ steps, rates: steps, learningRate: LEARNING_RATE }));
    const aggregate = strategy.begin(1);
    for (const [i, site] of sites.entries()) {
      const update = trained(x[0]!, site) / (name === 'FedNova' ? ways[i]! : 1);
      aggregate.add({ pod: `${i}`, update: Float64Array.of(update), samples: site.weight });
    }
    const total = sites.reduce((sum, { weight }) => sum + weight, 0);
    const meanSteps = sites.reduce((sum, { weight }, i) => sum + weight * ways[i]!, 0) / total;
    x = strategy.step(x, aggregate.result().mean, { meanSteps });
  }
  return x[0]!;
}

describe('FedNova', () => {
  it('ends at the optimum of the weighted objective, where FedAvg follows the site with more steps', () => {
    const optimum = (1 * -1 + 3 * 2) / 4;
    // theorem 1 of the paper: plain averaging minimises the objective with weights p·τ
    const pulled = (1 * 2 * -1 + 3 * 20 * 2) / (1 * 2 + 3 * 20);
    expect(endOf('FedNova')).toBeCloseTo(optimum, 1);
    expect(endOf('FedAvg')).toBeCloseTo(pulled, 1);
    expect(pulled - optimum).toBeGreaterThan(0.5);
  });

  it('is FedAvg when all sites take the same steps', () => {
    const nova = createStrategy({ name: 'FedNova', serverLearningRate: 1 }, { parameters: 2, trained: 1 });
    // the second coordinate is a running statistic, which pods do not divide
    const stepped = nova.step(Float32Array.of(1, 1), Float64Array.of(0.5 / 4, 0.5), { meanSteps: 4 });
    expect(stepped).toEqual(Float32Array.of(1.5, 1.5));
  });

  it('needs to know how many steps were taken', () => {
    const nova = createStrategy({ name: 'FedNova', serverLearningRate: 1 }, { parameters: 1, trained: 1 });
    for (const meanSteps of [undefined, 0, Number.NaN])
      expect(() =>
        nova.step(new Float32Array(1), new Float64Array(1), meanSteps === undefined ? {} : { meanSteps }),
      ).toThrow(RangeError);
  });
});

describe('the normaliser', () => {
  const base = { steps: 7, rates: 7, learningRate: 0.05 };

  it('is the number of steps for plain SGD, and the sum of the rates with a schedule', () => {
    expect(normaliser(base)).toBe(7);
    expect(normaliser({ ...base, rates: 3.5 })).toBeCloseTo(3.5, 12);
  });

  it('is that of the paper with momentum and with a proximal term', () => {
    // section 4 of the paper: [τ − ρ(1 − ρ^τ)/(1 − ρ)]/(1 − ρ), and (1 − (1 − ημ)^τ)/(ημ)
    const rho = 0.9;
    const heavy = (7 - (rho * (1 - rho ** 7)) / (1 - rho)) / (1 - rho);
    expect(normaliser({ ...base, momentum: rho })).toBeCloseTo(heavy, 10);
    const pull = 0.05 * 2;
    expect(normaliser({ ...base, mu: 2 })).toBeCloseTo((1 - (1 - pull) ** 7) / pull, 10);
  });
});
