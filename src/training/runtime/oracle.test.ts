/**
 * Against PyTorch in float64: gradients, outputs, loss curves, parameters and running statistics of every fixture.
 * @module
 */
import { describe, expect, it } from 'vitest';
import {
  type Case,
  FIXTURES,
  type OptimiserName,
  readBatch,
  readCase,
  readDataset,
  readFixture,
} from '../../../test/fixtures/training/fixtures.ts';
import { compile } from '../compile.ts';
import { type Layout, viewOf } from '../layout.ts';
import type { Target } from '../onnx/builder.ts';
import type { OptimiserSpec } from '../optim/spec.ts';
import { Engine } from './engine.ts';

const FILES = ['model.onnx', 'model_dyn.onnx'] as const;
const noCheck = (): void => {};

function open(name: string, file: string, optimiser: OptimiserSpec, target: Target = 'cpu') {
  const { loss, parameters } = readCase(name);
  const trained = new Set(parameters.map((parameter) => parameter.name));
  const model = new Uint8Array(readFixture(name, file));
  const program = compile(model, {
    ...{ source: file, loss: loss.kind, optimiser, batchSize: readBatch(name, 0).rows },
    trainable: (tensor) => trained.has(tensor),
    target,
  });
  return { program, engine: new Engine(program, { threads: 1 }) };
}

function specOf({ optimisers }: Case, kind: OptimiserName): OptimiserSpec {
  const given = optimisers[kind];
  const shared = { learningRate: given.lr, weightDecay: given.weight_decay };
  if (kind === 'sgd') return { kind, ...shared, momentum: given.momentum! };
  return { kind, ...shared, beta1: given.beta1!, beta2: given.beta2!, epsilon: given.eps! };
}

function targetsOf(y: ReturnType<typeof readBatch>['y']): Float32Array | Int32Array {
  return y instanceof Float32Array ? y : Int32Array.from(y as Iterable<bigint>, Number);
}

/** Entries of `layout` beside those of the fixture, which may list them in another order. */
function placed(layout: Layout, tensors: Case['parameters'] | NonNullable<Case['buffers']>) {
  return tensors.map((tensor) => {
    const entry = layout.entries.find(({ name }) => name === tensor.name);
    expect(entry, tensor.name).toMatchObject({ count: tensor.count, dims: tensor.shape });
    return { tensor, entry: entry! };
  });
}

function worstOf(
  actual: Float32Array,
  expected: ArrayLike<number>,
  offset: number,
  scale: (v: number) => number = () => 1,
): number {
  return actual.reduce((w, v, i) => {
    const error = Math.abs(v - expected[offset + i]!) / scale(expected[offset + i]!);
    // NaN is never larger, so it must not count as small
    return error > w || Number.isNaN(error) ? error : w;
  }, 0);
}

