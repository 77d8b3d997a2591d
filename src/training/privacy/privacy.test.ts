/**
 * Private training: what one row can change, the noise, and that without both it is ordinary training.
 * @module
 */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { closeEngines, distance, noCheck, openEngine } from '../../../test/fixtures/training/engines.ts';
import { modelOf } from '../../../test/fixtures/training/models.ts';
import { normal, seededRng } from '../../base/index.ts';
import { viewOf } from '../layout.ts';
import { floatTensor } from '../onnx/tensor.ts';
import { builtinMlp } from '../zoo/tabular.ts';
import { addGaussian, poissonBatches, secureRng } from './noise.ts';

afterEach(closeEngines);

const model = builtinMlp({ inputs: 2, hidden: [5], outputs: 2, activation: 'tanh', seed: 1 });
const rows = 8;

function dataOf(seed: number, scale = 1): { x: Float32Array; y: Float32Array; rows: number } {
  const rng = seededRng(seed);
  const draw = (): number => normal(rng) * scale;
  return { x: Float32Array.from({ length: 2 * rows }, draw), y: Float32Array.from({ length: 2 * rows }, draw), rows };
}

describe('private steps', () => {
  it('without noise and with a wide clip are ordinary ones', async () => {
    const optimiser = { kind: 'adam', learningRate: 0.05 } as const;
    const plain = openEngine(model, { optimiser });
    const dp = openEngine(model, { optimiser, privacy: { clipNorm: 1e6, noiseMultiplier: 0 } });
    // 8 rows in batches of 8: every row is in every step
    const call = { ...dataOf(1), parameters: plain.program.initial, seed: 1, budget: { steps: 10 } };
    const [a, b] = [await dp.engine.train(call, noCheck), await plain.engine.train(call, noCheck)];
    expect(a).toMatchObject({ steps: 10, samples: 80 });
    expect(Math.abs(a.meanLoss - b.meanLoss)).toBeLessThan(1e-5);
    expect(distance(a.parameters, b.parameters)).toBeLessThan(1e-5);
  });

  it('move the sum by at most the clip norm for one row left out, twice that for one exchanged', async () => {
    const clipNorm = 0.3;
    const options = { optimiser: { kind: 'sgd', learningRate: 1 }, privacy: { clipNorm, noiseMultiplier: 0 } } as const;
    const { engine, program } = openEngine(model, options);
    const sumOver = async (batch: readonly number[], data: ReturnType<typeof dataOf>): Promise<Float64Array> => {
      const stepper = await engine.stepper(program.initial, 1);
      await stepper.step(Uint32Array.from(batch), data.x, data.y);
      // p' = p - sum/8
      return Float64Array.from(await stepper.parameters(), (p, i) => (program.initial[i]! - p) * rows);
    };
    const norm = (a: Float64Array, b: Float64Array): number => Math.hypot(...a.map((v, i) => v - b[i]!));
    // parameters below 1 lose 2^-25 each in p - sum/8, times 8 and √27 of them
    const slack = 8 * Math.sqrt(27) * 2 ** -24;
    let largest = 0;
    const property = fc.asyncProperty(
      fc.integer({ min: 0, max: 1e6 }),
      fc.integer({ min: 0, max: rows - 1 }),
      fc.constantFrom(0.01, 1, 100),
      async (seed, row, scale) => {
        const data = dataOf(seed, scale);
        const other = { ...data, x: data.x.slice(), y: data.y.slice() };
        other.x.set([50, -50], 2 * row);
        other.y.set([-1e3, 1e3], 2 * row);
        const all = [...Array(rows).keys()];
        const sum = await sumOver(all, data);
        expect(norm(sum, await sumOver(all.toSpliced(row, 1), data))).toBeLessThanOrEqual(clipNorm + slack);
        const exchanged = norm(sum, await sumOver(all, other));
        expect(exchanged).toBeLessThanOrEqual(2 * clipNorm + slack);
        largest = Math.max(largest, exchanged);
      },
    );
    await fc.assert(property, { numRuns: 25, seed: 3 });
    // the bound is not met by doing nothing
    expect(largest).toBeGreaterThan(clipNorm);
  });

  it('add noise of the deviation asked for to every coordinate', async () => {
    const [clipNorm, noiseMultiplier] = [0.5, 2];
    const wide = builtinMlp({ inputs: 2, hidden: [500], outputs: 2, activation: 'tanh', seed: 1 });
    const optimiser = { kind: 'sgd', learningRate: 1 } as const;
    const open = (multiplier: number) =>
      openEngine(wide, { optimiser, privacy: { clipNorm, noiseMultiplier: multiplier } }, seededRng(6));
    const [noisy, silent] = [open(noiseMultiplier), open(0)];
    const call = { ...dataOf(2), parameters: noisy.program.initial, seed: 1, budget: { steps: 1 } };
    const [a, b] = [await noisy.engine.train(call, noCheck), await silent.engine.train(call, noCheck)];
    const units = Array.from(a.parameters, (p, i) => ((b.parameters[i]! - p) * rows) / (clipNorm * noiseMultiplier));
    const count = units.length;
    expect(count).toBe(2502);
    const mean = units.reduce((s, v) => s + v, 0) / count;
    const variance = units.reduce((s, v) => s + (v - mean) ** 2, 0) / count;
    // 4 standard errors: 1/√n of the mean, √(2/n) of the variance
    expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(count));
    expect(Math.abs(variance - 1)).toBeLessThan(4 * Math.sqrt(2 / count));
    for (const entry of noisy.program.layout.entries)
      expect(new Set(viewOf(Float32Array.from(units), entry)).size, entry.name).toBe(entry.count);
  });

  it('make a step of noise alone when no row was drawn', async () => {
    const privacy = { clipNorm: 1, noiseMultiplier: 1 };
    const { engine, program } = openEngine(model, { privacy, batchSize: 2 }, () => 0.999);
    const call = { ...dataOf(2), parameters: program.initial, seed: 1, budget: { steps: 1 } };
    const { samples, meanLoss, parameters } = await engine.train(call, noCheck);
    expect([samples, meanLoss]).toEqual([0, 0]);
    expect(distance(parameters, program.initial)).toBeGreaterThan(0);
  });

  it('differ from run to run, since nothing in a request seeds them', async () => {
    const { engine, program } = openEngine(model, { privacy: { clipNorm: 1, noiseMultiplier: 1 } });
    const call = { ...dataOf(2), parameters: program.initial, seed: 1, budget: { steps: 1 } };
    const [a, b] = [await engine.train(call, noCheck), await engine.train(call, noCheck)];
    expect(distance(a.parameters, b.parameters)).toBeGreaterThan(1e-4);
  });

  it('weigh rows by class, where a mean over one row would cancel the weight', async () => {
    const loss = { kind: 'cross_entropy', classWeights: [1, 4] } as const;
    const privacy = { clipNorm: 1e6, noiseMultiplier: 0 };
    const dp = openEngine(model, { loss, privacy });
    const plain = openEngine(model, { loss });
    const { x } = dataOf(4);
    const y = Int32Array.of(0, 1, 1, 0, 1, 0, 0, 0);
    const call = { x, y, rows, parameters: plain.program.initial, seed: 1, budget: { steps: 1 } };
    const [a, b] = [await dp.engine.train(call, noCheck), await plain.engine.train(call, noCheck)];
    // Σ w·g / 8 against Σ w·g / Σ w, with Σ w = 17
    const moved = a.parameters.map((p, i) => ((p - call.parameters[i]!) * 8) / 17);
    expect(
      distance(
        moved,
        b.parameters.map((p, i) => p - call.parameters[i]!),
      ),
    ).toBeLessThan(1e-6);
  });

  it('refuse models and losses whose rows have no gradient of their own, and impossible numbers', () => {
    const privacy = { clipNorm: 1, noiseMultiplier: 1 };
    const ones = (count: number): Float32Array => new Float32Array(count).fill(1);
    const normalised = modelOf(
      [
        ['BatchNormalization', ['x', 'g', 'b', 'm', 'v'], 'h'],
        ['MatMul', ['h', 'w'], 'y'],
      ],
      Object.fromEntries(
        ['g', 'b', 'm', 'v']
          .map((name) => [name, floatTensor([2], ones(2))])
          .concat([['w', floatTensor([2, 2], ones(4))]]),
      ) as Record<string, ReturnType<typeof floatTensor>>,
      ['n', 2],
      ['n', 2],
    );
    expect(() => openEngine(normalised, { privacy, batchNorm: 'train' })).toThrow('statistics of the batch');
    expect(openEngine(normalised, { privacy }).program.mixesRows).toBe(false);
    const hazard = builtinMlp({ inputs: 2, hidden: [], outputs: 1, activation: 'relu', seed: 1 });
    expect(() => openEngine(hazard, { privacy, loss: 'cox' })).toThrow('loss over the batch');
    expect(() => openEngine(model, { privacy, accumulate: 2 })).toThrow('leave accumulate at 1');
    expect(() => openEngine(model, { privacy: { ...privacy, clipNorm: 0 } })).toThrow('privacy clipNorm is 0');
    expect(() => openEngine(model, { privacy: { ...privacy, noiseMultiplier: -1 } })).toThrow('noiseMultiplier is -1');
  });
});

