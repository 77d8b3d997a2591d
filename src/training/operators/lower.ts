/**
 * Rewrites source nodes of opsets 13 to 21 as core operators of opset 17. Everything that only renames axes becomes
 * Reshape, so that gradients need one rule for all of it.
 * @module
 * @source ONNX operator changelog, opsets 13 to 21.
 */
import { type Attributes, findInts, intOf, type Name, type Node } from '../onnx/ir.ts';
import { axisOf } from '../onnx/shapeRule.ts';
import { reducedAxes, SHAPES } from '../onnx/shapes.ts';
import { intVector, numbersOf, sizeOf, tensorFrom } from '../onnx/tensor.ts';
import {
  findAxes,
  findConstant,
  findNumbers,
  invalid,
  type LowerContext,
  type LowerRule,
  unsupported,
} from './context.ts';
import { conv } from './convolution.ts';
import { convTranspose } from './convTranspose.ts';
import { batchNormalization, groupNormalization, instanceNormalization, layerNormalization } from './normalisation.ts';
import { averagePool, globalAveragePool, globalMaxPool, maxPool } from './pooling.ts';

const identity: LowerRule = ({ inputs }) => inputs[0]!;

const constant: LowerRule = ({ graph, node }) => {
  const { value, value_float: float, value_int: int, value_floats: floats, value_ints: ints } = node.attributes;
  if (value !== undefined && 'tensor' in value) return graph.constant(value.tensor);
  if (float !== undefined && 'float' in float) return graph.scalar(float.float);
  if (int !== undefined && 'int' in int) return graph.constant(tensorFrom('int64', [], [int.int]));
  if (floats !== undefined && 'floats' in floats)
    return graph.constant(tensorFrom('float32', [floats.floats.length], floats.floats));
  if (ints !== undefined && 'ints' in ints) return graph.constant(intVector(ints.ints));
  return unsupported('constant is neither a tensor nor numbers');
};

/**
 * Dropout in training is a product with a mask that is fed from outside: ORT removes Dropout nodes when it optimises a
 * graph, even those in training mode, and its own random numbers are not reproducible across builds.
 */
const dropout: LowerRule = (context) => {
  const { graph, inputs, mask } = context;
  const ratioTensor = findConstant(context, 1);
  const ratio = ratioTensor === undefined ? 0.5 : numbersOf(ratioTensor)[0]!;
  const mode = findConstant(context, 2);
  const isTraining = mode !== undefined && numbersOf(mode)[0] === 1;
  if (!(ratio >= 0 && ratio < 1)) invalid(`dropout ratio ${ratio}, expected [0, 1)`);
  if (mask === undefined || !isTraining || ratio === 0) return inputs[0]!;
  return graph.op('Mul', [inputs[0]!, mask(ratio, graph.dims(inputs[0]!))]);
};

const flatten: LowerRule = ({ graph, inputs, node }) => {
  const dims = graph.dims(inputs[0]!);
  const given = intOf(node.attributes, 'axis', 1);
  const axis = given === dims.length ? given : axisOf(given, dims.length);
  return graph.reshape(inputs[0]!, [sizeOf(dims.slice(0, axis)), sizeOf(dims.slice(axis))]);
};

const squeeze: LowerRule = (context) => {
  const { graph, inputs } = context;
  const dims = graph.dims(inputs[0]!);
  const axes = findAxes(context, dims.length);
  if (axes?.some((axis) => dims[axis] !== 1))
    invalid(`axes [${axes.join(', ')}] of [${dims.join(', ')}] are not all of size 1`);
  return graph.reshape(
    inputs[0]!,
    dims.filter((dim, i) => (axes === undefined ? dim !== 1 : !axes.includes(i))),
  );
};

const unsqueeze: LowerRule = (context) => {
  const { graph, inputs } = context;
  const dims = graph.dims(inputs[0]!);
  const given = findNumbers(context, 1) ?? findInts(context.node.attributes, 'axes') ?? [];
  const rank = dims.length + given.length;
  const axes = new Set(given.map((axis) => axisOf(axis, rank)));
  const rest = dims.values();
  const out = Array.from({ length: rank }, (_, i) => (axes.has(i) ? 1 : (rest.next().value ?? 1)));
  return graph.reshape(inputs[0]!, out);
};

