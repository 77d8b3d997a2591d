/**
 * What the rules that bring model operators to core operators see, and how they read a node.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import type { GraphBuilder } from '../onnx/builder.ts';
import { findInts, type Name, type Node } from '../onnx/ir.ts';
import { axisOf } from '../onnx/shapeRule.ts';
import { numbersOf, type Tensor } from '../onnx/tensor.ts';

/** Makes the mask of one Dropout that is active in training; undefined in evaluation, where Dropout does nothing. */
export type MaskSource = ((ratio: number, dims: readonly number[]) => Name) | undefined;

/** How to treat batch normalisation: as each node says, with the batch's statistics, or with the running ones. */
export type BatchNormUse = 'as_exported' | 'train' | 'frozen';

export interface LowerContext {
  readonly graph: GraphBuilder;
  readonly node: Node;
  /** Inputs as values of `graph`; empty where an optional one is left out. */
  readonly inputs: readonly Name[];
  readonly mask: MaskSource;
  /**
   * Replaces the value of the model's running statistic at input `index` after this step; undefined in evaluation and
   * for statistics that stay.
   */
  readonly updateBuffer: ((index: number, value: Name) => void) | undefined;
  readonly batchNorm: BatchNormUse | undefined;
}

/** Appends a node of the model to the graph and gives its outputs, the first or all of them. */
export type LowerRule = (context: LowerContext) => Name | readonly Name[];

export function unsupported(message: string): never {
  throw new KonsilError('MODEL_UNSUPPORTED', message);
}

export function invalid(message: string): never {
  throw new KonsilError('MODEL_INVALID', message);
}

/** Largest tensor that the importer makes itself, in elements; a file's settings must not exhaust the memory. */
const MAX_MADE = 1 << 22;

/** `count`, the number of elements of a tensor to be made. @throws KonsilError MODEL_INVALID when none is possible */
export function checkedCount(count: number): number {
  if (!Number.isInteger(count) || count < 0) invalid(`a tensor of ${count} elements`);
  if (count > MAX_MADE)
    unsupported(`a tensor of ${count} elements made by the file's settings, expected ${MAX_MADE} at most`);
  return count;
}

/** Input `index`, which must be there. */
export function inputOf({ inputs }: LowerContext, index: number): Name {
  return inputs[index] || invalid(`input ${index} is missing`);
}

/** The value of input `index`, undefined when it is left out. @throws KonsilError MODEL_UNSUPPORTED when computed */
export function findConstant({ graph, inputs }: LowerContext, index: number): Tensor | undefined {
  const name = inputs[index] ?? '';
  if (name === '') return undefined;
  return graph.constants.get(name) ?? unsupported(`input ${index} is computed from data, expected a constant`);
}

/** Numbers of constant input `index`, undefined when it is left out. */
export function findNumbers(context: LowerContext, index: number): number[] | undefined {
  const value = findConstant(context, index);
  return value === undefined ? undefined : numbersOf(value);
}

/** Axes given as attribute `axes` or as constant input `index`, counted from the front of `rank`. */
export function findAxes(context: LowerContext, rank: number, index = 1): readonly number[] | undefined {
  const given = findNumbers(context, index) ?? findInts(context.node.attributes, 'axes');
  return given?.map((axis) => axisOf(axis, rank));
}
