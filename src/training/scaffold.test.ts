/**
 * Sites whose data differ: where averaging after many local steps ends up, and that SCAFFOLD ends up elsewhere: at the
 * optimum of all data together.
 * @module
 */
import { afterEach, describe, expect, it } from 'vitest';
import { closeEngines, distance, noCheck, openEngine } from '../../test/fixtures/training/engines.ts';
import { normal, seededRng } from '../base/index.ts';
import { nextControl, scaffoldCorrection } from './scaffold.ts';
import { builtinMlp } from './zoo/tabular.ts';

afterEach(closeEngines);

const rows = 16;
const model = builtinMlp({ inputs: 2, hidden: [], outputs: 1, activation: 'relu', seed: 1 });

/** Rows spread along one axis and with a law of their own: a linear model cannot please two such sites. */
function site(seed: number, spread: readonly [number, number], law: (a: number, b: number) => number) {
  const rng = seededRng(seed);
  const x = Float32Array.from({ length: 2 * rows }, (_, i) => spread[(i % 2) as 0 | 1] * normal(rng));
  return { x, y: Float32Array.from({ length: rows }, (_, i) => law(x[2 * i]!, x[2 * i + 1]!)), rows };
}

const sites = [site(1, [1, 0.4], (a, b) => 2 * a - b + 1), site(2, [0.4, 1], (a, b) => 3 * b - a - 1)];

function mean(vectors: readonly Float32Array[]): Float32Array {
  return vectors[0]!.map((_, i) => vectors.reduce((sum, v) => sum + v[i]!, 0) / vectors.length);
}

describe('SCAFFOLD', () => {
  it('reaches the optimum of all rows, where plain averaging stays off it', async () => {
    const options = { batchSize: rows, optimiser: { kind: 'sgd', learningRate: 0.1 }, controlVariates: true } as const;
    const { engine, program } = openEngine(model, options);
    const local = { seed: 1, budget: { steps: 20 } };
    let plain = program.initial;
    for (let round = 0; round < 60; round++) {
      const ends = [];
      for (const data of sites) ends.push(await engine.train({ ...data, ...local, parameters: plain }, noCheck));
      plain = mean(ends.map(({ parameters }) => parameters));
    }
    let from = program.initial;
    let controls: Float32Array[] = sites.map(() => new Float32Array(from.length));
    for (let round = 0; round < 60; round++) {
      const globalControl = mean(controls);
      const [ends, next]: [Float32Array[], Float32Array[]] = [[], []];
      for (const [i, data] of sites.entries()) {
        const control = controls[i]!;
        const correction = scaffoldCorrection({ control, globalControl });
        const { parameters: to, rateSum } = await engine.train(
          { ...data, ...local, parameters: from, correction },
          noCheck,
        );
        ends.push(to);
        next.push(nextControl({ control, globalControl, from, to, rateSum }));
      }
      from = mean(ends);
      controls = next;
    }
    const joined = {
      x: Float32Array.from(sites.flatMap(({ x }) => [...x])),
      y: Float32Array.from(sites.flatMap(({ y }) => [...y])),
      rows: 2 * rows,
    };
    const slope = async (parameters: Float32Array): Promise<number> =>
      Math.hypot(...(await engine.gradient({ ...joined, parameters }, noCheck)).gradient);
    // the gradient over all rows vanishes at their optimum only
    expect(await slope(from)).toBeLessThan(1e-4);
    expect(await slope(plain)).toBeGreaterThan(0.05);
    expect(distance(from, plain)).toBeGreaterThan(0.05);
  });
});
