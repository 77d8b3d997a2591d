/**
 * The compiler: folding, opsets, frozen weights, refusals; and the built-in networks.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { readFixture } from '../../test/fixtures/training/fixtures.ts';
import { modelOf, type NodeSpec } from '../../test/fixtures/training/models.ts';
import { compile } from './compile.ts';
import { inspectModel } from './inspect.ts';
import type { Attributes } from './onnx/ir.ts';
import { decodeModel } from './onnx/proto.ts';
import { floatScalar, floatTensor, intVector, type Tensor, tensorFrom } from './onnx/tensor.ts';
import type { CompileOptions } from './options.ts';
import { Engine } from './runtime/engine.ts';
import { builtinMlp } from './zoo/tabular.ts';

const base: CompileOptions = {
  source: 'm.onnx',
  loss: 'mse',
  optimiser: { kind: 'sgd', learningRate: 0.1 },
  batchSize: 4,
};
const w = (...dims: number[]): Tensor =>
  floatTensor(
    dims,
    Float32Array.from({ length: dims.reduce((n, d) => n * d, 1) }, (_, i) => Math.sin(i + 1)),
  );
const opsOf = (bytes: Uint8Array): string[] => decodeModel(bytes, 'g').graph.node.map((node) => node.opType ?? '');
const noCheck = (): void => {};

/** Gradient of a model at its own weights on fixed rows. */
async function gradientOf(model: Uint8Array, options: Partial<CompileOptions> = {}): Promise<Float32Array> {
  const program = compile(model, { ...base, ...options });
  const engine = new Engine(program, { threads: 1 });
  const rows = 4;
  const x = Float32Array.from({ length: rows * program.input.width }, (_, i) => Math.cos(i));
  const y = new Float32Array(rows * program.output.width);
  const { gradient } = await engine.gradient({ parameters: program.initial, x, y, rows }, noCheck);
  await engine.close();
  return gradient;
}

