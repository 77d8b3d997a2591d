/**
 * A model as one flat vector: which tensor lies where.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import type { Name } from './onnx/ir.ts';
import type { ValueType } from './onnx/tensor.ts';

/** One tensor of the vector: elements `[offset, offset + count)`, in C order. */
export interface LayoutEntry {
  readonly name: Name;
  readonly dims: readonly number[];
  readonly offset: number;
  readonly count: number;
  /** `buffer`: averaged over sites but not trained, as running statistics are. */
  readonly kind: 'trainable' | 'buffer';
}

/** A product of two trained matrices that is added to a matrix of the model file, see `lora.ts`. */
export interface Adapter {
  /** Initializer of the model file. */
  readonly weight: Name;
  /** Entries of the layout. */
  readonly a: Name;
  readonly b: Name;
  /** Whether the product is A·B; else it is B·A. */
  readonly isInputFirst: boolean;
  readonly scale: number;
}

/**
 * Trained entries (weights of the model file in its order, then adapters), then buffers, without gaps; `length` elements
 * in all.
 */
export interface Layout {
  readonly entries: readonly LayoutEntry[];
  readonly length: number;
  /** Absent when there are none. */
  readonly adapters?: readonly Adapter[];
}

/** Lays `tensors` one after another. */
export function layOut(
  tensors: readonly { name: Name; dims: readonly number[]; kind: LayoutEntry['kind'] }[],
  adapters: readonly Adapter[] = [],
): Layout {
  let length = 0;
  const entries = tensors.map((tensor) => {
    const count = tensor.dims.reduce((n, dim) => n * dim, 1);
    const entry = { ...tensor, offset: length, count };
    length += count;
    return entry;
  });
  return { entries, length, ...(adapters.length > 0 && { adapters }) };
}

/** Elements of the trained entries, which come first. */
export function trainedLength({ entries }: Layout): number {
  return entries.reduce((n, entry) => (entry.kind === 'trainable' ? n + entry.count : n), 0);
}

/**
 * Shape in which programs take and give a tensor of shape `dims`: without axes of size 1 at the end, over which
 * onnxruntime computes element by element, a hundred times slower than over a row.
 */
export function storedDims(dims: readonly number[]): readonly number[] {
  let rank = dims.length;
  while (rank > 1 && dims[rank - 1] === 1) rank--;
  return dims.slice(0, rank);
}

/** {@link storedDims} of a value type. */
export function storedType(type: ValueType): ValueType {
  return { dtype: type.dtype, dims: storedDims(type.dims) };
}

/** The part of `vector` that holds `entry`, as a view. */
export function viewOf(vector: Float32Array, entry: LayoutEntry, base = 0): Float32Array {
  return vector.subarray(base + entry.offset, base + entry.offset + entry.count);
}

/** @throws KonsilError MODEL_MISMATCH unless `parameters` has the length of `layout`. */
export function checkParameters(layout: Layout, parameters: Float32Array): void {
  if (parameters.length !== layout.length)
    throw new KonsilError(
      'MODEL_MISMATCH',
      `parameter vector has ${parameters.length} values, the model has ${layout.length}`,
    );
}
