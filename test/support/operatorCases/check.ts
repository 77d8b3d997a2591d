/**
 * Checks one case: values and gradients of what the compiler makes of a node, against the float64 reference.
 * @module
 */
import * as ort from 'onnxruntime-node';
import { expect } from 'vitest';
import { normal, type Rng } from '../../../src/base/index.ts';
import { reverse } from '../../../src/training/grad/reverse.ts';
import { GraphBuilder, type Target } from '../../../src/training/onnx/builder.ts';
import { emitModel, nodeProto, portProto } from '../../../src/training/onnx/emit.ts';
import type { Name, Node } from '../../../src/training/onnx/ir.ts';
import { encodeModel } from '../../../src/training/onnx/proto.ts';
import { encodeTensor, floatTensor, sizeOf, type Tensor } from '../../../src/training/onnx/tensor.ts';
import { lowerNode } from '../../../src/training/operators/index.ts';
import type { Device } from '../../../src/training/runtime/deviceNames.ts';
import { sessionOptions } from '../../../src/training/runtime/devices.ts';
import { evaluateNode, type Value } from '../float64/index.ts';
import type { CaseInput, OperatorCase } from './draw.ts';

const STEP = 1e-5;
/** Elements of each input whose derivative is compared; cases are many, so that every place has its turn. */
const PROBES = 10;
const ROUNDINGS = 64;

type Feeds = Record<string, ort.Tensor>;

const nameOf = (i: number): Name => `in/${i}`;

function valueOf(tensor: Tensor): Value {
  return { dims: tensor.dims, data: Array.from(tensor.data as ArrayLike<number>, Number), dtype: tensor.dtype };
}

function inputValues(inputs: readonly CaseInput[]): (Value | undefined)[] {
  return inputs.map((input) => (input.kind === 'absent' ? undefined : valueOf(input.tensor)));
}

function ortTensor({ dtype, data, dims }: Tensor): ort.Tensor {
  return new ort.Tensor(dtype as 'float32', data as Float32Array, [...dims]);
}

function feedsOf(inputs: readonly CaseInput[]): Feeds {
  return Object.fromEntries(
    inputs.flatMap((input, i) =>
      input.kind === 'absent' || input.kind === 'constant' ? [] : [[nameOf(i), ortTensor(input.tensor)]],
    ),
  );
}