const sum: LowerRule = ({ graph, inputs }) => inputs.reduce((total, next) => graph.op('Add', [total, next]));

const reduce: LowerRule = (context) => {
  const { graph, inputs, node } = context;
  const rank = graph.dims(inputs[0]!).length;
  const axes = findAxes(context, rank) ?? [];
  const keepdims = intOf(node.attributes, 'keepdims', 1) === 1;
  if (axes.length === 0 && intOf(node.attributes, 'noop_with_empty_axes', 0) === 1) return inputs[0]!;
  const all = reducedAxes(axes, rank);
  if (node.op === 'ReduceSum') return graph.sum(inputs[0]!, all, keepdims);
  return graph.op(node.op, [inputs[0]!], { axes: { ints: all }, keepdims: { int: keepdims ? 1 : 0 } });
};

const LOWER: ReadonlyMap<string, LowerRule> = new Map(
  Object.entries({
    Identity: identity,
    Constant: constant,
    Dropout: dropout,
    Flatten: flatten,
    Squeeze: squeeze,
    Unsqueeze: unsqueeze,
    Sum: sum,
    ReduceSum: reduce,
    ReduceMean: reduce,
    ReduceMax: reduce,
    BatchNormalization: batchNormalization,
    LayerNormalization: layerNormalization,
    InstanceNormalization: instanceNormalization,
    GroupNormalization: groupNormalization,
    Conv: conv,
    ConvTranspose: convTranspose,
    MaxPool: maxPool,
    AveragePool: averagePool,
    GlobalAveragePool: globalAveragePool,
    GlobalMaxPool: globalMaxPool,
  }),
);

/** Attributes that newer opsets added and opset 17 does not know; both only affect types we refuse. */
const NEWER = new Set(['saturate', 'round_mode']);

function core(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !NEWER.has(name)));
}

/** Whether the importer knows operator `op`. */
export function isLowerable(op: string): boolean {
  return LOWER.has(op) || SHAPES.has(op);
}

/** Every operator the importer knows. */
export function supportedOperators(): readonly string[] {
  return [...new Set([...LOWER.keys(), ...SHAPES.keys()])];
}

/** Whether `op` is no core operator, or one that the importer writes in its own way. */
export function isRewritten(op: string): boolean {
  return LOWER.has(op);
}

/** Operators that read only their first input as data; the others hold settings and are never trained. */
const SETTINGS: Readonly<Record<string, number>> = {
  Reshape: 1,
  Expand: 1,
  Slice: 1,
  Squeeze: 1,
  Unsqueeze: 1,
  Dropout: 1,
  Clip: 1,
  BatchNormalization: 3,
  ReduceSum: 1,
  ReduceMean: 1,
  ReduceMax: 1,
};

/** Inputs of `node` that carry data a gradient may flow to. */
export function dataInputs(node: Node): readonly Name[] {
  return node.inputs.slice(0, SETTINGS[node.op] ?? node.inputs.length);
}

/**
 * Appends `node` to `graph` and gives the values of its outputs.
 *
 * @throws KonsilError MODEL_INVALID or MODEL_UNSUPPORTED, without file or node, when the node is malformed.
 */
export function lowerNode(context: LowerContext): readonly Name[] {
  const { graph, node, inputs } = context;
  if (node.op !== 'Constant' && !inputs[0]) invalid('input 0 is missing');
  const rule = LOWER.get(node.op);
  const made = rule === undefined ? graph.op(node.op, inputs, core(node.attributes)) : rule(context);
  const outputs = typeof made === 'string' ? [made] : made;
  const extra = node.outputs.findIndex((name, i) => name !== '' && i >= outputs.length);
  if (extra >= 0)
    unsupported(
      `output ${extra} is used, expected ${outputs.length === 1 ? 'only the first output' : `${outputs.length} outputs`}`,
    );
  return outputs;
}
