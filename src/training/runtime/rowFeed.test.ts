/**
 * Rows that are made while the model trains: the same results as from memory, made ahead but not too far, and what is
 * thrown in making them stops the training.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { closeTrainers, openTrainer, xorData } from '../../../test/fixtures/training/trainers.ts';
import { KonsilError } from '../../base/index.ts';
import type { MadeRows, RowRequest, RowSource } from './rowSource.ts';

afterEach(closeTrainers);

/** Rows of `x` as a source that notes what it is asked for and leaves out those of `gaps`; `before` runs before each answer. */
function sourceOf(
  x: Float32Array,
  width: number,
  before: (request: RowRequest, number: number) => Promise<void> = async () => undefined,
  gaps: ReadonlySet<number> = new Set(),
): RowSource & { readonly asked: RowRequest[] } {
  const asked: RowRequest[] = [];
  const read = async (request: RowRequest): Promise<MadeRows> => {
    asked.push(request);
    await before(request, asked.length);
    const rows = request.rows.filter((row) => !gaps.has(row));
    const out = new Float32Array(rows.length * width);
    for (const [i, row] of rows.entries()) out.set(x.subarray(row * width, (row + 1) * width), i * width);
    return { rows, x: out };
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

  it('that cannot be made are left out: with their targets, of batches, of losses, of gradients', async () => {
    const trainer = await openTrainer();
    const { width } = trainer.program.input;
    const data = xorData(100, 5);
    const gaps = new Set([0, 5, 31, 64, 65, 66, 99]);
    const kept = Uint32Array.from([...Array(100).keys()].filter((row) => !gaps.has(row)));
    const only = {
      x: Float32Array.from([...kept].flatMap((row) => [...data.x.subarray(row * width, (row + 1) * width)])),
      y: data.y.filter((_, row) => !gaps.has(row)),
      rows: kept.length,
    };
    const parameters = trainer.program.initial;
    const streamed = { ...data, x: sourceOf(data.x, width, undefined, gaps), parameters };
    const outputs = await trainer.predict({ ...only, parameters });
    const said = await trainer.predict(streamed);
    const per = outputs.length / kept.length;
    expect(said).toHaveLength(100 * per);
    for (const [i, row] of kept.entries())
      expect(said.slice(row * per, (row + 1) * per)).toEqual(outputs.slice(i * per, (i + 1) * per));
    expect(said.slice(0, per)).toEqual(new Float32Array(per));
    expect(await trainer.loss(streamed)).toBeCloseTo(await trainer.loss({ ...only, parameters }), 5);
    const [some, all] = [await trainer.gradient(streamed), await trainer.gradient({ ...only, parameters })];
    expect(some).toEqual(all);
    const call = { budget: { epochs: 2 }, seed: 3 };
    const { waitedMs: _first, ...once } = await trainer.train({ ...streamed, ...call });
    const { waitedMs: _second, ...twice } = await trainer.train({ ...streamed, ...call });
    expect(once).toEqual(twice);
    expect(once.samples).toBe(2 * kept.length);
    // a target of a row that is left out has no effect
    const y = data.y.map((label, row) => (gaps.has(row) ? 1 - label : label));
    const { waitedMs: _third, ...other } = await trainer.train({ ...streamed, y, ...call });
    expect(other).toEqual(once);
  });

  it('of which a whole batch cannot be made are a step that changes nothing', async () => {
    const trainer = await openTrainer();
    const data = xorData(40, 5);
    const none = sourceOf(data.x, trainer.program.input.width, undefined, new Set(Array(40).keys()));
    const call = { ...data, x: none, parameters: trainer.program.initial };
    const trained = await trainer.train({ ...call, budget: { epochs: 2 }, seed: 1 });
    expect(trained).toMatchObject({ parameters: trainer.program.initial, meanLoss: 0, samples: 0, steps: 4 });
    expect(await trainer.loss(call)).toBe(0);
  });

  it('of the wrong width are refused before any is made', async () => {
    const trainer = await openTrainer();
    const source = sourceOf(new Float32Array(10), 5);
    const call = { x: source, y: new Int32Array(2), rows: 2, parameters: trainer.program.initial };
    await expect(trainer.predict(call)).rejects.toMatchObject({ code: 'MODEL_MISMATCH' });
    expect(source.asked).toEqual([]);
  });
});
