/**
 * What every loss is made of.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import type { GraphBuilder } from '../onnx/builder.ts';
import type { Name } from '../onnx/ir.ts';
import { sizeOf, type ValueType } from '../onnx/tensor.ts';

export interface LossInputs {
  readonly graph: GraphBuilder;
  /** Model output, `[batch, ...]`. */
  readonly output: Name;
  /** In the type that the rule's `target` gives; empty when there is none. */
  readonly target: Name;
  /** Weight of each sample, `[batch]`. */
  readonly weight: Name;
  /** Weight of each sample over the sum of weights, `[batch]`. */
  readonly share: Name;
}

export interface LossNodes {
  /** Scalar: the weighted mean over samples. */
  readonly loss: Name;
  /** Gradient of the loss, in the output's shape. */
  readonly seed: Name;
  /**
   * What the mean divides by, where that is not the sum of sample weights: means of several batches are weighed by it.
   */
  readonly mass?: Name;
}

/** A target as the graphs take it. */
export interface TargetType extends ValueType {
  /** For class indices: their number, and one more value that is allowed. */
  readonly classes?: number;
  readonly ignoreIndex?: number;
}

export interface LossRule {
  /**
   * Shape and type of the target for a model output of shape `dims`, null for none.
   * @throws KonsilError MODEL_MISMATCH naming `source`
   */
  target(dims: readonly number[], source: string): TargetType | null;
  build(inputs: LossInputs): LossNodes;
  /** Whether a sample's loss depends on the batch's other samples, for a model output of shape `dims`. */
  mixesRows?(dims: readonly number[]): boolean;
}

/** Smallest divisor: keeps 0/0 at 0, and is far below any sum of weights. */
export const TINY = 1e-30;

/** Shape of a batch, as people write it. */
export function showBatch(dims: readonly number[]): string {
  return `[${['batch', ...dims.slice(1)].join(', ')}]`;
}

export function mismatch(source: string, message: string): never {
  throw new KonsilError('MODEL_MISMATCH', `${source}: ${message}`);
}

/** `[batch]` as `[batch, 1, ...]`, to multiply an output with. */
export function column({ graph, output }: LossInputs, perSample: Name): Name {
  return graph.reshape(
    perSample,
    graph.dims(output).map((dim, i) => (i === 0 ? dim : 1)),
  );
}

/** One value per index of axis 1, as `[1, n, 1, ...]` of rank `rank`. */
export function channelDims(count: number, rank: number): number[] {
  return Array.from({ length: rank }, (_, i) => (i === 1 ? count : 1));
}

export function perElement(dims: readonly number[]): TargetType {
  return { dtype: 'float32', dims };
}

/** share/K as a column, K the number of outputs of one sample: PyTorch's mean runs over samples and outputs. */
export function elementShare(inputs: LossInputs): Name {
  const { graph, output, share } = inputs;
  return graph.op('Mul', [column(inputs, share), graph.scalar(1 / sizeOf(graph.dims(output).slice(1)))]);
}

/** Boolean `value` as 0 and 1. */
export function indicator(graph: GraphBuilder, value: Name): Name {
  return graph.cast(value, 'float32');
}

// ln(1 + exp(-|z|)), in (0, ln 2]
export function softplusOfMinusAbs(graph: GraphBuilder, z: Name): Name {
  return graph.op('Softplus', [graph.op('Neg', [graph.op('Abs', [z])])]);
}
