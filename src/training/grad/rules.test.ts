/**
 * Where the derivative jumps, where zeros divide, and where values are used twice; the formulas themselves are tested with
 * the operators (`operators/operators.test.ts`).
 * @module
 */
import { describe, expect, it } from 'vitest';
import { evaluate } from '../../../test/support/float64/index.ts';
import { CASES } from '../../../test/support/operatorCases/index.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import type { Attributes } from '../onnx/ir.ts';
import { floatTensor } from '../onnx/tensor.ts';
import { reverse } from './reverse.ts';
import { NOT_DIFFERENTIABLE, VJP } from './rules.ts';

interface Given {
  readonly op: string;
  /** Vectors, or scalars where there is one number. */
  readonly inputs: readonly (readonly number[])[];
  readonly attributes?: Attributes;
  /** PyTorch's gradient of the sum of the output, per input. */
  readonly expected: readonly (readonly number[])[];
}

const axis: Attributes = { axes: { ints: [0] } };

const KINKS: readonly Given[] = [
  { op: 'Relu', inputs: [[0, -1, 2]], expected: [[0, 0, 1]] },
  { op: 'LeakyRelu', inputs: [[0, 2]], attributes: { alpha: { float: 0.5 } }, expected: [[0.5, 1]] },
  { op: 'Abs', inputs: [[0, -3]], expected: [[0, -1]] },
  { op: 'Sign', inputs: [[0, -3]], expected: [] },
  {
    op: 'Max',
    inputs: [
      [1, 2, 3],
      [1, 3, 2],
    ],
    expected: [
      [0.5, 0, 1],
      [0.5, 1, 0],
    ],
  },
  {
    op: 'Min',
    inputs: [
      [1, 2, 3],
      [1, 3, 2],
    ],
    expected: [
      [0.5, 1, 0],
      [0.5, 0, 1],
    ],
  },
  { op: 'ReduceMax', inputs: [[4, 1, 4]], attributes: axis, expected: [[0.5, 0, 0.5]] },
  { op: 'ReduceMin', inputs: [[1, 1, 1, 4]], attributes: axis, expected: [[1 / 3, 1 / 3, 1 / 3, 0]] },
  { op: 'ReduceProd', inputs: [[2, 0, 3]], attributes: axis, expected: [[0, 6, 0]] },
  { op: 'ReduceProd', inputs: [[2, 0, 0]], attributes: axis, expected: [[0, 0, 0]] },
  { op: 'ReduceL2', inputs: [[0, 0]], attributes: axis, expected: [[0, 0]] },
  { op: 'HardSigmoid', inputs: [[-2.5, 2.5, 0]], attributes: { alpha: { float: 0.2 } }, expected: [[0, 0, 0.2]] },
  { op: 'ThresholdedRelu', inputs: [[1, 1.5]], expected: [[0, 1]] },
  { op: 'PRelu', inputs: [[0, 2], [0.5]], expected: [[0.5, 1], [0]] },
];

function vector(graph: GraphBuilder, index: number, length: number): string {
  return graph.input(`in/${index}`, { dtype: 'float32', dims: [length] });
}

describe('gradient rules', () => {
  it.each(KINKS.map((given, i) => [`${given.op} #${i}`, given] as const))('at a kink, as PyTorch: %s', (_, given) => {
    const { op, inputs, attributes = {}, expected } = given;
    const graph = new GraphBuilder();
    const names = inputs.map((values, i) => vector(graph, i, values.length));
    const y = graph.op(op, names, attributes);
    const dims = graph.dims(y);
    const ones = graph.constant(floatTensor(dims, new Float32Array(dims.reduce((n, d) => n * d, 1)).fill(1)));
    const gradients = reverse(graph, y, ones, names);
    const feeds = new Map(names.map((name, i) => [name, { dims: [inputs[i]!.length], data: inputs[i]! }]));
    expect(gradients.size).toBe(expected.length);
    for (const [i, name] of [...gradients.keys()].entries()) {
      const { data } = evaluate(graph, graph.nodes, feeds, gradients.get(name)!);
      for (const [k, value] of data.entries()) expect(value).toBeCloseTo(expected[i]![k]!, 7);
    }
  });

  it('are tested with an operator each', () => {
    expect(Object.keys(VJP).filter((op) => CASES[op] === undefined)).toEqual([]);
    expect(Object.keys(VJP).filter((op) => NOT_DIFFERENTIABLE.has(op))).toEqual([]);
  });

  it('adds up the gradients of a value that is used twice', () => {
    const graph = new GraphBuilder();
    const x = vector(graph, 0, 2);
    const y = graph.op('Mul', [x, x]);
    const gradient = reverse(graph, y, graph.constant(floatTensor([2], Float32Array.of(1, 1))), [x]);
    const dx = evaluate(graph, graph.nodes, new Map([[x, { dims: [2], data: [3, -4] }]]), gradient.get(x)!);
    expect(dx.data).toEqual([6, -8]);
  });

  it.each([
    ['make up the whole', [0, 2, 2, 3, 3, 6], [10, 11, 20, 30, 31, 32], true],
    ['come in another order', [3, 6, 0, 3], [20, 21, 22, 10, 11, 12], true],
    ['leave a gap', [0, 2, 3, 6], [10, 11, 0, 20, 21, 22], false],
    ['overlap', [0, 4, 2, 6], [10, 11, 32, 34, 22, 23], false],
  ] as const)('gradients of slices that %s', (_, bounds, expected, isJoined) => {
    const graph = new GraphBuilder();
    const x = vector(graph, 0, 6);
    const feeds = new Map([[x, { dims: [6], data: [1, 2, 3, 4, 5, 6] }]]);
    // slice i times the vector [10(i + 1), 10(i + 1) + 1, ...]
    const totals = Array.from({ length: bounds.length / 2 }, (_part, i) => {
      const [start, end] = [bounds[2 * i]!, bounds[2 * i + 1]!];
      const factors = vector(graph, i + 1, end - start);
      feeds.set(factors, {
        dims: [end - start],
        data: Array.from({ length: end - start }, (_f, k) => 10 * (i + 1) + k),
      });
      return graph.total(graph.op('Mul', [graph.slice(x, [0], [start], [end]), factors]));
    });
    const one = graph.constant(floatTensor([], Float32Array.of(1)));
    const sum = totals.reduce((all, total) => graph.op('Add', [all, total]));
    const gradient = reverse(graph, sum, one, [x]).get(x)!;
    expect(evaluate(graph, graph.nodes, feeds, gradient).data).toEqual(expected);
    expect(graph.producer(gradient)?.op === 'Concat').toBe(isJoined);
  });
});
