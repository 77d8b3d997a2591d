/**
 * Losses through whole models: those that the model computes, survival, positions; targets checked row by row.
 * @module
 */
import { afterEach, describe, expect, it } from 'vitest';
import { closeEngines, distance, noCheck, openEngine } from '../../../test/fixtures/training/engines.ts';
import { modelOf, type NodeSpec } from '../../../test/fixtures/training/models.ts';
import { normal, seededRng } from '../../base/index.ts';
import { portProto } from '../onnx/emit.ts';
import { decodeModel, encodeModel } from '../onnx/proto.ts';
import { floatScalar, floatTensor, intVector, type Tensor, tensorFrom } from '../onnx/tensor.ts';
import { builtinMlp } from '../zoo/tabular.ts';
import type { LossSpec } from './spec.ts';

afterEach(closeEngines);

const rng = seededRng(8);
const draw = (count: number): Float32Array => Float32Array.from({ length: count }, () => normal(rng));
const given = { w: floatTensor([3, 2], draw(6)), axis: intVector([1]) };

/** A model with a second input `t`. */
function withTarget(
  nodes: readonly NodeSpec[],
  y: readonly (number | string)[],
  dtype: 'float32' | 'int64' = 'float32',
  extra: Readonly<Record<string, Tensor>> = {},
  target: readonly (number | string)[] = ['n', 2],
): Uint8Array {
  const model = decodeModel(modelOf(nodes, { ...given, ...extra }, ['n', 3], y), 'm');
  model.graph.input.push(portProto('t', { dtype, dims: target }));
  return encodeModel(model);
}

const error: NodeSpec[] = [
  ['MatMul', ['x', 'w'], 'h'],
  ['Sub', ['h', 't'], 'e'],
  ['Mul', ['e', 'e'], 'q'],
];
const targets = { kind: 'output', targetInput: 't' } as const;
const plain = modelOf([['MatMul', ['x', 'w'], 'y']], given, ['n', 3], ['n', 2]);

describe('output', () => {
  const shapes: readonly (readonly [string, readonly NodeSpec[], readonly (number | string)[]])[] = [
    ['one number', [...error, ['ReduceMean', ['q'], 'y', { keepdims: { int: 0 } }]], []],
    ['[1]', [...error, ['ReduceMean', ['q'], 's'], ['Reshape', ['s', 'axis'], 'y']], [1]],
    ['[batch]', [...error, ['ReduceMean', ['q'], 'y', { axes: { ints: [1] }, keepdims: { int: 0 } }]], ['n']],
    ['[batch, 1]', [...error, ['ReduceMean', ['q'], 'y', { axes: { ints: [1] } }]], ['n', 1]],
  ];

  it.each(shapes)('%s: the squared error in the model trains as loss mse does', async (_, nodes, dims) => {
    const inside = openEngine(withTarget(nodes, dims), { loss: targets });
    const outside = openEngine(plain);
    expect(inside.program.target).toMatchObject({ dtype: 'float32', width: 2 });
    expect(inside.program.inputs.map(({ name }) => name)).toEqual(['x']);
    expect(inside.program.mixesRows).toBe(dims.length === 0 || dims[0] === 1);
    // 21 rows in batches of 8: the last one is short
    const call = { x: draw(63), y: draw(42), rows: 21, parameters: outside.program.initial, seed: 1 };
    const [a, b] = [await inside.engine.loss(call, noCheck), await outside.engine.loss(call, noCheck)];
    expect(Math.abs(a - b)).toBeLessThan(1e-6);
    const [g, h] = [await inside.engine.gradient(call, noCheck), await outside.engine.gradient(call, noCheck)];
    expect(distance(g.gradient, h.gradient)).toBeLessThan(1e-6);
    const budget = { epochs: 3 };
    const [p, q] = [
      await inside.engine.train({ ...call, budget }, noCheck),
      await outside.engine.train({ ...call, budget }, noCheck),
    ];
    expect(distance(p.parameters, q.parameters)).toBeLessThan(1e-5);
    expect(Math.abs(p.meanLoss - q.meanLoss)).toBeLessThan(1e-6);
    await expect(inside.engine.predict(call, noCheck)).rejects.toThrow('is a loss, expected one value a row');
  });

  it('without targets takes none, and gives its losses as outputs', async () => {
    // how far x is from w·wᵀ·x: an autoencoder whose loss is in the model
    const nodes: NodeSpec[] = [
      ['MatMul', ['x', 'w'], 'code'],
      ['Transpose', ['w'], 'wt'],
      ['MatMul', ['code', 'wt'], 'back'],
      ['Sub', ['back', 'x'], 'e'],
      ['Mul', ['e', 'e'], 'q'],
      ['ReduceMean', ['q'], 'y', { axes: { ints: [1] }, keepdims: { int: 0 } }],
    ];
    const { engine, program } = openEngine(modelOf(nodes, given, ['n', 3], ['n']), { loss: 'output' });
    const call = { x: draw(30), y: new Float32Array(0), rows: 10, parameters: program.initial };
    expect(program.target.width).toBe(0);
    const errors = await engine.predict(call, noCheck);
    const mean = errors.reduce((sum, v) => sum + v, 0) / 10;
    expect(errors).toHaveLength(10);
    expect(Math.abs((await engine.loss(call, noCheck)) - mean)).toBeLessThan(1e-5);
    const { parameters } = await engine.train({ ...call, seed: 1, budget: { epochs: 20 } }, noCheck);
    expect(await engine.loss({ ...call, parameters }, noCheck)).toBeLessThan(0.8 * mean);
    await expect(engine.loss({ ...call, y: new Float32Array(10) }, noCheck)).rejects.toThrow(
      'expects 0 targets per row',
    );
  });

  it('feeds integer targets as the model wants them', async () => {
    // the logit of the target's class, by comparing its number with those of the classes
    const nodes: NodeSpec[] = [
      ['MatMul', ['x', 'w'], 'h'],
      ['Equal', ['t', 'classes'], 'hit'],
      ['Where', ['hit', 'h', 'zero'], 'own'],
      ['Neg', ['own'], 'minus'],
      ['ReduceSum', ['minus', 'axis'], 'y', { keepdims: { int: 0 } }],
    ];
    const extra = { classes: tensorFrom('int64', [1, 2], [0, 1]), zero: floatScalar(0) };
    const model = withTarget(nodes, ['n'], 'int64', extra, ['n', 1]);
    const { engine, program } = openEngine(model, { loss: targets });
    expect(program.target).toMatchObject({ dtype: 'int32', width: 1 });
    const x = draw(6);
    const call = { x, y: BigInt64Array.of(1n, 0n), rows: 2, parameters: program.initial };
    const w = program.initial;
    const logit = (row: number, c: number): number =>
      [0, 1, 2].reduce((s, k) => s + x[3 * row + k]! * w[2 * k + c]!, 0);
    expect(await engine.loss(call, noCheck)).toBeCloseTo(-(logit(0, 1) + logit(1, 0)) / 2, 5);
    const { gradient } = await engine.gradient(call, noCheck);
    expect(
      distance(
        gradient,
        [x[3]!, x[0]!, x[4]!, x[1]!, x[5]!, x[2]!].map((v) => -v / 2),
      ),
    ).toBeLessThan(1e-6);
  });

  it('refuses a target input that is not there', () => {
    const loss: LossSpec = { kind: 'output', targetInput: 'labels' };
    expect(() => openEngine(withTarget(error, ['n', 2]), { loss, output: 'y' })).toThrow();
    const model = withTarget([...error, ['ReduceMean', ['q'], 'y']], [1, 1]);
    expect(() => openEngine(model, { loss })).toThrow(
      'm.onnx: model has no input "labels" for the targets, expected one of x, t',
    );
  });
});

