/**
 * Every rule against central differences of a separate float64 evaluator. Tolerance: the gradient graph runs in float32,
 * so 64 roundings of 2^-24 relative to the largest gradient; the differences (h = 1e-5) are good to 1e-9.
 * @module
 */
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { evaluate, type Value } from '../../../test/support/float64/index.ts';
import { normal, seededRng } from '../../base/index.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import { emitModel } from '../onnx/emit.ts';
import type { Attributes } from '../onnx/ir.ts';
import { intVector, sizeOf } from '../onnx/tensor.ts';
import { reverse } from './reverse.ts';
import { NOT_DIFFERENTIABLE, VJP } from './rules.ts';

interface Case {
  readonly op: string;
  readonly dims: readonly (readonly number[])[];
  readonly attributes?: Attributes;
  /** Inputs after the varied ones. */
  readonly tail?: (graph: GraphBuilder) => string[];
  readonly positive?: boolean;
}

const ints = (...values: number[]) => ({ ints: values });
const int = (value: number) => ({ int: value });
const unary = 'Neg Exp Relu LeakyRelu Elu Sigmoid Tanh Softplus Erf Abs Sin Cos'.split(' ');
const gemms = [0, 1, 2, 3].map((bits): Case => {
  const [a, b] = [bits & 1, bits >> 1];
  const attributes = { transA: int(a), transB: int(b), alpha: { float: 0.5 }, beta: { float: 2 } };
  return { op: 'Gemm', dims: [a ? [3, 4] : [4, 3], b ? [2, 3] : [3, 2], bits === 0 ? [4, 1] : [2]], attributes };
});

const CASES: readonly Case[] = [
  ...unary.map((op): Case => ({ op, dims: [[3, 4]] })),
  ...['Log', 'Sqrt', 'Reciprocal'].map((op): Case => ({ op, dims: [[3, 4]], positive: true })),
  ...['Add', 'Sub', 'Mul'].flatMap((op): Case[] => [
    {
      op,
      dims: [
        [3, 4],
        [3, 4],
      ],
    },
    {
      op,
      dims: [
        [2, 1, 4],
        [3, 1],
      ],
    },
    { op, dims: [[], [2, 3]] },
  ]),
  { op: 'Div', dims: [[3, 4], [4]], positive: true },
  { op: 'Div', dims: [[4], [3, 1]], positive: true },
  { op: 'Pow', dims: [[3, 4], [4]], positive: true },
  { op: 'Pow', dims: [[3, 4]], tail: (g) => [g.scalar(2)] },
  { op: 'Pow', dims: [[3, 4]], tail: (g) => [g.scalar(3)] },
  ...gemms,
  {
    op: 'Gemm',
    dims: [
      [4, 3],
      [3, 2],
    ],
  },
  {
    op: 'MatMul',
    dims: [
      [4, 3],
      [3, 2],
    ],
  },
  {
    op: 'MatMul',
    dims: [
      [2, 4, 3],
      [3, 2],
    ],
  },
  {
    op: 'MatMul',
    dims: [
      [2, 4, 3],
      [2, 3, 2],
    ],
  },
  {
    op: 'MatMul',
    dims: [
      [2, 1, 4, 3],
      [5, 3, 2],
    ],
  },
  {
    op: 'MatMul',
    dims: [
      [4, 3],
      [2, 3, 2],
    ],
  },
  { op: 'Softmax', dims: [[3, 4]] },
  { op: 'Softmax', dims: [[2, 3, 2]], attributes: { axis: int(1) } },
  { op: 'LogSoftmax', dims: [[3, 4]] },
  { op: 'LogSoftmax', dims: [[3, 4]], attributes: { axis: int(0) } },
  { op: 'ReduceSum', dims: [[3, 4]] },
  { op: 'ReduceSum', dims: [[2, 3, 2]], tail: (g) => [g.constant(intVector([1]))], attributes: { keepdims: int(0) } },
  { op: 'ReduceMean', dims: [[2, 3, 2]], attributes: { axes: ints(0, 2) } },
  { op: 'ReduceMean', dims: [[2, 3]], attributes: { keepdims: int(0) } },
  { op: 'Where', dims: [[3, 4], [4]] },
  { op: 'Clip', dims: [[5, 5]], tail: (g) => [g.scalar(-0.5), g.scalar(0.7)] },
  { op: 'Clip', dims: [[5, 5]], tail: (g) => [g.scalar(0)] },
  { op: 'Reshape', dims: [[3, 4]], tail: (g) => [g.constant(intVector([2, -1]))] },
  { op: 'Expand', dims: [[3, 1]], tail: (g) => [g.constant(intVector([2, 3, 4]))] },
  { op: 'Transpose', dims: [[3, 4]] },
  { op: 'Transpose', dims: [[2, 3, 4]], attributes: { perm: ints(2, 0, 1) } },
  {
    op: 'Concat',
    dims: [
      [2, 3],
      [2, 1],
      [2, 2],
    ],
    attributes: { axis: int(1) },
  },
];

