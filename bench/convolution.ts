/**
 * What the steps of a convolution cost in onnxruntime on one core: the numbers behind COST in
 * src/training/operators/convShape.ts. Prints each measured constant beside the one in use; run it on an idle machine.
 * @module
 */
import * as ort from 'onnxruntime-node';
import { GraphBuilder } from '../src/training/onnx/builder.ts';
import { emitModel } from '../src/training/onnx/emit.ts';
import type { Name } from '../src/training/onnx/ir.ts';
import { outputSizes, type Window } from '../src/training/onnx/spatial.ts';
import { sizeOf } from '../src/training/onnx/tensor.ts';
import { columnsOf, gridOf, paddedChannels, sumColumns } from '../src/training/operators/columns.ts';
import { COST, type ConvShape } from '../src/training/operators/convShape.ts';

const REPEATS = 30;

/** Fastest of some runs of a graph with inputs of these shapes, in nanoseconds. */
async function timeOf(
  shapes: readonly (readonly number[])[],
  build: (graph: GraphBuilder, inputs: Name[]) => Name,
): Promise<number> {
  const graph = new GraphBuilder();
  const inputs = shapes.map((dims, i) => graph.input(`in/${i}`, { dtype: 'float32', dims }));
  const output = build(graph, inputs);
  const session = await ort.InferenceSession.create(emitModel(graph, new Map([['y', output]])), {
    ...{ intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 },
  });
  const tensor = (dims: readonly number[]): ort.Tensor =>
    new ort.Tensor(
      'float32',
      Float32Array.from({ length: sizeOf(dims) }, (_, i) => Math.sin(i)),
      dims,
    );
  const feeds = Object.fromEntries(inputs.map((name, i) => [name, tensor(shapes[i]!)]));
  const fetches = { y: tensor(graph.dims(output)) };
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < REPEATS; i++) {
    const start = process.hrtime.bigint();
    await session.run(feeds, fetches);
    best = Math.min(best, Number(process.hrtime.bigint() - start));
  }
  await session.release();
  return best;
}

/** A 3x3 convolution with padding 1. */
function shapeOf(n: number, c: number, size: number): ConvShape {
  const pair = (v: number): number[] => [v, v];
  const window: Window = {
    ...{ kernel: pair(3), strides: pair(1), dilations: pair(1), begin: pair(1), end: pair(1) },
  };
  const input = pair(size);
  return { n, c, k: c, groups: 1, input, output: outputSizes(input, window), window };
}

const empty = await timeOf([[1]], (graph, [x]) => graph.op('Neg', [x!]));
const product = async (rows: number, inner: number, columns: number, count = 1): Promise<number> =>
  (await timeOf(
    [
      [count, rows, inner],
      [count, inner, columns],
    ],
    (graph, [a, b]) => graph.op('MatMul', [a!, b!]),
  )) - empty;

function report(name: keyof typeof COST, measured: number, note: string): void {
  process.stdout.write(`| ${name} | ${COST[name]} | ${measured.toPrecision(3)} | ${note} |\n`);
}

process.stdout.write('| constant | in use | measured | of |\n| --- | --- | --- | --- |\n');
const rate = (rows: number, inner: number, columns: number, ns: number): number => (2 * rows * inner * columns) / ns;
report('flops', rate(512, 512, 512, await product(512, 512, 512)), 'FLOP/ns of [512, 512]·[512, 512]');
report('flops', rate(64, 2048, 576, await product(64, 2048, 576)), 'FLOP/ns of [64, 2048]·[2048, 576]');
const peak = rate(256, 512, 512, await product(256, 512, 512));
const narrow = rate(256, 512, 4, await product(256, 512, 4));
report('fullColumns', (4 * peak) / narrow, 'columns for the peak, from [256, 512]·[512, 4]');
const flat = rate(1, 512, 512, await product(1, 512, 512, 64)) * 64;
report('fullRows', peak / flat, 'rows for the peak, from 64 times [1, 512]·[512, 512]');
report('product', (await product(1, 4, 4, 4096)) / 4096, 'ns of one of 4096 products [1, 4]·[4, 4]');
for (const shape of [shapeOf(8, 64, 16), shapeOf(8, 256, 4), shapeOf(8, 64, 64)]) {
  const bytes = 4 * shape.n * sizeOf(shape.output) * shape.c * 9;
  const label = `[${shape.n}, ${shape.c}, ${shape.input.join(', ')}]`;
  const x = [shape.n, shape.c, ...shape.input];
  const gathered = await timeOf([x], (graph, [value]) =>
    columnsOf(graph, paddedChannels(graph, value!, shape), shape, gridOf(shape.window.kernel)),
  );
  report('gather', (gathered - empty) / bytes, `ns per byte of columns of ${label}`);
  const summed = await timeOf([[shape.c, 9, shape.n * sizeOf(shape.output)]], (graph, [columns]) =>
    sumColumns(graph, columns!, shape),
  );
  report('sum', (summed - empty) / bytes, `ns per byte of columns back to ${label}`);
}
const turned = await timeOf([[512, 512, 9]], (graph, [w]) =>
  graph.op('Transpose', [w!], { perm: { ints: [1, 0, 2] } }),
);
report('turnWeight', (turned - empty) / (4 * 512 * 512 * 9), 'ns per byte of a [512, 512, 3, 3] weight');
const slices = await timeOf([[1, 400]], (graph, [x]) =>
  graph.concat(
    Array.from({ length: 200 }, (_, i) => graph.reshape(graph.slice(x!, [1], [i], [i + 16]), [4, 4])),
    0,
  ),
);
report('node', (slices - empty) / 400, 'ns of a node that moves next to nothing, of 200 slices and reshapes');
process.stdout.write('\nOne thread; the fastest of 30 runs each, less that of an empty graph.\n');
