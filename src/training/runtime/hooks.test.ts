/**
 * What changes a step: schedules over rounds, FedProx, SCAFFOLD, several runs a step.
 * @module
 */
import { afterEach, describe, expect, it } from 'vitest';
import { closeEngines, distance, noCheck, openEngine } from '../../../test/fixtures/training/engines.ts';
import { modelOf } from '../../../test/fixtures/training/models.ts';
import { xorData } from '../../../test/fixtures/training/trainers.ts';
import { normal, seededRng } from '../../base/index.ts';
import { floatTensor } from '../onnx/tensor.ts';
import { nextControl, scaffoldCorrection } from '../scaffold.ts';
import { builtinMlp } from '../zoo/tabular.ts';

afterEach(closeEngines);

const model = builtinMlp({ inputs: 2, hidden: [5], outputs: 2, activation: 'tanh', seed: 1 });
const data = xorData(8, 3);
/** One step sees all rows, so that steps can be followed by hand. */
const whole = { loss: 'cross_entropy', batchSize: 8 } as const;
const rate = 0.1;

function random(length: number, seed: number): Float32Array {
  const rng = seededRng(seed);
  return Float32Array.from({ length }, () => normal(rng));
}

describe('schedules in training', () => {
  it('go on where the round before stopped', async () => {
    const { engine, program } = openEngine(model, whole);
    const schedule = { kind: 'step', stepSize: 2, gamma: 0.1, warmupSteps: 1 } as const;
    const call = { ...data, parameters: program.initial, seed: 1, schedule };
    const once = await engine.train({ ...call, budget: { steps: 6 } }, noCheck);
    const first = await engine.train({ ...call, budget: { steps: 3 } }, noCheck);
    const rest = { ...call, parameters: first.parameters, budget: { steps: 3 } };
    const second = await engine.train({ ...rest, firstStep: 3 }, noCheck);
    // rows come in another order, whose sums round otherwise
    expect(distance(second.parameters, once.parameters)).toBeLessThan(1e-6);
    expect(distance((await engine.train(rest, noCheck)).parameters, once.parameters)).toBeGreaterThan(1e-3);
    expect(once.rateSum).toBeCloseTo(rate * (1 / 3 + 1 + 1 + 0.1 + 0.1 + 0.01), 12);
    expect(first.rateSum + second.rateSum).toBeCloseTo(once.rateSum, 12);
  });

  it('are checked before the first step', async () => {
    const { engine, program } = openEngine(model, whole);
    const call = { ...data, parameters: program.initial, seed: 1, budget: { steps: 1 } };
    await expect(engine.train({ ...call, firstStep: -1 }, noCheck)).rejects.toThrow('first step is -1');
    const schedule = { kind: 'step', stepSize: 0, gamma: 1 } as const;
    await expect(engine.train({ ...call, schedule }, noCheck)).rejects.toThrow('schedule stepSize is 0');
  });
});

describe('FedProx', () => {
  const mu = 0.7;

  it('adds μ(p - anchor) to the gradient, before clipping', async () => {
    const { engine, program } = openEngine(model, { ...whole, proximal: { mu }, clip: { norm: 0.5 } });
    const { initial: parameters } = program;
    const anchor = random(parameters.length, 4);
    const { gradient } = await engine.gradient({ ...data, parameters }, noCheck);
    const pulled = gradient.map((g, i) => g + mu * (parameters[i]! - anchor[i]!));
    const factor = Math.min(1, 0.5 / Math.hypot(...pulled));
    expect(factor).toBeLessThan(0.5);
    const call = { ...data, parameters, anchor, seed: 1, budget: { steps: 1 } };
    const trained = await engine.train(call, noCheck);
    const byHand = parameters.map((p, i) => p - rate * factor * pulled[i]!);
    expect(distance(trained.parameters, byHand)).toBeLessThan(1e-6);
  });

  it('stays close to the parameters it starts from, unless told otherwise', async () => {
    const free = openEngine(model, whole);
    const near = openEngine(model, { ...whole, proximal: { mu: 5 } });
    const { initial: parameters } = free.program;
    const call = { ...data, parameters, seed: 1, budget: { steps: 50 } };
    const moved = async ({ engine }: typeof free): Promise<number> =>
      distance((await engine.train(call, noCheck)).parameters, parameters);
    expect(await moved(near)).toBeLessThan(0.3 * (await moved(free)));
    const one = { ...call, budget: { steps: 1 } };
    const { parameters: first } = await near.engine.train(one, noCheck);
    expect(first).toEqual((await free.engine.train(one, noCheck)).parameters);
  });

  it('with μ = 0 is ordinary training, and a negative μ is refused', async () => {
    const [free, zero] = [openEngine(model, whole), openEngine(model, { ...whole, proximal: { mu: 0 } })];
    const call = { ...data, parameters: free.program.initial, seed: 1, budget: { steps: 5 } };
    expect((await zero.engine.train(call, noCheck)).parameters).toEqual(
      (await free.engine.train(call, noCheck)).parameters,
    );
    expect(() => openEngine(model, { ...whole, proximal: { mu: -1 } })).toThrow('proximal mu is -1');
  });
});

