import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Subset } from '../../datasources/index.ts';
import { parseTask } from '../../tasks/index.ts';
import type { TrainCall, Trainer, TrainResult } from '../../training/index.ts';
import { PodWork } from './podWork.ts';

const EXAMPLE = readFileSync(new URL('../../../examples/breast-cancer/task.yaml', import.meta.url), 'utf8');

/** The work of a pod with two rows, and what its trainer is asked; each training leaves another state. */
function setUp(lines: string) {
  const text = EXAMPLE.replace(/auto_eval: true/, 'auto_eval: false').replace(/\n( +)activation: .*/, `\n$1${lines}`);
  const calls: TrainCall[] = [];
  const train = (call: TrainCall): Promise<TrainResult> => {
    calls.push(call);
    const optimiserState = { values: Float32Array.of(calls.length), steps: calls.length };
    return Promise.resolve({
      ...{ parameters: call.parameters.map((value) => value + 1), meanLoss: 0, rateSum: 1, steps: 1, samples: 2 },
      ...(call.keepsOptimiserState && { optimiserState }),
    });
  };
  const subset: Subset = { x: new Float32Array(2), y: new Float32Array(2), rows: 2 };
  const work = new PodWork({
    task: parseTask(text, 'task.yaml'),
    data: { features: ['a'], train: subset, validation: subset, test: subset, warnings: [] },
    trainer: { train } as unknown as Trainer,
    facts: { features: 1, parameters: 2, kind: 'binary', classes: 2 },
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
