/**
 * onnxruntime's BatchNormalization in training mode writes over its inputs 3 and 4, even inputs of the graph and
 * constants: what a caller feeds, and what other nodes read, must not be among them.
 * @module
 */
import { afterEach, describe, expect, it } from 'vitest';
import { closeEngines, noCheck, openEngine } from '../../../test/fixtures/training/engines.ts';
import { modelOf, type NodeSpec } from '../../../test/fixtures/training/models.ts';
import { normal, seededRng } from '../../base/index.ts';
import { floatTensor } from '../onnx/tensor.ts';

afterEach(closeEngines);

const training = { training_mode: { int: 1 } };
const shared = ['gamma', 'beta', 'mean', 'variance'];
const values = (...numbers: number[]) => floatTensor([numbers.length], Float32Array.from(numbers));
const initializers = {
  gamma: values(1, 2),
  beta: values(0.5, -0.5),
  mean: values(0.25, -0.25),
  variance: values(1.5, 0.75),
  m2: values(0.25, -0.25),
  v2: values(1.5, 0.75),
  w: floatTensor([2, 1], Float32Array.of(0.3, -0.7)),
};

function network(second: readonly string[]): Uint8Array {
  const nodes: NodeSpec[] = [
    ['BatchNormalization', ['x', ...shared], 'a', training],
    ['Tanh', ['a'], 'b'],
    ['BatchNormalization', ['b', 'gamma', 'beta', ...second], 'c', training],
    // the values that the second normalisation starts from are read once more
    ['Add', ['c', second[0]!], 'd'],
    ['MatMul', ['d', 'w'], 'y'],
  ];
  return modelOf(nodes, initializers, ['n', 2], ['n', 1]);
}

const rng = seededRng(11);
const x = Float32Array.from({ length: 32 }, () => normal(rng));
const y = Float32Array.from({ length: 16 }, () => normal(rng));

describe('training statistics', () => {
  it.each([
    ['of their own', ['m2', 'v2']],
    ['shared by two layers', ['mean', 'variance']],
  ])('%s: nothing that is fed changes, and twice the same gives the same', async (_, second) => {
    const { engine, program } = openEngine(network(second));
    const given = [program.initial, x, y].map((array) => array.slice());
    const request = { x, y, rows: 16, parameters: program.initial };
    const first = await engine.gradient(request, noCheck);
    const trained = await engine.train({ ...request, budget: { steps: 3 }, seed: 1 }, noCheck);
    expect([program.initial, x, y]).toEqual(given);
    expect(await engine.gradient(request, noCheck)).toEqual(first);
    expect(await engine.train({ ...request, budget: { steps: 3 }, seed: 1 }, noCheck)).toEqual(trained);
  });

  it.each([
    ['of their own', ['m2', 'v2']],
    ['shared by two layers', ['mean', 'variance']],
  ])('%s: one step moves them as the formula says', async (_, second) => {
    const { engine, program } = openEngine(network(second), { batchSize: 16 });
    const request = { x, y, rows: 16, parameters: program.initial };
    const { parameters } = await engine.train({ ...request, budget: { steps: 1 }, seed: 1 }, noCheck);
    const entry = program.layout.entries.find(({ name }) => name === 'mean')!;
    const batchMean = [0, 1].map((c) => x.reduce((n, v, i) => (i % 2 === c ? n + v / 16 : n), 0));
    const once = batchMean.map((mean, c) => 0.9 * Number(initializers.mean.data[c]) + 0.1 * mean);
    const at = (c: number): number => parameters[entry.offset + c]!;
    if (second[0] === 'm2') for (const c of [0, 1]) expect(at(c)).toBeCloseTo(once[c]!, 6);
    // the second layer goes on from what the first made of them
    else for (const c of [0, 1]) expect(Math.abs(at(c) - 0.9 * once[c]!)).toBeLessThanOrEqual(0.1);
  });

  it('as constants stay as they are', async () => {
    const options = { batchNorm: 'train', train: ['w'], batchSize: 16 } as const;
    const { engine, program } = openEngine(network(['mean', 'variance']), options);
    const request = { x, y, rows: 16, parameters: program.initial };
    const losses = [];
    for (let i = 0; i < 3; i++) losses.push((await engine.gradient(request, noCheck)).loss);
    expect(new Set(losses).size).toBe(1);
    expect(program.layout.entries.map(({ name }) => name)).toContain('w');
  });
});