describe('SCAFFOLD', () => {
  it('adds the correction after clipping, and turns a round into the mean gradient', async () => {
    const { engine, program } = openEngine(model, { ...whole, controlVariates: true, clip: { norm: 0.1 } });
    const { initial: parameters } = program;
    const [control, globalControl] = [random(parameters.length, 5), random(parameters.length, 6)];
    const correction = scaffoldCorrection({ control, globalControl });
    const gradients: number[][] = [];
    let from = parameters;
    for (let step = 0; step < 3; step++) {
      const { gradient } = await engine.gradient({ ...data, parameters: from }, noCheck);
      const factor = Math.min(1, 0.1 / Math.hypot(...gradient));
      gradients.push(Array.from(gradient, (g) => g * factor));
      from = from.map((p, i) => p - rate * (gradients[step]![i]! + correction[i]!));
    }
    const call = { ...data, parameters, correction, seed: 1, budget: { steps: 3 } };
    const { parameters: to, rateSum } = await engine.train(call, noCheck);
    expect(distance(to, from)).toBeLessThan(1e-5);
    const next = nextControl({ control, globalControl, from: parameters, to, rateSum });
    const mean = gradients[0]!.map((_, i) => gradients.reduce((sum, g) => sum + g[i]!, 0) / 3);
    // differences of parameters below 4 (2^-22 off) over a sum of rates of 0.3
    expect(distance(next, mean)).toBeLessThan(1e-5);
  });

  it('without a correction is ordinary training; a correction that was not asked for is refused', async () => {
    const [plain, hooked] = [openEngine(model, whole), openEngine(model, { ...whole, controlVariates: true })];
    const { initial: parameters } = plain.program;
    const call = { ...data, parameters, seed: 1, budget: { steps: 5 } };
    expect((await hooked.engine.train(call, noCheck)).parameters).toEqual(
      (await plain.engine.train(call, noCheck)).parameters,
    );
    const correction = new Float32Array(parameters.length);
    await expect(plain.engine.train({ ...call, correction }, noCheck)).rejects.toThrow('control variates were not');
    await expect(hooked.engine.train({ ...call, correction: correction.subarray(1) }, noCheck)).rejects.toMatchObject({
      code: 'MODEL_MISMATCH',
    });
  });

  it('refuses vectors of different lengths and a round without steps', () => {
    const v = new Float32Array(2);
    const round = { control: v, globalControl: v, from: v, to: v, rateSum: 1 };
    expect(() => nextControl({ ...round, to: new Float32Array(3) })).toThrow(RangeError);
    expect(() => nextControl({ ...round, rateSum: 0 })).toThrow('rateSum is 0');
  });
});

describe('several runs a step', () => {
  const rows = xorData(38, 9);
  const adam = { kind: 'adam', learningRate: 0.05 } as const;
  const momentum = { kind: 'sgd', learningRate: 0.1, momentum: 0.9 } as const;

  it.each([
    ['plain', { optimiser: momentum }],
    ['clipped', { optimiser: momentum, clip: { norm: 0.05 } }],
    ['with Adam and hooks', { optimiser: adam, proximal: { mu: 0.1 }, controlVariates: true }],
    ['with class weights', { optimiser: momentum, loss: { kind: 'cross_entropy', classWeights: [1, 5] } }],
    ['with rows to ignore', { optimiser: momentum, loss: { kind: 'cross_entropy', ignoreIndex: 0 } }],
  ] as const)('%s, equal one run over all rows', async (_, options) => {
    // 38 rows are steps of 20 and 18, whose last runs take 5 and 3
    const many = openEngine(model, { ...whole, ...options, batchSize: 5, accumulate: 4 });
    const one = openEngine(model, { ...whole, ...options, batchSize: 20 });
    expect(many.program.layout).toEqual(one.program.layout);
    expect(many.program.hash).not.toBe(openEngine(model, { ...whole, ...options, batchSize: 5 }).program.hash);
    const call = { ...rows, parameters: one.program.initial, seed: 2, budget: { epochs: 3 } };
    const [a, b] = [await many.engine.train(call, noCheck), await one.engine.train(call, noCheck)];
    expect([a.steps, a.samples]).toEqual([b.steps, b.samples]);
    expect(Math.abs(a.meanLoss - b.meanLoss)).toBeLessThan(1e-6);
    // Adam divides by roots of squares of gradients, which enlarges what rounding leaves near 0
    expect(distance(a.parameters, b.parameters)).toBeLessThan(1e-5);
    expect(distance(a.parameters, call.parameters)).toBeGreaterThan(0.01);
    const loss = { ...rows, parameters: a.parameters };
    expect(Math.abs((await many.engine.loss(loss, noCheck)) - (await one.engine.loss(loss, noCheck)))).toBeLessThan(
      1e-6,
    );
    const [g, h] = [await many.engine.gradient(loss, noCheck), await one.engine.gradient(loss, noCheck)];
    expect(distance(g.gradient, h.gradient)).toBeLessThan(1e-6);
  });

  it('move running statistics once a run', async () => {
    const ones = floatTensor([2], new Float32Array(2).fill(1));
    const normalised = modelOf(
      [
        ['BatchNormalization', ['x', 'g', 'b', 'm', 'v'], 'h'],
        ['MatMul', ['h', 'w'], 'y'],
      ],
      { g: ones, b: ones, m: ones, v: ones, w: floatTensor([2, 2], random(4, 7)) },
      ['n', 2],
      ['n', 2],
    );
    const options = { loss: 'cross_entropy', batchNorm: 'train', batchSize: 4 } as const;
    const [many, one] = [openEngine(normalised, { ...options, accumulate: 2 }), openEngine(normalised, options)];
    // weights stay, so that the runs of a step see what steps of their own would see
    const call = { ...data, parameters: one.program.initial, seed: 2, budget: { epochs: 3 }, learningRate: 0 };
    const { parameters, steps } = await many.engine.train(call, noCheck);
    expect(steps).toBe(3);
    expect(parameters).toEqual((await one.engine.train(call, noCheck)).parameters);
    expect(distance(parameters, one.program.initial)).toBeGreaterThan(0.1);
  });

  it('refuse an impossible number', () => {
    expect(() => openEngine(model, { ...whole, accumulate: 0 })).toThrow('accumulate is 0, expected an integer');
  });
});
