/**
 * The importer: from nodes of the model, in opsets 13 to 21, to core operators of opset 17. One file per family of
 * operators; what is in none of them is a core operator already.
 * @module
 * @source ONNX operator changelog, opsets 13 to 21.
 */
import type { Attributes, Name, Node } from '../onnx/ir.ts';
import { SHAPES } from '../onnx/shapes.ts';
import { ARITHMETIC } from './arithmetic.ts';
import { BASICS } from './basics.ts';
import { invalid, type LowerContext, type LowerRule, unsupported } from './context.ts';
import { conv } from './convolution.ts';
import { convTranspose } from './convTranspose.ts';
import { INDEXING } from './indexing.ts';
import { LAYOUT } from './layout.ts';
import { MATRIX } from './matrix.ts';
import { batchNormalization, groupNormalization, instanceNormalization, layerNormalization } from './normalisation.ts';
import { averagePool, globalAveragePool, globalMaxPool, maxPool } from './pooling.ts';
import { PORTABLE } from './portable.ts';
import { RECURRENT } from './recurrent/index.ts';
import { REDUCTIONS } from './reductions.ts';
import { RESIZE } from './resize.ts';

const LOWER: ReadonlyMap<string, LowerRule> = new Map(
  Object.entries({
    ...BASICS,
    ...ARITHMETIC,
    ...REDUCTIONS,
    ...LAYOUT,
    ...INDEXING,
    ...MATRIX,
    ...RESIZE,
    ...PORTABLE,
    ...RECURRENT,
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

/** Core operators that only backward steps emit: nothing tests them as part of a model. */
const INTERNAL: ReadonlySet<string> = new Set(['MaxUnpool']);

/** Every operator the importer knows. */
export function supportedOperators(): readonly string[] {
  return [...new Set([...LOWER.keys(), ...SHAPES.keys()])].filter((op) => !INTERNAL.has(op));
}

/** Whether the importer knows operator `op`. */
export function isLowerable(op: string): boolean {
  return (LOWER.has(op) || SHAPES.has(op)) && !INTERNAL.has(op);
}

/** Whether `op` is no core operator, or one that the importer writes in its own way. */
export function isRewritten(op: string): boolean {
  return LOWER.has(op);
}

/** How many of its inputs an operator reads as data, where not all: the others hold settings and are never trained. */
const DATA_INPUTS: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    `Reshape Expand Slice Split Squeeze Unsqueeze Tile Pad Trilu Resize Upsample Dropout Clip Gather GatherND
     GatherElements CumSum TopK CastLike ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2
     ReduceLogSum ReduceLogSumExp ReduceSumSquare`
      .split(/\s+/)
      .map((op) => [op, 1]),
  ),
  BatchNormalization: 3,
  OneHot: 0,
  Range: 0,
  EyeLike: 0,
  NonZero: 0,
};

/** Inputs of `node` that carry data a gradient may flow to. */
export function dataInputs(node: Node): readonly Name[] {
  return node.inputs.slice(0, DATA_INPUTS[node.op] ?? node.inputs.length);
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
