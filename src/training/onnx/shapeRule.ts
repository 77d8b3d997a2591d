/**
 * What shape rules are made of.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import type { Attributes } from './ir.ts';
import { numbersOf, type Tensor, type ValueType } from './tensor.ts';

/** What a shape rule sees. `constant(i)` is the value of input i when it is known at compile time. */
export interface ShapeContext {
  readonly inputs: readonly (ValueType | undefined)[];
  readonly attributes: Attributes;
  constant(index: number): Tensor | undefined;
}

/** The type of the first output, or of several. */
export type ShapeRule = (context: ShapeContext) => ValueType | readonly ValueType[];

export function invalid(message: string): never {
  throw new KonsilError('MODEL_INVALID', message);
}

export function show(dims: readonly number[]): string {
  return `[${dims.join(', ')}]`;
}

export function inputOf(context: ShapeContext, index: number): ValueType {
  return context.inputs[index] ?? invalid(`input ${index} is missing`);
}

export function constantOf(context: ShapeContext, index: number, what: string): number[] {
  const value = context.constant(index);
  if (value === undefined)
    throw new KonsilError('MODEL_UNSUPPORTED', `${what} is computed from data, expected a constant`);
  return numbersOf(value);
}

/** `axis` counted from the front. @throws KonsilError MODEL_INVALID outside [-rank, rank). */
export function axisOf(axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) invalid(`axis ${axis} is outside rank ${rank}`);
  return axis < 0 ? axis + rank : axis;
}

/** The common shape of two under ONNX (numpy) broadcasting. @throws KonsilError MODEL_INVALID when there is none. */
export function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) invalid(`shapes ${show(a)} and ${show(b)} do not broadcast`);
    return x === 1 ? y : x;
  });
}
