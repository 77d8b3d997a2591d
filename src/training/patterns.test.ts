/**
 * What trains: names and patterns, frozen parts, adapters of low rank.
 * @module
 */

import fc from 'fast-check';
import * as ort from 'onnxruntime-node';
import { afterEach, describe, expect, it } from 'vitest';
import { closeEngines, distance, noCheck, openEngine } from '../../test/fixtures/training/engines.ts';
import { modelOf } from '../../test/fixtures/training/models.ts';
import { normal, seededRng } from '../base/index.ts';
import { exportModel, writeParameters } from './export.ts';
import { viewOf } from './layout.ts';
import { decodeModel } from './onnx/proto.ts';
import { floatTensor, type Tensor } from './onnx/tensor.ts';
import { matchNames } from './patterns.ts';
import type { CompiledModel } from './program.ts';
import { builtinMlp } from './zoo/tabular.ts';

afterEach(closeEngines);

describe('patterns', () => {
  it('match what the regular expression with .* for * matches', () => {
    const letter = fc.constantFrom('a', 'b', '.', '*');
    const property = fc.property(
      fc.array(fc.string({ unit: letter, maxLength: 8 }), { minLength: 1, maxLength: 6 }),
      fc.string({ unit: letter, maxLength: 6 }),
      (names, pattern) => {
        const expression = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`);
        const expected = names.filter((name) => expression.test(name));
        if (expected.length === 0) expect(() => matchNames(names, [pattern], 'p')).toThrow('matches no weight');
        else expect(matchNames(names, [pattern], 'p')).toEqual(new Set(expected));
      },
    );
    fc.assert(property, { numRuns: 500, seed: 4 });
  });

  it('take no time, whatever they are', () => {
    const names = ['a'.repeat(1000)];
    expect(() => matchNames(names, [`${'*a'.repeat(400)}*b`], 'p')).toThrow('matches no weight');
    expect(matchNames(names, [`${'*a'.repeat(400)}*`], 'p').size).toBe(1);
  });
});

const model = builtinMlp({ inputs: 3, hidden: [4, 4], outputs: 2, activation: 'tanh', seed: 1 });
const rng = seededRng(5);
const w = (...dims: number[]): Tensor =>
  floatTensor(
    dims,
    Float32Array.from({ length: dims.reduce((n, d) => n * d, 1) }, () => normal(rng)),
  );
const data = {
  x: Float32Array.from({ length: 48 }, () => normal(rng)),
  y: Float32Array.from({ length: 32 }, () => normal(rng)),
  rows: 16,
};
const namesOf = ({ layout }: CompiledModel): string[] => layout.entries.map(({ name }) => name);

/** How many nodes of each operator are in the training graph. */
function countOps({ trainGraph }: CompiledModel): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { opType } of decodeModel(trainGraph, 'g').graph.node) counts[opType!] = (counts[opType!] ?? 0) + 1;
  return counts;
}

describe('train and freeze', () => {
  it.each([
    [{ train: ['layers.4.*'] }, ['layers.4.weight', 'layers.4.bias']],
    [
      { train: ['*.bias', 'layers.0.weight'], freeze: ['layers.4.*'] },
      ['layers.0.weight', 'layers.0.bias', 'layers.2.bias'],
    ],
    [{ freeze: ['layers.0.weight', '*2*'] }, ['layers.0.bias', 'layers.4.weight', 'layers.4.bias']],
    [{ train: ['layers.*.weight'], freeze: ['layers.0.weight'] }, ['layers.2.weight', 'layers.4.weight']],
  ])('%j', (options, expected) => {
    expect(namesOf(openEngine(model, options).program)).toEqual(expected);
  });

  it('treat no character but * as special', () => {
    expect(() => openEngine(model, { train: ['layers?4?weight'] })).toThrow('matches no weight');
    expect(() => openEngine(model, { train: ['layers.4'] })).toThrow('matches no weight');
  });

  it('list the weights when a pattern matches none, and refuse to train nothing', () => {
    const listed = 'layers.0.weight, layers.0.bias, layers.2.weight, layers.2.bias, layers.4.weight, layers.4.bias';
    expect(() => openEngine(model, { freeze: ['head.*'] })).toThrow(
      `m.onnx: freeze "head.*" matches no weight; there are ${listed}`,
    );
    expect(() => openEngine(model, { train: ['*.bias', 'nope'] })).toThrow('train "nope" matches no weight');
    expect(() => openEngine(model, { freeze: ['*'] })).toThrow('nothing to train');
  });

  it('leave no backward step through a frozen part', () => {
    const head = countOps(openEngine(model, { train: ['layers.4.*'] }).program);
    const all = countOps(openEngine(model).program);
    // three layers forward, and the gradient of the last one's weight; two more for each layer below it
    expect([head['Gemm'], all['Gemm']]).toEqual([4, 8]);
    expect([head['Tanh'], all['Tanh']]).toEqual([2, 2]);
    // mse's error and three updates less: p - η·g for two weights
    expect(head['Sub']).toBe(3);
  });
});

describe('lora', () => {
  const lora = { rank: 2, alpha: 3, targets: ['*'] };
  const rowsOf = (program: CompiledModel, p: Float32Array, name: string): Float32Array =>
    viewOf(p, program.layout.entries.find((entry) => entry.name === name)!);

  it('holds adapters and what is named, and starts as the model is', async () => {
    const { program, engine } = openEngine(model, { lora: { ...lora, targets: ['layers.2.weight', 'layers.4.*'] } });
    expect(program.layout.entries.map(({ name, dims, kind }) => [name, dims, kind])).toEqual([
      ['layers.2.weight.lora_A', [2, 4], 'trainable'],
      ['layers.2.weight.lora_B', [4, 2], 'trainable'],
      ['layers.4.weight.lora_A', [2, 4], 'trainable'],
      ['layers.4.weight.lora_B', [2, 2], 'trainable'],
    ]);
    const a = rowsOf(program, program.initial, 'layers.2.weight.lora_A');
    expect(a.every((v) => v !== 0 && Math.abs(v) <= 0.5)).toBe(true);
    expect(rowsOf(program, program.initial, 'layers.2.weight.lora_B').every((v) => v === 0)).toBe(true);
    const plain = openEngine(model);
    const y = await plain.engine.predict({ ...data, parameters: plain.program.initial }, noCheck);
    expect(distance(await engine.predict({ ...data, parameters: program.initial }, noCheck), y)).toBeLessThan(1e-6);
    const more = openEngine(model, {
      lora: { ...lora, targets: ['layers.2.weight'] },
      train: ['layers.4.*', 'layers.2.*'],
    });
    // the matrix itself stays frozen even if named
    expect(namesOf(more.program)).toEqual([
      'layers.2.bias',
      'layers.4.weight',
      'layers.4.bias',
      'layers.2.weight.lora_A',
      'layers.2.weight.lora_B',
    ]);
    expect(openEngine(model, { lora: { ...lora, seed: 9 } }).program.initial).not.toEqual(
      openEngine(model, { lora }).program.initial,
    );
  });

  // x·W; Wᵀ first, as exporters leave a linear layer; W·x on the left
  const given = { w: w(3, 4), v: w(2, 4), b: w(4) };
  const odd = modelOf(
    [
      ['MatMul', ['x', 'w'], 'h'],
      ['Add', ['h', 'b'], 'a'],
      ['Tanh', ['a'], 't'],
      ['Transpose', ['v'], 'vt', { perm: { ints: [1, 0] } }],
      ['MatMul', ['t', 'vt'], 'y'],
    ],
    given,
    ['n', 3],
    ['n', 2],
  );
  const left = modelOf(
    [
      ['Transpose', ['x'], 'xt'],
      ['MatMul', ['v', 'xt'], 'h'],
      ['Transpose', ['h'], 'y'],
    ],
    { v: w(2, 3) },
    ['n', 3],
    ['n', 2],
  );

  it.each([
    ['layers of PyTorch', model, { targets: ['*'] }],
    ['products and transposes', odd, { targets: ['*'] }],
    ['a matrix on the left', left, { targets: ['v'] }],
  ])('trains %s, and the exported file gives what the trainer gives', async (_, bytes, { targets }) => {
    const { program, engine } = openEngine(bytes, { lora: { ...lora, targets } });
    const call = { ...data, parameters: program.initial, seed: 1, budget: { steps: 30 } };
    const { parameters } = await engine.train(call, noCheck);
    const before = await engine.loss({ ...data, parameters: program.initial }, noCheck);
    expect(await engine.loss({ ...data, parameters }, noCheck)).toBeLessThan(0.95 * before);
    const expected = await engine.predict({ ...data, parameters }, noCheck);
    const merged = exportModel(bytes, program.layout, parameters, { source: 'm', head: 'none', metadata: {} });
    expect(decodeModel(merged, 'm').graph.initializer.map(({ name }) => name)).toEqual(
      decodeModel(bytes, 'm').graph.initializer.map(({ name }) => name),
    );
    const session = await ort.InferenceSession.create(merged, { logSeverityLevel: 3 });
    const { y } = await session.run({ x: new ort.Tensor('float32', data.x, [data.rows, 3]) });
    await session.release();
    expect(distance(y!.data as Float32Array, expected)).toBeLessThan(1e-5);
  });

  it('has the gradients of the merged matrix: dB = s·dW·Aᵀ, dA = s·Bᵀ·dW', async () => {
    const { program, engine } = openEngine(odd, { lora });
    const parameters = Float32Array.from(program.initial, () => normal(rng) / 4);
    const { gradient } = await engine.gradient({ ...data, parameters }, noCheck);
    const merged = openEngine(writeParameters(odd, program.layout, parameters, 'm'), { train: ['w', 'v'] });
    const whole = await merged.engine.gradient({ ...data, parameters: merged.program.initial }, noCheck);
    const scale = 1.5;
    // w [3, 4] holds inputs first: W + s·A·B; v [2, 4] outputs first: V + s·B·A
    const [dw, dv] = ['w', 'v'].map((name) => rowsOf(merged.program, whole.gradient, name)) as [
      Float32Array,
      Float32Array,
    ];
    const p = (name: string): Float32Array => rowsOf(program, parameters, name);
    const product = (rows: number, inner: number, columns: number, f: (i: number, k: number, j: number) => number) =>
      Array.from({ length: rows * columns }, (_, at) => {
        const [i, j] = [Math.floor(at / columns), at % columns];
        return scale * Array.from({ length: inner }, (__, k) => f(i, k, j)).reduce((sum, v) => sum + v, 0);
      });
    const expected = {
      'w.lora_A': product(3, 4, 2, (i, k, j) => dw[i * 4 + k]! * p('w.lora_B')[j * 4 + k]!),
      'w.lora_B': product(2, 3, 4, (i, k, j) => p('w.lora_A')[k * 2 + i]! * dw[k * 4 + j]!),
      'v.lora_A': product(2, 2, 4, (i, k, j) => p('v.lora_B')[k * 2 + i]! * dv[k * 4 + j]!),
      'v.lora_B': product(2, 4, 2, (i, k, j) => dv[i * 4 + k]! * p('v.lora_A')[j * 4 + k]!),
    };
    for (const [name, values] of Object.entries(expected))
      expect(distance(rowsOf(program, gradient, name), values), name).toBeLessThan(1e-5);
  });

  it('says what it cannot adapt', () => {
    const of = (spec: Partial<typeof lora>) => () => openEngine(odd, { lora: { ...lora, ...spec } });
    expect(of({ targets: ['b'] })).toThrow('m.onnx: lora target "b" matches no weight; there are w, v');
    expect(of({ rank: 0 })).toThrow('lora rank is 0, expected an integer in [1, 2]');
    expect(of({ rank: 3 })).toThrow('lora rank is 3');
    expect(of({ alpha: 0 })).toThrow('lora alpha is 0');
    const { program } = openEngine(odd, { lora });
    expect(() => writeParameters(model, program.layout, program.initial, 'm')).toThrow(
      'model has no matrix "w" [3, 4]',
    );
  });
});
