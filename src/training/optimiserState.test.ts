/**
 * What an optimiser remembers, taken out after some steps and put back for the next ones: as if there had been no break.
 * @module
 */
import { afterEach, describe, expect, it } from 'vitest';
import { closeEngines, distance, noCheck, openEngine } from '../../test/fixtures/training/engines.ts';
import { mlpAsTfjs, packed } from '../../test/fixtures/training/tfjsModels.ts';
import { xorData } from '../../test/fixtures/training/trainers.ts';
import type { OptimiserSpec } from './optim/optimisers.ts';
import type { TrainingEngine } from './runtime/engineApi.ts';
import { TfjsEngine } from './tfjs/engine.ts';
import { builtinMlp } from './zoo/tabular.ts';

const tfjs: TfjsEngine[] = [];
afterEach(async () => {
  await closeEngines();
  for (const engine of tfjs.splice(0)) await engine.close();
});

const ROWS = 12;
const spec = { inputs: 2, hidden: [4], outputs: 2, activation: 'tanh', seed: 1 } as const;
const data = xorData(ROWS, 3);

async function open(kind: 'onnx' | 'tfjs', optimiser: OptimiserSpec): Promise<[TrainingEngine, Float32Array]> {
  // a batch is all rows: their order, which begins anew in each call, changes nothing but rounding
  const options = { loss: 'cross_entropy', optimiser, batchSize: ROWS } as const;
  const { engine, program } = openEngine(builtinMlp(spec), options);
  if (kind === 'onnx') return [engine, program.initial];
  const model = packed(mlpAsTfjs(spec, program.initial, 'linear'));
  const other = await TfjsEngine.open(model, { source: 'model.json', ...options }, ['cpu']);
  tfjs.push(other);
  return [other, other.program.initial];
}

const optimisers: OptimiserSpec[] = [
  { kind: 'adam', learningRate: 0.05 },
  { kind: 'sgd', learningRate: 0.1, momentum: 0.9 },
];

describe.each(['onnx', 'tfjs'] as const)('the %s engine', (kind) => {
  it.each(optimisers)('goes on where $kind stopped', async (optimiser) => {
    const [engine, parameters] = await open(kind, optimiser);
    const call = { ...data, seed: 1, budget: { steps: 5 } };
    const whole = await engine.train({ ...call, parameters, budget: { steps: 10 } }, noCheck);
    const first = await engine.train({ ...call, parameters, keepsOptimiserState: true }, noCheck);
    expect(whole.optimiserState).toBeUndefined();
    expect(first.optimiserState!.steps).toBe(5);
    const next = {
      ...call,
      parameters: first.parameters,
      optimiserState: first.optimiserState!,
      keepsOptimiserState: true,
    };
    const second = await engine.train(next, noCheck);
    expect(distance(second.parameters, whole.parameters)).toBeLessThan(1e-5);
    expect(second.optimiserState!.steps).toBe(10);
    const forgetful = await engine.train({ ...call, parameters: first.parameters }, noCheck);
    expect(distance(forgetful.parameters, whole.parameters)).toBeGreaterThan(1e-3);
  });

  it('refuses a state of another optimiser', async () => {
    const [engine, parameters] = await open(kind, optimisers[0]!);
    const optimiserState = { values: new Float32Array(3), steps: 1 };
    await expect(
      engine.train({ ...data, parameters, seed: 1, budget: { steps: 1 }, optimiserState }, noCheck),
    ).rejects.toThrow(expect.objectContaining({ code: 'MODEL_MISMATCH' }));
  });
});