describe('random numbers', () => {
  it('are normal: mean, variance, and shares beyond one and two deviations', () => {
    const values = new Float64Array(100_001);
    addGaussian(values, 3, seededRng(1));
    const units = values.map((v) => v / 3);
    const mean = units.reduce((s, v) => s + v, 0) / units.length;
    const variance = units.reduce((s, v) => s + v * v, 0) / units.length;
    expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(units.length));
    expect(Math.abs(variance - 1)).toBeLessThan(4 * Math.sqrt(2 / units.length));
    for (const [bound, share] of [
      [1, 0.3173],
      [2, 0.0455],
      [3, 0.0027],
    ] as const) {
      // biome-ignore format: pairs
      const beyond = units.filter((v) => Math.abs(v) > bound).length / units.length;
      expect(Math.abs(beyond - share)).toBeLessThan(4 * Math.sqrt(share / units.length));
    }
    expect(values.at(-1)).not.toBe(0);
  });

  it('are added to what is there, and nothing for deviation 0', () => {
    const values = Float64Array.of(100, 200, 300);
    addGaussian(values, 0, () => 0.5);
    expect([...values]).toEqual([100, 200, 300]);
    addGaussian(values, 1, seededRng(2));
    expect(distance(values, [100, 200, 300])).toBeLessThan(5);
  });

  it('of the system are uniform in [0, 1) and never the same', () => {
    const rng = secureRng();
    const values = Array.from({ length: 20_000 }, rng);
    expect(values.every((v) => v >= 0 && v < 1)).toBe(true);
    expect(new Set(values).size).toBe(values.length);
    const mean = values.reduce((s, v) => s + v, 0) / values.length;
    // 6 standard errors, since these differ from run to run
    expect(Math.abs(mean - 0.5)).toBeLessThan(6 * Math.sqrt(1 / 12 / values.length));
  });

  it('draw each row on its own with the given chance', () => {
    const batches = poissonBatches(1000, 0.1, seededRng(3));
    const sizes = Array.from({ length: 200 }, () => batches.next().value.length);
    const mean = sizes.reduce((s, v) => s + v, 0) / sizes.length;
    const variance = sizes.reduce((s, v) => s + (v - mean) ** 2, 0) / sizes.length;
    expect(Math.abs(mean - 100)).toBeLessThan(4 * Math.sqrt(90 / 200));
    expect(Math.abs(variance / 90 - 1)).toBeLessThan(4 * Math.sqrt(2 / 200));
  });
});
