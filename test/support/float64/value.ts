/**
 * Values of the reference evaluator and how its loops address them.
 * @module
 */
import type { Node } from '../../../src/training/onnx/ir.ts';
import type { DType } from '../../../src/training/onnx/tensor.ts';

/** A tensor in doubles, in C order. */
export interface Value {
  readonly dims: readonly number[];
  readonly data: readonly number[];
  /** @default float32, which here means unrounded doubles */
  readonly dtype?: DType;
}

export type Index = readonly number[];

/** The outputs of one node, by naive loops over the definition in the ONNX specification. */
export type Evaluator = (node: Node, inputs: readonly (Value | undefined)[]) => Value | readonly Value[];

export function size(dims: readonly number[]): number {
  return dims.reduce((n, d) => n * d, 1);
}

/** Every index of shape `dims`, in C order. */
export function indices(dims: readonly number[]): number[][] {
  return Array.from({ length: size(dims) }, (_, flat) => {
    const out: number[] = [];
    for (let i = dims.length - 1, rest = flat; i >= 0; i--) {
      out.unshift(rest % dims[i]!);
      rest = Math.floor(rest / dims[i]!);
    }
    return out;
  });
}

/** Position of `index` in C order. */
export function flat(index: Index, dims: readonly number[]): number {
  return index.reduce((n, i, axis) => n * dims[axis]! + i, 0);
}

/** Element of `value` at `index` of a shape it broadcasts to. */
export function at(value: Value, index: Index): number {
  const lead = index.length - value.dims.length;
  let place = 0;
  for (const [axis, dim] of value.dims.entries()) place = place * dim + (dim === 1 ? 0 : index[lead + axis]!);
  return value.data[place]!;
}

/** Element at `index`, or `outside` when it lies outside. */
export function atOr(value: Value, index: Index, outside: number): number {
  return index.every((i, axis) => i >= 0 && i < value.dims[axis]!) ? value.data[flat(index, value.dims)]! : outside;
}

export function build(dims: readonly number[], f: (index: number[]) => number, dtype?: DType): Value {
  return { dims, data: indices(dims).map(f), ...(dtype === undefined ? {} : { dtype }) };
}

/** `value` with other data of the same type. */
export function like(value: Value, dims: readonly number[], data: readonly number[]): Value {
  return { ...value, dims, data };
}

export function fromFront(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** The shape that all of `shapes` broadcast to. */
export function broadcastAll(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((dims) => dims.length));
  return Array.from({ length: rank }, (_, i) => {
    const sizes = shapes.map((dims) => dims[i - rank + dims.length] ?? 1);
    return sizes.find((d) => d !== 1) ?? 1;
  });
}