describe.each(FIXTURES)('%s', (name) => {
  const spec = readCase(name);

  // formulations for devices other than the CPU run on it too
  const variants = [...FILES.map((file) => [file, 'cpu'] as const), ['model_dyn.onnx', 'gpu'] as const];
  it.each(variants)('%s for %s: loss and every gradient match PyTorch', async (file, target) => {
    const { program, engine } = open(name, file, { kind: 'sgd', learningRate: 0.1 }, target);
    const { gradient, loss } = await engine.gradient({ ...readBatch(name, 0), parameters: program.initial }, noCheck);
    expect(Math.abs(loss - spec.loss_fp64)).toBeLessThanOrEqual(spec.tolerance.loss_rel * spec.loss_fp64);
    const expected = new Float64Array(readFixture(name, 'grads64.bin'));
    const trained = program.layout.entries.filter(({ kind }) => kind === 'trainable');
    expect(trained.map((entry) => entry.name).sort()).toEqual(spec.parameters.map((p) => p.name).sort());
    for (const { tensor, entry } of placed(program.layout, spec.parameters))
      expect(worstOf(viewOf(gradient, entry), expected, tensor.offset), tensor.name).toBeLessThanOrEqual(
        (tensor as Case['parameters'][number]).grad_tolerance_abs,
      );
    await engine.close();
  });

  it('outputs match PyTorch in evaluation mode', async () => {
    const files = ['model_dyn.onnx', ...(spec.files.model_eval === undefined ? [] : ['model_eval.onnx'])];
    // PyTorch writes both outputs where they differ
    const expected = new Float64Array(readFixture(name, spec.files.eval_y ?? 'train_y.bin'));
    const largest = expected.reduce((w, v) => Math.max(w, Math.abs(v)), 0);
    for (const file of files) {
      const { program, engine } = open(name, file, { kind: 'sgd', learningRate: 0.1 });
      const y = await engine.predict({ ...readBatch(name, 0), parameters: program.initial }, noCheck);
      expect(y.length).toBe(expected.length);
      expect(worstOf(y, expected, 0), file).toBeLessThanOrEqual(spec.tolerance.forward_rel * largest);
      await engine.close();
    }
  });

  it.each(['sgd', 'adam', 'adamw'] as const)('20 steps of %s follow PyTorch', async (kind) => {
    const { engine, program } = open(name, 'model_dyn.onnx', specOf(spec, kind));
    const run = await engine.stepper(program.initial, program.optimiser.learningRate);
    const all = Uint32Array.from({ length: program.batchSize }, (_, row) => row);
    const { loss_fp64: curve, tolerance_abs: near, tolerance_after_crossing_abs: far } = spec.optimisers[kind];
    // rounding may push one activation over a kink; from there on the curves part, but stay within a wider bound
    let isCrossed = false;
    for (const [i, expected] of curve.entries()) {
      const batch = readBatch(name, i % 4);
      const error = Math.abs((await run.step(all, batch.x, targetsOf(batch.y))) - expected);
      if (error > near && i >= 3) isCrossed = true;
      expect(error, `step ${i}`).toBeLessThanOrEqual(isCrossed ? Math.max(near, far) : near);
    }
    if (kind === 'sgd') {
      const parameters = await run.parameters();
      const { tolerance } = spec;
      const weights = new Float32Array(readFixture(name, 'params_sgd20.bin'));
      for (const { tensor, entry } of placed(program.layout, spec.parameters))
        expect(worstOf(viewOf(parameters, entry), weights, tensor.offset), tensor.name).toBeLessThanOrEqual(
          isCrossed ? tolerance.params_sgd20_after_crossing_abs : tolerance.params_sgd20_abs,
        );
      const isMoving = program.layout.entries.some((entry) => entry.kind === 'buffer');
      // statistics that are never updated are constants of the program
      const buffers = isMoving ? (spec.buffers ?? []) : [];
      const statistics =
        buffers.length === 0 ? new Float32Array() : new Float32Array(readFixture(name, 'buffers_sgd20.bin'));
      for (const { tensor, entry } of placed(program.layout, buffers))
        expect(
          worstOf(viewOf(parameters, entry), statistics, tensor.offset, (v) => 1 + Math.abs(v)),
          tensor.name,
        ).toBeLessThanOrEqual(isCrossed ? tolerance.buffers_sgd20_after_crossing_rel : tolerance.buffers_sgd20_rel);
    }
    await engine.close();
  });
});

describe('running statistics', () => {
  it('move where the fixtures say, and only there', () => {
    const moving = FIXTURES.filter((name) => {
      const { program } = open(name, 'model_dyn.onnx', { kind: 'sgd', learningRate: 0.1 });
      return program.layout.entries.some(({ kind }) => kind === 'buffer');
    });
    expect(moving).toEqual(['resnet_tiny', 'resnet_head', 'mobilenet_tiny', 'densenet_tiny', 'unet_tiny']);
  });
});

describe.each(['logreg', 'digits_cnn'] as const)('%s on its whole data set', (name) => {
  it('repeats the reference run', async () => {
    const { dataset } = readCase(name);
    const { reference_run: reference, train_rows: trainRows } = dataset!;
    const { lr: learningRate, momentum, weight_decay: weightDecay, batch } = reference;
    const { x, y, rows } = readDataset(name);
    const { program, engine } = open(name, 'model_dyn.onnx', { kind: 'sgd', learningRate, momentum, weightDecay });
    expect(program.batchSize).toBe(batch);
    const run = await engine.stepper(program.initial, learningRate);
    const steps = Math.floor(trainRows / batch);
    const testRows = rows - trainRows;
    const test = x.subarray(trainRows * program.input.width);
    for (let epoch = 0; epoch < reference.epochs; epoch++) {
      let total = 0;
      for (let step = 0; step < steps; step++)
        total += await run.step(
          Uint32Array.from({ length: batch }, (_, i) => step * batch + i),
          x,
          y,
        );
      // 264 steps in float32 against float64: the curves agree to rounding long before any kink matters
      const expected = reference.mean_train_loss_per_epoch[epoch]!;
      expect(Math.abs(total / steps / expected - 1), `epoch ${epoch}`).toBeLessThan(1e-3);
      const logits = await engine.predict({ x: test, rows: testRows, parameters: await run.parameters() }, noCheck);
      const { width } = program.output;
      let hits = 0;
      for (let row = 0; row < testRows; row++) {
        const scores = Array.from(logits.subarray(row * width, (row + 1) * width));
        if (scores.indexOf(Math.max(...scores)) === y[trainRows + row]) hits++;
      }
      // one row may lie on the border between two classes
      expect(Math.abs(hits - reference.test_accuracy_per_epoch[epoch]! * testRows)).toBeLessThan(1.5);
    }
    await engine.close();
  });
});
