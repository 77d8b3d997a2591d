import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Subset } from '../../datasources/index.ts';
import { parseTask } from '../../tasks/index.ts';
import type { TrainCall, Trainer, TrainResult } from '../../training/index.ts';
import { PodWork } from './podWork.ts';
import { wholeMean } from './strategies.ts';
import type { SumFacts } from './sums.ts';

const EXAMPLE = readFileSync(new URL('../../../examples/breast-cancer/task.yaml', import.meta.url), 'utf8');

/** The work of a pod with two rows, and what its trainer is asked; each training leaves another state. */
function setUp(lines: string, facts: Partial<SumFacts> = {}) {
  const text = EXAMPLE.replace(/auto_eval: true/, 'auto_eval: false').replace(/\n( +)activation: .*/, `\n$1${lines}`);
  const calls: TrainCall[] = [];
  const train = (call: TrainCall): Promise<TrainResult> => {
    calls.push(call);
    const optimiserState = { values: Float32Array.of(calls.length), steps: calls.length };
    return Promise.resolve({
      ...{
        parameters: call.parameters.map((value) => value + 1),
        meanLoss: 0,
        rateSum: 1,
        steps: 1,
        samples: 2,
        waitedMs: 0,
      },
      ...(call.keepsOptimiserState && { optimiserState }),
    });
  };
  const subset: Subset = { x: new Float32Array(2), y: new Float32Array(2), rows: 2 };
  const work = new PodWork({
    task: parseTask(text, 'task.yaml'),
    data: { features: ['a'], width: 1, train: subset, validation: subset, test: subset, warnings: [] },
    trainer: { train } as unknown as Trainer,
    facts: { features: 1, parameters: 2, kind: 'binary', classes: 2, ...facts },
  });
  return { work, calls };
}

describe('the optimiser’s state between rounds', () => {
  const given = Float32Array.of(0, 0);

  it('is not kept by default', async () => {
    const { work, calls } = setUp('activation: relu');
    await work.update(given, 0);
    work.settle();
    await work.update(given, 1);
    for (const call of calls) expect(call).not.toMatchObject({ keepsOptimiserState: true });
    expect(calls[1]!.optimiserState).toBeUndefined();
  });

  it('is that of the last round that was summed, where the task keeps it', async () => {
    const { work, calls } = setUp('optimizer_state: keep');
    await work.update(given, 0);
    await work.update(given, 0); // again: nothing came of the first
    work.settle();
    await work.update(given, 1);
    work.settle();
    work.settle();
    await work.update(given, 2);
    expect(calls.map(({ optimiserState }) => optimiserState?.steps)).toEqual([undefined, undefined, 2, 3]);
  });
});

describe('local parameters with control variates', () => {
  const facts = {
    ...{ parameters: 1, trained: 1, controls: { length: 1, clip: 9 } },
    shared: { stretches: [{ from: 1, to: 2 }], model: 2, trained: 2 },
  };

  it('are neither corrected nor sent', async () => {
    const { work, calls } = setUp('activation: relu', facts);
    const first = await work.update(Float32Array.of(5, 6, 0.5), 0);
    expect(calls[0]).toMatchObject({ parameters: Float32Array.of(5, 6), correction: Float32Array.of(0, 0.5) });
    // the trainer above moves everything by 1: c⁺ = 0 − 0.5 + (6 − 7)/1
    expect(first.update).toEqual(Float32Array.of(1, -1.5));
    work.settle();
    await work.update(Float32Array.of(50, 60, 0), 1);
    expect(calls[1]).toMatchObject({ parameters: Float32Array.of(6, 60), correction: Float32Array.of(0, 1.5) });
  });

  it('move by nothing at the coordinator', () => {
    const whole = wholeMean(Float64Array.of(1, -1.5), { features: 1, kind: 'binary', classes: 2, ...facts }, null);
    expect(whole).toEqual(Float64Array.of(0, 1, -1.5));
  });
});
