/**
 * Server optimisers against the papers' formulas, written out once more as plain loops over numbers.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { normal, seededRng } from '../../base/index.ts';
import { createStrategy } from './createStrategy.ts';
import type { StrategySettings } from './strategy.ts';

const LENGTH = 5;
/** The last coordinate is a running statistic. */
const SIZE = { parameters: LENGTH, trained: LENGTH - 1 };
const ROUNDS = 6;

const rng = seededRng(1);
const updates = Array.from({ length: ROUNDS }, () => Float64Array.from({ length: LENGTH }, () => 0.3 * normal(rng)));
const start = Float32Array.from({ length: LENGTH }, () => normal(rng));

/** x of one trained coordinate after each round, as the paper has it. */
type Reference = (deltas: readonly number[]) => number[];

const [eta, beta1, beta2, tau, momentum] = [0.3, 0.8, 0.95, 0.01, 0.7];

const reddi =
  (second: (v: number, d: number) => number, b1 = beta1): Reference =>
  (deltas) => {
    let [m, v, x] = [0, tau ** 2, 0];
    return deltas.map((d) => {
      m = b1 * m + (1 - b1) * d;
      v = second(v, d);
      x = x + (eta * m) / (v ** 0.5 + tau);
      return x;
    });
  };

const cases: readonly (readonly [StrategySettings, Reference])[] = [
  [
    { name: 'FedAvg', serverLearningRate: eta },
    (deltas) => deltas.map((_, t) => deltas.slice(0, t + 1).reduce((sum, d) => sum + eta * d, 0)),
  ],
  [
    // x after round t holds update s with the weight η·(1 + β + … + β^(t − s))
    { name: 'FedAvgM', serverLearningRate: eta, momentum },
    (deltas) =>
      deltas.map((_, t) => {
        let x = 0;
        for (let s = 0; s <= t; s++) x += (eta * deltas[s]! * (1 - momentum ** (t - s + 1))) / (1 - momentum);
        return x;
      }),
  ],
  [{ name: 'FedAdam', serverLearningRate: eta, beta1, beta2, tau }, reddi((v, d) => beta2 * v + (1 - beta2) * d ** 2)],
  [
    { name: 'FedYogi', serverLearningRate: eta, beta1, beta2, tau },
    reddi((v, d) => (v > d ** 2 ? v - (1 - beta2) * d ** 2 : v + (1 - beta2) * d ** 2)),
  ],
  [{ name: 'FedAdagrad', serverLearningRate: eta, beta1: 0, tau }, reddi((v, d) => v + d ** 2, 0)],
];

describe.each(cases)('$name', (settings, reference) => {
  it('takes the steps of its paper, and averages running statistics', () => {
    const strategy = createStrategy(settings, SIZE);
    const expected = Array.from(start, (_, i) => reference(updates.map((update) => update[i]!)));
    const averages = updates.map((_, t) => updates.slice(0, t + 1).reduce((sum, update) => sum + update.at(-1)!, 0));
    let parameters: Float32Array = start;
    for (const [round, mean] of updates.entries()) {
      parameters = strategy.step(parameters, mean);
      for (let i = 0; i < LENGTH; i++) {
        const moved = i < SIZE.trained ? expected[i]![round]! : averages[round]!;
        expect(Math.abs(parameters[i]! - (start[i]! + moved))).toBeLessThan(2e-6);
      }
    }
  });

  it('goes on from a saved state as if it had never stopped', () => {
    const run = (stopAfter: number): Float32Array => {
      let strategy = createStrategy(settings, SIZE);
      let parameters: Float32Array = start;
      for (const [round, mean] of updates.entries()) {
        if (round === stopAfter) {
          const saved = strategy.state();
          strategy = createStrategy(settings, SIZE);
          strategy.restore(saved);
        }
        parameters = strategy.step(parameters, mean);
      }
      return parameters;
    };
    expect(run(3)).toEqual(run(-1));
  });
});

describe('the state of a server optimiser', () => {
  const adam = { name: 'FedAdam', serverLearningRate: eta, beta1, beta2, tau } as const;

  it('is a copy, with a vector a moment', () => {
    const strategy = createStrategy(adam, SIZE);
    const state = strategy.state();
    expect(Object.keys(state).sort()).toEqual(['m', 'v']);
    state['m']!.fill(1e6);
    expect(strategy.state()['m']).toEqual(new Float64Array(SIZE.trained));
  });

  it('is refused when it belongs to another strategy or model, or is garbage', () => {
    const strategy = createStrategy(adam, SIZE);
    const own = strategy.state();
    const bad = [
      {},
      { m: own['m']! },
      { ...own, c: own['m']! },
      { ...own, v: new Float64Array(3) },
      { ...own, v: own['v']!.map(() => Number.NaN) },
    ];
    for (const state of bad)
      expect(() => strategy.restore(state)).toThrow(expect.objectContaining({ code: 'DATA_INVALID' }));
    expect(() => createStrategy({ name: 'FedAvg', serverLearningRate: 1 }, SIZE).restore(own)).toThrow(/FedAvg/);
    expect(strategy.state()).toEqual(own);
  });

  it('is not touched by a mean of the wrong length', () => {
    const strategy = createStrategy(adam, SIZE);
    const before = strategy.state();
    expect(() => strategy.step(start, new Float64Array(3).fill(1))).toThrow(RangeError);
    expect(strategy.state()).toEqual(before);
  });
});