describe('cox', () => {
  it('learns which rows have their event first', async () => {
    const model = builtinMlp({ inputs: 3, hidden: [], outputs: 1, activation: 'relu', seed: 1 });
    const adam = { kind: 'adam', learningRate: 0.05 } as const;
    const { engine, program } = openEngine(model, { loss: 'cox', batchSize: 16, optimiser: adam });
    const rows = 61;
    const x = draw(3 * rows);
    // the hazard grows with the first feature; a third of the rows are lost from sight
    const y = Float32Array.from({ length: 2 * rows }, (_, i) =>
      i % 2 === 1 ? Number(i % 3 !== 0) : -Math.log(1 - rng()) * Math.exp(-1.5 * x[(3 * i) / 2]!),
    );
    const call = { x, y, rows, parameters: program.initial, seed: 2, budget: { epochs: 40 } };
    expect(program).toMatchObject({ mixesRows: true, hasMass: true });
    const { parameters } = await engine.train(call, noCheck);
    expect(parameters[0]).toBeGreaterThan(0.8);
    expect(Math.abs(parameters[1]!)).toBeLessThan(0.5);
    const before = await engine.loss(call, noCheck);
    expect(await engine.loss({ ...call, parameters }, noCheck)).toBeLessThan(before - 0.1);
    const none = { ...call, y: y.map((v, i) => (i % 2 === 1 ? 0 : v)) };
    const still = await engine.train({ ...none, budget: { steps: 2 } }, noCheck);
    expect(still.parameters).toEqual(program.initial);
    expect([still.meanLoss, await engine.loss(none, noCheck)]).toEqual([0, 0]);
    const bad = { ...call, y: y.with(7, 2) };
    await expect(engine.loss(bad, noCheck)).rejects.toMatchObject({ code: 'DATA_INVALID', facts: { row: 3 } });
  });
});

describe('class indices', () => {
  // two classes at each of three positions
  const segments = modelOf([['Add', ['x', 'b'], 'y']], { b: floatTensor([2, 1], draw(2)) }, ['n', 2, 3], ['n', 2, 3]);
  const x = draw(12);

  it('are one per position, in rows', async () => {
    const { engine, program } = openEngine(segments, { loss: 'cross_entropy' });
    expect(program.target).toMatchObject({ dtype: 'int32', width: 3, classes: 2 });
    const call = { x, rows: 2, parameters: program.initial };
    expect(await engine.loss({ ...call, y: Int32Array.of(0, 1, 1, 0, 0, 1) }, noCheck)).toBeGreaterThan(0);
    const bad = engine.loss({ ...call, y: Int32Array.of(0, 1, 1, 0, 2, 1) }, noCheck);
    await expect(bad).rejects.toThrow('the class index of row 1 is outside 0 to 1');
  });

  it('may be the ignored one, and no other', async () => {
    const { engine, program } = openEngine(segments, { loss: { kind: 'cross_entropy', ignoreIndex: -1 } });
    const call = { x, rows: 2, parameters: program.initial };
    const all = await engine.loss({ ...call, y: Int32Array.of(0, 1, -1, -1, -1, -1) }, noCheck);
    const rest = { ...call, x: x.map((v, i) => (i === 2 || i >= 5 ? 9 : v)) };
    expect(await engine.loss({ ...rest, y: Int32Array.of(0, 1, -1, -1, -1, -1) }, noCheck)).toBeCloseTo(all, 6);
    await expect(engine.loss({ ...call, y: Int32Array.of(0, 1, -2, 0, 0, 0) }, noCheck)).rejects.toThrow('row 0');
  });
});
