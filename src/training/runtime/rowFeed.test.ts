/**
 * Rows that are made while the model trains: the same results as from memory, made ahead but not too far, and what is
 * thrown in making them stops the training.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { closeTrainers, openTrainer, xorData } from '../../../test/fixtures/training/trainers.ts';
import { KonsilError } from '../../base/index.ts';
import type { RowRequest, RowSource } from './rowSource.ts';

afterEach(closeTrainers);

/** Rows of `x` as a source that notes what it is asked for; `before` runs before each answer. */
function sourceOf(
  x: Float32Array,
  width: number,
  before: (request: RowRequest, number: number) => Promise<void> = async () => undefined,
): RowSource & { readonly asked: RowRequest[] } {
  const asked: RowRequest[] = [];
  const read = async (request: RowRequest): Promise<Float32Array> => {
    asked.push(request);
    await before(request, asked.length);
    const out = new Float32Array(request.rows.length * width);
    for (const [i, row] of request.rows.entries()) out.set(x.subarray(row * width, (row + 1) * width), i * width);
    return out;
  };
  return { width, asked, read };
}

describe('rows from elsewhere', () => {
  it('train, predict and evaluate to the same bits as rows in memory', async () => {
    const trainer = await openTrainer();
    const data = xorData(70, 5);
    const parameters = trainer.program.initial;
    const streamed = { ...data, x: sourceOf(data.x, trainer.program.input.width) };
    const call = { parameters, budget: { epochs: 3 }, seed: 3 };
    const { waitedMs: _now, ...fromMemory } = await trainer.train({ ...data, ...call });
    const { waitedMs, ...fromSource } = await trainer.train({ ...streamed, ...call });
    expect(fromSource).toEqual(fromMemory);
    expect(waitedMs).toBeGreaterThan(0);
    expect(await trainer.predict({ ...streamed, parameters })).toEqual(await trainer.predict({ ...data, parameters }));
    expect(await trainer.loss({ ...streamed, parameters })).toBe(await trainer.loss({ ...data, parameters }));
    expect(await trainer.gradient({ ...streamed, parameters })).toEqual(
      await trainer.gradient({ ...data, parameters }),
    );
  });

  it('are asked for once a step, with a draw of their own in training and none in evaluation', async () => {
    const trainer = await openTrainer();
    const data = xorData(70, 5);
    const source = sourceOf(data.x, trainer.program.input.width);
    const request = { ...data, x: source, parameters: trainer.program.initial };
    await trainer.train({ ...request, budget: { steps: 7 }, seed: 3 });
    expect(source.asked.map(({ draw }) => draw)).toEqual(Array.from({ length: 7 }, (_, step) => ({ seed: 3, step })));
    source.asked.length = 0;
    await trainer.predict(request);
    expect(source.asked.map(({ rows }) => rows.length)).toEqual([32, 32, 6]);
    expect(source.asked.every(({ draw }) => draw === undefined)).toBe(true);
  });

  it('are made ahead, a few batches and no more', async () => {
    const trainer = await openTrainer();
    const data = xorData(640, 5);
    let [open, most] = [0, 0];
    const source = sourceOf(data.x, trainer.program.input.width, async () => {
      most = Math.max(most, ++open);
      await sleep(5);
      open--;
    });
    await trainer.train({ ...data, x: source, parameters: trainer.program.initial, budget: { epochs: 1 }, seed: 1 });
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(4);
  });

  it('that cannot be made stop the training with their error, and leave the trainer usable', async () => {
    const trainer = await openTrainer();
    const data = xorData(70, 5);
    const broken = sourceOf(data.x, trainer.program.input.width, async (_, number) => {
      if (number > 3) throw new KonsilError('DATA_INVALID', 'image 7 cannot be decoded', { row: 7 });
    });
    const call = { ...data, parameters: trainer.program.initial, budget: { epochs: 4 }, seed: 3 };
    await expect(trainer.train({ ...call, x: broken })).rejects.toMatchObject({
      code: 'DATA_INVALID',
      message: 'image 7 cannot be decoded',
      facts: { row: 7 },
    });
    await expect(trainer.train(call)).resolves.toMatchObject({ samples: 280 });
  });

  it('of the wrong width are refused before any is made', async () => {
    const trainer = await openTrainer();
    const source = sourceOf(new Float32Array(10), 5);
    const call = { x: source, y: new Int32Array(2), rows: 2, parameters: trainer.program.initial };
    await expect(trainer.predict(call)).rejects.toMatchObject({ code: 'MODEL_MISMATCH' });
    expect(source.asked).toEqual([]);
  });
});
