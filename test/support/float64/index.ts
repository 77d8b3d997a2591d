/**
 * A slow evaluator of ONNX operators in float64, written from the specification and apart from the compiler: the reference
 * for values and, by finite differences, for gradients.
 * @module
 */
import type { GraphBuilder } from '../../../src/training/onnx/builder.ts';
import type { Node } from '../../../src/training/onnx/ir.ts';
import { conv, convTranspose } from './convolution.ts';
import { ELEMENTWISE } from './elementwise.ts';
import { INDEXING } from './indexing.ts';
import { LAYOUT } from './layout.ts';
import { MATRIX } from './matrix.ts';
import { batchNormalization, groupNormalization, instanceNormalization, layerNormalization } from './normalisation.ts';
import { averagePool, globalAveragePool, globalMaxPool, maxPool } from './pooling.ts';
import { RECURRENT } from './recurrent.ts';
import { REDUCTION } from './reduction.ts';
import { RESIZE } from './resize.ts';
import type { Evaluator, Value } from './value.ts';

export type { Value } from './value.ts';

const REFERENCE: Readonly<Record<string, Evaluator>> = {
  ...ELEMENTWISE,
  ...REDUCTION,
  ...MATRIX,
  ...LAYOUT,
  ...INDEXING,
  ...RESIZE,
  ...RECURRENT,
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalMaxPool: globalMaxPool,
  GlobalAveragePool: globalAveragePool,
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  InstanceNormalization: instanceNormalization,
  GroupNormalization: groupNormalization,
};

/** The outputs of `node` for `inputs`, undefined where an optional one is left out. */
export function evaluateNode(node: Node, inputs: readonly (Value | undefined)[]): readonly Value[] {
  const evaluator = REFERENCE[node.op];
  if (evaluator === undefined) throw new RangeError(`the reference does not know ${node.op}`);
  const made = evaluator(node, inputs);
  return 'dims' in made ? [made] : made;
}

/** Value of `output` of `graph` for the given inputs, in float64. */
export function evaluate(
  graph: GraphBuilder,
  nodes: readonly Node[],
  feeds: ReadonlyMap<string, Value>,
  output: string,
): Value {
  const values = new Map(feeds);
  for (const [name, { dims, data, dtype }] of graph.constants)
    values.set(name, { dims, data: Array.from(data as ArrayLike<number>, Number), dtype });
  for (const node of nodes) {
    const made = evaluateNode(
      node,
      node.inputs.map((name) => values.get(name)),
    );
    for (const [i, name] of node.outputs.entries()) if (made[i] !== undefined) values.set(name, made[i]);
  }
  return values.get(output)!;
}
