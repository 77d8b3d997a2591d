/**
 * Against PyTorch in float64: gradients, outputs, loss curves and final parameters of three networks.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { readBatch, readCase, readFixture } from '../../../test/fixtures/training/fixtures.ts';
import { compile } from '../compile.ts';
import { viewOf } from '../layout.ts';
import type { OptimiserSpec } from '../optim/optimisers.ts';
import { Engine } from './engine.ts';

const NAMES = ['logreg', 'mlp', 'mlp_reg'] as const;
const FILES = ['model.onnx', 'model_dyn.onnx'] as const;
const noCheck = (): void => {};

function open(name: string, file: string, optimiser: OptimiserSpec) {
  const { loss } = readCase(name);
  const model = new Uint8Array(readFixture(name, file));
  const program = compile(model, { source: file, loss: loss.kind, optimiser, batchSize: readBatch(name, 0).rows });
  return { program, engine: new Engine(program, { threads: 1 }) };
}

function specOf(name: string, kind: 'sgd' | 'adam' | 'adamw'): OptimiserSpec {
  const given = readCase(name).optimisers[kind];
  const shared = { learningRate: given.lr, weightDecay: given.weight_decay };
  if (kind === 'sgd') return { kind, ...shared, momentum: given.momentum! };
  return { kind, ...shared, beta1: given.beta1!, beta2: given.beta2!, epsilon: given.eps! };
}

describe.each(NAMES)('%s', (name) => {
  const spec = readCase(name);

  it.each(FILES)('%s: layout, loss and every gradient match PyTorch', async (file) => {
    const { program, engine } = open(name, file, { kind: 'sgd', learningRate: 0.1 });
    expect(program.layout.entries.map((e) => [e.name, e.dims, e.offset, e.count])).toEqual(
      spec.parameters.map((p) => [p.name, p.shape, p.offset, p.count]),
    );
    const { gradient, loss } = await engine.gradient({ ...readBatch(name, 0), parameters: program.initial }, noCheck);
    expect(Math.abs(loss - spec.loss_fp64)).toBeLessThanOrEqual(spec.tolerance.loss_rel * spec.loss_fp64);
    const expected = new Float64Array(readFixture(name, 'grads64.bin'));
    for (const [i, entry] of program.layout.entries.entries()) {
      const worst = viewOf(gradient, entry).reduce(
        (w, g, k) => Math.max(w, Math.abs(g - expected[entry.offset + k]!)),
        0,
      );
      expect(worst, entry.name).toBeLessThanOrEqual(spec.parameters[i]!.grad_tolerance_abs);
    }
    await engine.close();
  });

  it('outputs match PyTorch', async () => {
    const { program, engine } = open(name, 'model_dyn.onnx', { kind: 'sgd', learningRate: 0.1 });
    const y = await engine.predict({ ...readBatch(name, 0), parameters: program.initial }, noCheck);
    const expected = new Float64Array(readFixture(name, 'train_y.bin'));
    const largest = expected.reduce((w, v) => Math.max(w, Math.abs(v)), 0);
    expect(y.length).toBe(expected.length);
    for (const [i, v] of expected.entries())
      expect(Math.abs(y[i]! - v)).toBeLessThanOrEqual(spec.tolerance.forward_rel * largest);
    await engine.close();
  });

  it.each(['sgd', 'adam', 'adamw'] as const)('20 steps of %s follow PyTorch', async (kind) => {
    const { engine, program } = open(name, 'model.onnx', specOf(name, kind));
    const steps = Array.from({ length: 20 }, (_, step) => readBatch(name, step % 4));
    const run = await engine.stepper(program.initial, program.optimiser.learningRate);
    const all = Uint32Array.from({ length: program.batchSize }, (_, row) => row);
    const { loss_fp64: curve, tolerance_abs: tolerance } = spec.optimisers[kind];
    for (const [i, batch] of steps.entries()) {
      const y = batch.y instanceof Float32Array ? batch.y : Int32Array.from(batch.y, Number);
      const loss = await run.step(all, batch.x, y);
      expect(Math.abs(loss - curve[i]!), `step ${i}`).toBeLessThanOrEqual(tolerance);
    }
    if (kind === 'sgd') {
      const expected = new Float32Array(readFixture(name, 'params_sgd20.bin'));
      const parameters = await run.parameters();
      const worst = parameters.reduce((w, p, i) => Math.max(w, Math.abs(p - expected[i]!)), 0);
      expect(worst).toBeLessThanOrEqual(spec.tolerance.params_sgd20_abs);
    }
    await engine.close();
  });
});