async function run(model: Uint8Array, feeds: Feeds, device: Device = 'cpu'): Promise<Record<string, ort.Tensor>> {
  const session = await ort.InferenceSession.create(model, {
    ...sessionOptions(device, 1),
    graphOptimizationLevel: 'basic',
  });
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

/** The node alone in a model of its own opset. */
function original(node: Node, { inputs, opset = 17 }: OperatorCase, outputs: readonly Value[]): Uint8Array {
  const given = inputs.flatMap((input, i) => (input.kind === 'absent' ? [] : [{ ...input, name: nameOf(i) }]));
  return encodeModel({
    irVersion: 8,
    producerName: 'test',
    opsetImport: [{ domain: '', version: opset, unknown: [] }],
    metadataProps: [],
    graph: {
      name: 'original',
      node: [nodeProto(node)],
      initializer: given
        .filter(({ kind }) => kind === 'constant')
        .map(({ tensor, name }) => encodeTensor(tensor, name)),
      input: given.filter(({ kind }) => kind !== 'constant').map(({ tensor, name }) => portProto(name, tensor)),
      output: node.outputs.map((name, i) => portProto(name, { dtype: 'float32', ...outputs[i]! })),
      valueInfo: [],
      unknown: [],
    },
    unknown: [],
  });
}

function largest(values: readonly number[]): number {
  return values.reduce((w, v) => (Number.isFinite(v) ? Math.max(w, Math.abs(v)) : w), 0);
}

function compare(what: string, got: ort.Tensor, expected: Value, roundings: number): void {
  expect([...got.dims], `shape of ${what}`).toEqual([...expected.dims]);
  expect(got.type, `type of ${what}`).toBe(expected.dtype ?? 'float32');
  const tolerance = roundings * 2 ** -24 * (1 + largest(expected.data));
  for (const [i, v] of expected.data.entries()) {
    const actual = Number((got.data as Float32Array)[i]);
    const isClose = Object.is(actual, v) || actual === v || (Number.isNaN(actual) && Number.isNaN(v));
    if (!isClose && !(Math.abs(actual - v) <= tolerance))
      expect.fail(`${what}[${i}] is ${actual}, expected ${v} within ${tolerance}`);
  }
}

/** The lowered node, and what stands for its inputs. */
function lower(node: Node, { inputs }: OperatorCase, target: Target) {
  const graph = new GraphBuilder(target);
  const names = inputs.map((input, i) => {
    if (input.kind === 'absent') return '';
    return input.kind === 'constant' ? graph.constant(input.tensor) : graph.input(nameOf(i), input.tensor);
  });
  const updateBuffer = node.op === 'BatchNormalization' ? (): void => {} : undefined;
  const made = lowerNode({ graph, node, inputs: names, mask: undefined, updateBuffer, batchNorm: undefined });
  return { graph, names, made };
}

/** Gradients of Σ y·dy with respect to the varied inputs; no dy where an output has none. */
function differentiate(
  { graph, names, made }: ReturnType<typeof lower>,
  { inputs }: OperatorCase,
  weights: readonly (Tensor | undefined)[],
): Map<Name, Name> {
  const parts = weights.flatMap((dy, i) =>
    dy === undefined ? [] : [graph.total(graph.op('Mul', [made[i]!, graph.constant(dy)]))],
  );
  if (parts.length === 0) return new Map();
  const loss = parts.reduce((sum, part) => graph.op('Add', [sum, part]));
  const wanted = names.filter((_, i) => inputs[i]!.kind === 'varied');
  return reverse(graph, loss, graph.scalar(1), wanted);
}

/** Builds the case, forward and reverse, and runs nothing. @throws KonsilError when it does not fit the operator */
export function buildCase(node: Node, given: OperatorCase, target: Target): void {
  const lowered = lower(node, given, target);
  const { graph, made } = lowered;
  // an output of a thousand millions is possible, a gradient of ones for it is not worth making
  if (made.some((name) => sizeOf(graph.dims(name)) > 1 << 16)) return;
  const weights = node.outputs.map((_, i) => {
    const { dtype, dims } = graph.typeOf(made[i]!);
    const isFloat = dtype === 'float32' && (i === 0 || node.op !== 'BatchNormalization');
    return isFloat ? floatTensor(dims, new Float32Array(sizeOf(dims)).fill(1)) : undefined;
  });
  differentiate(lowered, given, weights);
}

/** Central differences of Σ y·dy at up to {@link PROBES} places of input `i`. */
function differences(
  node: Node,
  values: readonly (Value | undefined)[],
  i: number,
  weights: readonly (Tensor | undefined)[],
  rng: Rng,
): Map<number, number> {
  const input = values[i]!;
  const lossAt = (place: number, to: number): number => {
    const moved = values.with(i, { ...input, data: input.data.with(place, to) });
    return evaluateNode(node, moved).reduce(
      (sum, y, k) => sum + y.data.reduce((s, v, j) => s + v * Number(weights[k]?.data[j] ?? 0), 0),
      0,
    );
  };
  const all = input.data.map((_, place) => place);
  const places = all.length <= PROBES ? all : Array.from({ length: PROBES }, () => Math.floor(rng() * all.length));
  return new Map(
    places.map((place) => {
      const x = input.data[place]!;
      return [place, (lossAt(place, x + STEP) - lossAt(place, x - STEP)) / (2 * STEP)];
    }),
  );
}

export function nodeOf(op: string, { inputs, attributes = {}, outputs = 1 }: OperatorCase): Node {
  return {
    op,
    name: 'node',
    inputs: inputs.map((input, i) => (input.kind === 'absent' ? '' : nameOf(i))),
    outputs: Array.from({ length: outputs }, (_, i) => `out/${i}`),
    attributes,
  };
}

/** The float64 reference against ORT on the node as it stands in a model. */
export async function checkReference(op: string, given: OperatorCase): Promise<void> {
  if (given.ort === false) return;
  const node = nodeOf(op, given);
  const expected = evaluateNode(node, inputValues(given.inputs));
  const got = await run(original(node, given, expected), feedsOf(given.inputs));
  for (const [i, name] of node.outputs.entries())
    compare(`ORT's ${name}`, got[name]!, expected[i]!, given.roundings ?? ROUNDINGS);
}

/**
 * What the compiler makes of the node for `target`, run on `device`: values against the reference, gradients against
 * central differences. The graph runs in float32: `roundings` of 2^-24 relative to the largest value; the differences
 * are good to 1e-9.
 */
export async function checkLowered(
  op: string,
  given: OperatorCase,
  rng: Rng,
  target: Target,
  device: Device = 'cpu',
): Promise<void> {
  const { inputs, roundings = ROUNDINGS } = given;
  const node = nodeOf(op, given);
  const values = inputValues(inputs);
  const expected = evaluateNode(node, values).slice(0, node.outputs.length);
  const lowered = lower(node, given, target);
  // running statistics are no outputs that anything learns from
  const trained = op === 'BatchNormalization' ? expected.slice(0, 1) : expected;
  const weights = trained.map(({ dims, dtype = 'float32' }) =>
    dtype === 'float32'
      ? floatTensor(
          dims,
          Float32Array.from({ length: sizeOf(dims) }, () => normal(rng)),
        )
      : undefined,
  );
  const outputs = new Map(node.outputs.map((name, i) => [name, lowered.made[i]!]));
  for (const [name, gradient] of differentiate(lowered, given, weights)) outputs.set(`d/${name}`, gradient);
  const got = await run(emitModel(lowered.graph, outputs), feedsOf(inputs), device);
  for (const [i, name] of node.outputs.entries()) compare(name, got[name]!, expected[i]!, roundings);
  for (const [i, input] of inputs.entries()) {
    if (input.kind !== 'varied') continue;
    const slopes = differences(node, values, i, weights, rng);
    const tolerance = roundings * 2 ** -24 * (1 + largest([...slopes.values()]));
    // no gradient at all is a gradient of zero
    const actual = got[`d/${nameOf(i)}`];
    if (actual !== undefined) expect([...actual.dims]).toEqual([...input.tensor.dims]);
    for (const [place, slope] of slopes) {
      const own = (actual?.data as Float32Array | undefined)?.[place] ?? 0;
      if (!(Math.abs(own - slope) <= tolerance))
        expect.fail(`gradient of ${nameOf(i)}[${place}] is ${own}, expected ${slope} within ${tolerance}`);
    }
  }
}