/** The graph of one case, with y·dy summed as loss for a random constant dy, so that no gradient is uniform. */
function setUp({ op, dims, attributes = {}, tail, positive }: Case) {
  const rng = seededRng(7, op);
  const draw = (): number => (positive ? 0.5 + rng() : normal(rng));
  const graph = new GraphBuilder();
  const names = dims.map((d, i) => graph.input(`in/${i}`, { dtype: 'float32', dims: d }));
  // float32 values, so that both evaluations start from the same numbers
  const values = dims.map(
    (d): Value => ({ dims: d, data: Array.from({ length: sizeOf(d) }, () => Math.fround(draw())) }),
  );
  const first = op === 'Where' ? [graph.op('Greater', [names[0]!, graph.scalar(0.1)])] : [];
  const y = graph.op(op, [...first, ...names, ...(tail?.(graph) ?? [])], attributes);
  const dy = Float32Array.from({ length: sizeOf(graph.dims(y)) }, () => normal(rng));
  return { graph, names, values, y, dy };
}

function lossOf(setup: ReturnType<typeof setUp>, values: readonly Value[], nodes: GraphBuilder['nodes']): number {
  const feeds = new Map(setup.names.map((name, i) => [name, values[i]!]));
  return evaluate(setup.graph, nodes, feeds, setup.y).data.reduce((sum, v, i) => sum + v * setup.dy[i]!, 0);
}

describe('gradient rules', () => {
  it.each(CASES.map((c, i) => [`${c.op} #${i} ${JSON.stringify(c.dims)}`, c] as const))('%s', async (_, given) => {
    const setup = setUp(given);
    const { graph, names, values, y } = setup;
    const forward = [...graph.nodes];
    const seed = graph.constant({ dtype: 'float32', dims: graph.dims(y), data: setup.dy });
    const gradients = reverse(graph, y, seed, names);
    const session = await ort.InferenceSession.create(
      emitModel(graph, new Map([...gradients].map(([name, d]) => [`d/${name}`, d]))),
      { logSeverityLevel: 3 },
    );
    const feeds = names.map((name, i) => [
      name,
      new ort.Tensor('float32', Float32Array.from(values[i]!.data), values[i]!.dims),
    ]);
    const got = await session.run(Object.fromEntries(feeds) as Record<string, ort.Tensor>);
    expect(Object.keys(got)).toEqual(names.map((name) => `d/${name}`));
    for (const [i, value] of values.entries()) {
      const h = 1e-5;
      const expected = value.data.map((v, k) => {
        const moved = (to: number): number =>
          lossOf(setup, values.with(i, { ...value, data: value.data.with(k, to) }), forward);
        return (moved(v + h) - moved(v - h)) / (2 * h);
      });
      const largest = expected.reduce((w, g) => Math.max(w, Math.abs(g)), 0);
      const actual = got[`d/${names[i]!}`]!;
      expect(actual.dims).toEqual(value.dims);
      const worst = expected.reduce((w, g, k) => Math.max(w, Math.abs(g - Number(actual.data[k]))), 0);
      expect(worst, names[i]).toBeLessThanOrEqual(64 * 2 ** -24 * (1 + largest));
    }
    await session.release();
  });

  it('covers every rule', () => {
    expect(new Set(CASES.map(({ op }) => op))).toEqual(new Set(Object.keys(VJP)));
    expect(Object.keys(VJP).filter((op) => NOT_DIFFERENTIABLE.has(op))).toEqual([]);
  });

  it('adds up the gradients of a value that is used twice', () => {
    const graph = new GraphBuilder();
    const x = graph.input('x', { dtype: 'float32', dims: [2] });
    const y = graph.op('Mul', [x, x]);
    const gradient = reverse(graph, y, graph.constant({ dtype: 'float32', dims: [2], data: Float32Array.of(1, 1) }), [
      x,
    ]);
    const nodes = graph.nodes;
    const dx = evaluate(graph, nodes, new Map([['x', { dims: [2], data: [3, -4] }]]), gradient.get('x')!);
    expect(dx.data).toEqual([6, -8]);
  });
});
