/**
 * Optimisers for 20 steps on given gradients, and schedules, against PyTorch in float64.
 * @module
 */
import { readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../onnx/builder.ts';
import { emitModel } from '../onnx/emit.ts';
import { createOptimiser } from './optimisers.ts';
import { checkSchedule, type ScheduleSpec, scheduleFactor } from './schedule.ts';
import type { OptimiserSpec } from './spec.ts';

function read(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../../test/vectors/losses/${name}`, import.meta.url), 'utf8'));
}

interface Vectors {
  readonly start: readonly number[];
  readonly gradients: readonly (readonly number[])[];
  readonly cases: readonly { readonly spec: OptimiserSpec; readonly parameters: readonly (readonly number[])[] }[];
}
const { start, gradients, cases } = read('optimisers.json') as Vectors;

/** Parameters after each step. */
async function run(spec: OptimiserSpec): Promise<number[][]> {
  const optimiser = createOptimiser(spec);
  const graph = new GraphBuilder();
  const vector = { dtype: 'float32', dims: [start.length] } as const;
  const [parameter, gradient] = [graph.input('p', vector), graph.input('g', vector)];
  const state = Array.from({ length: optimiser.slots }, (_, i) => graph.input(`s/${i}`, vector));
  const scalars = Object.fromEntries(
    optimiser.scalarNames.map((name) => [name, graph.input(`c/${name}`, { dtype: 'float32', dims: [] })]),
  );
  const next = optimiser.update({ graph, parameter, gradient, state, scalars });
  expect(next.state).toHaveLength(optimiser.slots);
  const outputs = new Map([['p+', next.parameter], ...next.state.map((name, i) => [`s+/${i}`, name] as const)]);
  const session = await ort.InferenceSession.create(emitModel(graph, outputs), { logSeverityLevel: 3 });
  const of = (values: Iterable<number>): ort.Tensor => new ort.Tensor('float32', Float32Array.from(values));
  const fill = Array.from({ length: start.length }, () => optimiser.stateStart ?? 0);
  let feeds: Record<string, ort.Tensor> = { p: of(start) };
  for (const name of state) feeds[name] = of(fill);
  const seen: number[][] = [];
  for (const [i, g] of gradients.entries()) {
    const values = optimiser.scalarsAt(i + 1, spec.learningRate);
    for (const name of optimiser.scalarNames)
      feeds[`c/${name}`] = new ort.Tensor('float32', Float32Array.of(values[name]!), []);
    const got = await session.run({ ...feeds, g: of(g) });
    feeds = Object.fromEntries(Object.entries(got).map(([name, value]) => [name.replace('+', ''), value]));
    seen.push(Array.from(got['p+']!.data as Float32Array));
  }
  await session.release();
  return seen;
}

describe('optimisers against PyTorch', () => {
  it.each(cases.map(({ spec, parameters }) => [JSON.stringify(spec), spec, parameters] as const))(
    '%s',
    async (_, spec, expected) => {
      const seen = await run(spec);
      // each step rounds a number below 4 a few times: 20 steps of 8 roundings of 2^-23
      const tolerance = 20 * 8 * 2 ** -23;
      for (const [step, parameters] of expected.entries())
        for (const [i, p] of parameters.entries())
          expect(Math.abs(seen[step]![i]! - p), `step ${step}`).toBeLessThanOrEqual(tolerance);
    },
  );

  it.each<[OptimiserSpec, string]>([
    [{ kind: 'sgd', learningRate: 1, nesterov: true }, 'nesterov needs momentum above 0 and dampening 0'],
    [{ kind: 'sgd', learningRate: 1, momentum: 0.9, dampening: 1.5 }, 'optimiser dampening is 1.5, expected [0, 1]'],
    [{ kind: 'rmsprop', learningRate: 1, alpha: 1 }, 'optimiser alpha is 1, expected [0, 1)'],
    [{ kind: 'rmsprop', learningRate: 1, epsilon: 0 }, 'optimiser epsilon is 0, expected (0, ∞)'],
    [{ kind: 'adagrad', learningRate: 1, rateDecay: -1 }, 'optimiser rateDecay is -1'],
    [{ kind: 'adagrad', learningRate: 1, initialAccumulator: -1 }, 'optimiser initialAccumulator is -1'],
    [{ kind: 'adam', learningRate: 1, beta2: 1 }, 'optimiser beta2 is 1'],
    [{ kind: 'lion' as 'sgd', learningRate: 1 }, 'optimiser "lion", expected one of sgd, adam'],
  ])('refuse %j', (spec, message) => {
    expect(() => createOptimiser(spec)).toThrow(message);
  });
});

describe('schedules', () => {
  interface Vector {
    readonly spec: ScheduleSpec;
    readonly factors: readonly number[];
  }
  const vectors = read('schedules.json') as readonly Vector[];

  it.each(vectors.map(({ spec, factors }) => [JSON.stringify(spec), spec, factors] as const))(
    '%s follows PyTorch',
    (_, spec, factors) => {
      for (const [step, factor] of factors.entries())
        expect(Math.abs(scheduleFactor(spec, step) - factor), `step ${step}`).toBeLessThan(1e-12);
    },
  );

  it('a cosine stays at its minimum, and a warm-up starts at a third', () => {
    const cosine = { kind: 'cosine', totalSteps: 4, minimum: 0.25 } as const;
    expect([4, 5, 8, 1000].map((step) => scheduleFactor(cosine, step))).toEqual([0.25, 0.25, 0.25, 0.25]);
    expect(scheduleFactor({ kind: 'constant', warmupSteps: 2 }, 0)).toBe(1 / 3);
  });

  it.each<[ScheduleSpec, string]>([
    [{ kind: 'step', stepSize: 0, gamma: 0.5 }, 'schedule stepSize is 0'],
    [{ kind: 'step', stepSize: 3, gamma: 2 }, 'schedule gamma is 2, expected (0, 1]'],
    [{ kind: 'cosine', totalSteps: 1.5 }, 'schedule totalSteps is 1.5'],
    [{ kind: 'cosine', totalSteps: 2, minimum: -1 }, 'schedule minimum is -1'],
    [{ kind: 'constant', warmupSteps: -1 }, 'schedule warmupSteps is -1'],
    [{ kind: 'constant', warmupStart: 2 }, 'schedule warmupStart is 2'],
    [{ kind: 'poly' as 'constant' }, 'schedule "poly", expected one of constant, step, cosine'],
  ])('refuse %j', (spec, message) => {
    expect(() => checkSchedule(spec)).toThrow(message);
  });
});