describe('compile', () => {
  it('lists every unsupported operator at once, by node and file', () => {
    const nodes: NodeSpec[] = [
      ['GridSample', ['x', 'k'], 'a'],
      ['Relu', ['a'], 'b'],
      ['com.example::Odd', ['b'], 'c'],
      ['NonMaxSuppression', ['c', 'i'], 'd'],
      ['Gemm', ['d', 'w'], 'y'],
    ];
    const model = modelOf(nodes, { k: w(1, 1, 3, 3), w: w(3, 2), i: intVector([0]) }, ['n', 3], ['n', 2]);
    expect(() => compile(model, base)).toThrow(
      'm.onnx: operators the trainer does not support: GridSample (node "n0"), com.example::Odd (node "n2"), NonMaxSuppression (node "n3")',
    );
    const seen = inspectModel(model, 'm.onnx');
    expect(seen.unsupported.map(({ name }) => name)).toEqual(['n0', 'n2', 'n3']);
    expect(seen.nodes.filter(({ supported }) => supported).map(({ op }) => op)).toEqual(['Relu', 'Gemm']);
  });

  it('folds the shape arithmetic that exporters leave, and trains through it', async () => {
    const nodes: NodeSpec[] = [
      ['Shape', ['x'], 's'],
      ['Constant', [], 'zero', { value: { tensor: tensorFrom('int64', [], [0]) } }],
      ['Gather', ['s', 'zero'], 'n', { axis: { int: 0 } }],
      ['Constant', [], 'axes', { value_ints: { ints: [0] } }],
      ['Unsqueeze', ['n', 'axes'], 'n1'],
      ['Concat', ['n1', 'minus'], 'to', { axis: { int: 0 } }],
      ['Reshape', ['x', 'to'], 'flat'],
      ['Identity', ['flat'], 'same'],
      ['MatMul', ['same', 'w'], 'h'],
      ['Add', ['h', 'b'], 'y'],
    ];
    const given = { w: w(6, 2), b: w(2), minus: intVector([-1]) };
    const folded = modelOf(nodes, given, ['n', 2, 3], ['n', 2]);
    const program = compile(folded, base);
    expect(opsOf(program.evalGraph).slice(0, 2)).toEqual(['Reshape', 'MatMul']);
    expect(opsOf(program.trainGraph)).not.toContain('Shape');
    expect(program.input.width).toBe(6);
    const plain = modelOf(
      [
        ['Flatten', ['x'], 'f'],
        ['MatMul', ['f', 'w'], 'h'],
        ['Add', ['h', 'b'], 'y'],
      ],
      given,
      ['n', 2, 3],
      ['n', 2],
    );
    expect(await gradientOf(folded)).toEqual(await gradientOf(plain));
  });

  it('tells a batch normalisation in training by its outputs (opset 13) and by its attribute (opset 14) alike', async () => {
    const tensors = { w: w(3, 4), gamma: w(4), beta: w(4), mean: w(4), var: w(4), v: w(4, 2) };
    const of = (outputs: string[], attributes: Attributes, opset: number): Uint8Array => {
      const nodes: NodeSpec[] = [
        ['Gemm', ['x', 'w'], 'h'],
        ['BatchNormalization', ['h', 'gamma', 'beta', 'mean', 'var'], outputs, attributes],
        ['Gemm', ['b', 'v'], 'y'],
      ];
      return modelOf(nodes, tensors, ['n', 3], ['n', 2], opset);
    };
    const old = compile(of(['b', 'm1', 'v1', 'm2', 'v2'], {}, 13), base);
    expect(old.layout).toEqual(compile(of(['b', 'm1', 'v1'], { training_mode: { int: 1 } }, 14), base).layout);
    expect(old.layout.entries.filter(({ kind }) => kind === 'buffer').map(({ name }) => name)).toEqual(['mean', 'var']);
    expect(compile(of(['b'], {}, 13), base).layout.entries.map(({ name }) => name)).not.toContain('mean');
  });

  it('reads axes of ReduceMean as attribute (opset 13) and as input (opset 18) alike', async () => {
    const given = { w: w(3, 2) };
    const of = (node: NodeSpec, extra: Record<string, Tensor>, opset: number): Uint8Array =>
      modelOf([['MatMul', ['x', 'w'], 'h'], node], { ...given, ...extra }, ['n', 5, 3], ['n', 2], opset);
    const old = of(['ReduceMean', ['h'], 'y', { axes: { ints: [1] }, keepdims: { int: 0 } }], {}, 13);
    const recent = of(['ReduceMean', ['h', 'ax'], 'y', { keepdims: { int: 0 } }], { ax: intVector([1]) }, 18);
    expect(await gradientOf(recent)).toEqual(await gradientOf(old));
  });

  it('keeps frozen weights, scalars and settings out of the layout', async () => {
    const model = builtinMlp({ inputs: 3, hidden: [4], outputs: 2, activation: 'relu', seed: 1 });
    const all = compile(model, base);
    const head = compile(model, { ...base, trainable: (name) => name.startsWith('layers.2') });
    expect(head.layout.entries.map(({ name, offset }) => [name, offset])).toEqual([
      ['layers.2.weight', 0],
      ['layers.2.bias', 8],
    ]);
    expect(head.layout.length).toBe(10);
    expect(head.initial).toEqual(all.initial.subarray(16));
    const whole = await gradientOf(model);
    expect(await gradientOf(model, { trainable: (name) => name.startsWith('layers.2') })).toEqual(whole.slice(16));
    const clipped = modelOf(
      [
        ['Gemm', ['x', 'w'], 'h'],
        ['Div', ['h', 'two'], 'd'],
        ['Clip', ['d', 'lo', 'hi'], 'y'],
      ],
      { w: w(3, 2), two: floatScalar(2), lo: floatScalar(-1), hi: floatScalar(1) },
      ['n', 3],
      ['n', 2],
    );
    expect(compile(clipped, base).layout.entries.map(({ name }) => name)).toEqual(['w']);
  });

  it('gives equal bytes for equal inputs, and another hash for another program', () => {
    const model = builtinMlp({ inputs: 3, hidden: [4], outputs: 2, activation: 'relu', seed: 1 });
    const [a, b] = [compile(model, base), compile(model, base)];
    expect([a.hash, a.trainGraph, a.evalGraph, a.gradientGraph()]).toEqual([
      b.hash,
      b.trainGraph,
      b.evalGraph,
      b.gradientGraph(),
    ]);
    expect(compile(model, { ...base, batchSize: 5 }).hash).not.toBe(compile(model, base).hash);
  });

  it('compiles a fixed batch axis for another batch size', () => {
    const program = compile(new Uint8Array(readFixture('mlp_reg', 'model.onnx')), { ...base, batchSize: 3 });
    expect(program.input.dims).toEqual([3, 30]);
    expect(program.output.dims).toEqual([3, 1]);
  });

  it('refuses what it cannot train, saying why', () => {
    const linear: NodeSpec[] = [['Gemm', ['x', 'w'], 'y']];
    const at = (opset: number): Uint8Array => modelOf(linear, { w: w(3, 2) }, ['n', 3], ['n', 2], opset);
    expect(() => compile(at(12), base)).toThrow('m.onnx: opset 12, expected 13 to 21');
    expect(() => compile(at(22), base)).toThrow('opset 22, expected 13 to 21');
    expect(() => compile(modelOf(linear, { w: w(4, 2) }, ['n', 3], ['n', 2]), base)).toThrow(
      'm.onnx: Gemm (node "n0"): inner sizes 3 and 4 of [4, 3] and [4, 2] differ',
    );
    expect(() => compile(modelOf([['Gemm', ['x', 'v'], 'y']], { w: w(3, 2) }, ['n', 3], ['n', 2]), base)).toThrow(
      'm.onnx: Gemm (node "n0") reads "v", which nothing before it computes',
    );
    expect(() => compile(modelOf(linear, { w: w(3, 2) }, ['n', 'm'], ['n', 2]), base)).toThrow(
      'm.onnx: input "x" has shape [n, m], expected [batch, ...]',
    );
    expect(() => compile(at(17), { ...base, trainable: () => false })).toThrow('nothing to train');
    expect(() =>
      compile(modelOf(linear, { w: w(3, 1) }, ['n', 3], ['n', 1]), { ...base, loss: 'cross_entropy' }),
    ).toThrow('cross_entropy needs a model output [batch, classes] with 2 or more classes, got [batch, 1]');
    expect(() => compile(at(17), { ...base, optimiser: { kind: 'sgd', learningRate: Number.NaN } })).toThrow(
      'learningRate is NaN',
    );
    expect(() => compile(at(17), { ...base, batchSize: 0 })).toThrow('batch size is 0');
  });
});

describe('builtinMlp', () => {
  it('has PyTorch names, shapes, and default initial range', () => {
    const seen = inspectModel(
      builtinMlp({ inputs: 9, hidden: [5], outputs: 2, activation: 'tanh', seed: 1 }),
      'b.onnx',
    );
    expect(seen).toMatchObject({ opset: 17, parameterCount: 62, unsupported: [] });
    expect(seen.parameters.map(({ name, dims }) => [name, dims])).toEqual([
      ['layers.0.weight', [5, 9]],
      ['layers.0.bias', [5]],
      ['layers.2.weight', [2, 5]],
      ['layers.2.bias', [2]],
    ]);
    expect(seen.inputs).toEqual([{ name: 'x', dtype: 'float32', dims: ['batch', 9] }]);
    const { initial } = compile(builtinMlp({ inputs: 9, hidden: [], outputs: 200, activation: 'relu', seed: 2 }), base);
    const largest = initial.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    // 2000 uniform draws in ±1/3: the chance that none exceeds 0.99/3 is 0.99^2000 = 2e-9
    expect(largest).toBeLessThanOrEqual(Math.fround(1 / 3));
    expect(largest).toBeGreaterThan(0.33);
  });
});
