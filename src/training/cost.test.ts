/**
 * Costs against numbers by hand; memory against a real step is in test/e2e/memory.test.ts.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { compile } from './compile.ts';
import { flopsOf, peakBytes } from './cost.ts';
import type { Node } from './onnx/ir.ts';
import { SHAPES } from './onnx/shapes.ts';
import { builtinMlp } from './zoo/tabular.ts';
import { zooModel } from './zoo/zoo.ts';

const [batch, inputs, hidden, outputs] = [5, 4, 3, 2];
const sgd = { kind: 'sgd', learningRate: 0.1 } as const;
const costOf = (model: Uint8Array, batchSize: number, optimiser: Parameters<typeof compile>[1]['optimiser'] = sgd) =>
  compile(model, { source: 'model', loss: 'mse', batchSize, optimiser }).cost();

describe('the cost of a step', () => {
  const mlp = builtinMlp({ inputs, hidden: [hidden], outputs, activation: 'relu', seed: 1 });
  const weights = inputs * hidden + hidden + hidden * outputs + outputs;

  it('of an MLP is what one counts by hand', () => {
    const { forward, backward, update, memory } = costOf(mlp, batch);
    const [first, second] = [2 * batch * inputs * hidden, 2 * batch * hidden * outputs];
    expect(forward.matrix).toBe(first + second);
    // dW of both layers, and dx of the second: nobody wants the gradient of the features
    expect(backward.matrix).toBe(first + 2 * second);
    expect(update.matrix).toBe(0);
    // p - ηg
    expect(update.elementwise).toBe(2 * weights);
    // the rules: relu's gradient is a comparison and a choice, bias gradients are sums over the batch
    expect(backward.elementwise).toBe(2 * batch * hidden + batch * hidden + batch * outputs);
    expect(memory.parameters).toBe(2 * 4 * weights);
    expect(memory.gradients).toBe(4 * weights);
    expect(memory.optimiser).toBe(0);
    // features, targets, weight of each row, a few constants
    expect(memory.inputs).toBeGreaterThanOrEqual(4 * batch * (inputs + outputs + 1));
    expect(memory.inputs).toBeLessThan(4 * batch * (inputs + outputs + 1) + 64);
    expect(memory.total).toBe(
      memory.parameters + memory.gradients + memory.optimiser + memory.inputs + memory.activations,
    );
  });

  it('of Adam has two moments, and more arithmetic per weight', () => {
    const adam = costOf(mlp, batch, { kind: 'adam', learningRate: 0.1 });
    expect(adam.memory.optimiser).toBe(2 * 2 * 4 * weights);
    expect(adam.update.elementwise).toBeGreaterThan(10 * weights);
    expect(adam.forward).toEqual(costOf(mlp, batch).forward);
  });

  it('of a convolutional net is what one counts by hand', () => {
    const [size, classes, rows] = [8, 3, 6];
    const { forward, backward } = costOf(zooModel('cnn').build({ size, outputs: classes }), rows);
    const taps = 5 * 5;
    const conv1 = 2 * rows * 32 * size ** 2 * taps;
    const conv2 = 2 * rows * 64 * (size / 2) ** 2 * 32 * taps;
    const linear1 = 2 * rows * 64 * (size / 4) ** 2 * 512;
    const linear2 = 2 * rows * 512 * classes;
    expect(forward.matrix).toBe(conv1 + conv2 + linear1 + linear2);
    // twice the forward pass, but for the gradient of the image, which nobody wants; the taps of conv2 are reversed by
    // a product with a 25×25 matrix where its gradient is a convolution
    const reversal = 2 * 64 * 32 * taps * taps;
    const exact = conv1 + 2 * (conv2 + linear1 + linear2);
    expect([exact, exact + reversal]).toContain(backward.matrix);
  });

  it('grows with the batch in activations and arithmetic, not in weights', () => {
    const [one, ten] = [costOf(mlp, 10), costOf(mlp, 100)];
    expect(ten.forward.matrix).toBe(10 * one.forward.matrix);
    expect(ten.memory.parameters).toBe(one.memory.parameters);
    expect(ten.memory.activations).toBeGreaterThan(5 * one.memory.activations);
  });
});

const node = (op: string, inputs: string[], outputs: string[], attributes: Node['attributes'] = {}): Node => ({
  ...{ op, name: outputs[0]!, inputs, outputs, attributes },
});

describe('flopsOf', () => {
  const dims: Record<string, number[]> = {
    ...{ x: [2, 6, 5, 5], w: [8, 3, 3, 3], y: [2, 8, 3, 3], b: [8], t: [6, 4, 2, 2], u: [2, 8, 10, 10] },
    ...{ m: [4, 5], n: [5, 6], p: [4, 6], s: [1] },
  };
  const count = (given: Node) => flopsOf(given, (name) => dims[name]!);

  it('counts products twice and a bias once', () => {
    // 2 groups: each output reads 3 channels × 9 taps
    expect(count(node('Conv', ['x', 'w', 'b'], ['y'], { group: { int: 2 } }))).toEqual({
      ...{ matrix: 2 * 144 * 27, elementwise: 144 },
    });
    expect(count(node('ConvTranspose', ['x', 't'], ['u']))).toEqual({ matrix: 2 * 300 * 16, elementwise: 0 });
    expect(count(node('MatMul', ['m', 'n'], ['p']))).toEqual({ matrix: 2 * 24 * 5, elementwise: 0 });
    expect(count(node('Gemm', ['m', 'n'], ['p'], { transA: { int: 1 } })).matrix).toBe(2 * 24 * 4);
  });

  it('counts pools by their window, reductions by what they read, and moves not at all', () => {
    const kernel_shape = { ints: [2, 2] };
    expect(count(node('MaxPool', ['x'], ['y'], { kernel_shape })).elementwise).toBe(144 * 4);
    expect(count(node('ReduceSum', ['x'], ['s'])).elementwise).toBe(300);
    expect(count(node('Relu', ['m'], ['p'])).elementwise).toBe(24);
    expect(count(node('Sum', ['p', 'p', 'p'], ['p'])).elementwise).toBe(48);
    expect(count(node('Transpose', ['x'], ['y'])).elementwise).toBe(0);
  });

  it('knows every core operator', () => {
    for (const op of SHAPES.keys())
      expect(
        count(node(op, ['x', 'w'], ['y'], { kernel_shape: { ints: [1] } })).elementwise,
        op,
      ).toBeGreaterThanOrEqual(0);
  });
});

describe('peakBytes', () => {
  const peak = (...nodes: Node[]): number => peakBytes(nodes, (name) => ({ a: 8, b: 8, c: 8, d: 2, e: 8 })[name] ?? 0);

  it('frees a value after its last use', () => {
    // a and b live together, then b and d; a is gone when e comes
    expect(peak(node('MatMul', ['x'], ['a']), node('MatMul', ['a'], ['b']), node('MatMul', ['b'], ['d']))).toBe(16);
    expect(peak(node('MatMul', ['x'], ['a']), node('MatMul', ['a'], ['b']), node('MatMul', ['b', 'a'], ['d']))).toBe(
      18,
    );
  });

  it('writes over a dead input of an elementwise node, and shares memory with a reshaped one', () => {
    expect(peak(node('MatMul', ['x'], ['a']), node('Relu', ['a'], ['b']), node('MatMul', ['b'], ['d']))).toBe(10);
    expect(peak(node('MatMul', ['x'], ['a']), node('Reshape', ['a'], ['b']), node('MatMul', ['b'], ['d']))).toBe(10);
    expect(peak(node('MatMul', ['x'], ['a']), node('Relu', ['a'], ['b']), node('Add', ['a', 'b'], ['c']))).toBe(16);
  });
});
