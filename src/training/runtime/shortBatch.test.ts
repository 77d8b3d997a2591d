/**
 * The last, short batch of a model whose rows see each other: graphs of its own size instead of padding.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { readBatch, readCase, readFixture } from '../../../test/fixtures/training/fixtures.ts';
import { compile } from '../compile.ts';
import type { CompiledModel } from '../program.ts';
import { Engine } from './engine.ts';

const spec = readCase('resnet_tiny');
const model = new Uint8Array(readFixture('resnet_tiny', 'model_dyn.onnx'));
const { x, y } = readBatch('resnet_tiny', 0);
const targets = Int32Array.from(y as Iterable<bigint>, Number);

function compileFor(batchSize: number): CompiledModel {
  return compile(model, {
    ...{ source: 'resnet_tiny', loss: spec.loss.kind, batchSize },
    optimiser: { kind: 'sgd', learningRate: 0.05 },
  });
}

async function stepOn(engine: Engine, program: CompiledModel, rows: number): Promise<Float32Array> {
  const stepper = await engine.stepper(program.initial, 0.05);
  await stepper.step(
    Uint32Array.from({ length: rows }, (_, i) => i),
    x,
    targets,
  );
  return stepper.parameters();
}

describe('a short batch with batch normalisation', () => {
  it('trains as if it were the only size there is', async () => {
    const [whole, small] = [compileFor(8), compileFor(3)];
    expect(whole.mixesRows).toBe(true);
    const engines = {
      recompiling: new Engine(whole, { threads: 1, recompile: compileFor }),
      small: new Engine(small, { threads: 1 }),
      padding: new Engine(whole, { threads: 1 }),
    };
    const expected = await stepOn(engines.small, small, 3);
    expect(await stepOn(engines.recompiling, whole, 3)).toEqual(expected);
    // what the graphs of their own are for: padding rows would be part of the statistics
    expect(await stepOn(engines.padding, whole, 3)).not.toEqual(expected);
    for (const engine of Object.values(engines)) await engine.close();
  });

  it('is padded when the model has one size only, or one row has no statistics', async () => {
    const whole = compileFor(8);
    const refuse = (batchSize: number): CompiledModel => {
      expect(batchSize).toBe(1);
      return compileFor(batchSize);
    };
    const engine = new Engine(whole, { threads: 1, recompile: refuse });
    // a single row of 2x2 positions still has statistics; its gradient is finite either way
    expect((await stepOn(engine, whole, 1)).every(Number.isFinite)).toBe(true);
    await engine.close();
  });
});
