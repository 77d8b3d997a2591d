/**
 * Random single-node models for the property tests: shapes and attributes are drawn by fast-check and shrink, values come
 * from a seeded stream.
 * @module
 */
import * as fc from 'fast-check';
import { normal, type Rng, seededRng } from '../../../src/base/index.ts';
import type { Attribute, Attributes } from '../../../src/training/onnx/ir.ts';
import { type DType, sizeOf, type Tensor, tensorFrom } from '../../../src/training/onnx/tensor.ts';

/** How an input reaches the node. */
export type CaseInput =
  /** A float32 graph input whose gradient is checked. */
  | { readonly kind: 'varied'; readonly tensor: Tensor }
  /** A graph input without gradient: indices, conditions. */
  | { readonly kind: 'fed'; readonly tensor: Tensor }
  /** Known when the model is compiled. */
  | { readonly kind: 'constant'; readonly tensor: Tensor }
  | { readonly kind: 'absent' };

export interface OperatorCase {
  readonly inputs: readonly CaseInput[];
  readonly attributes?: Attributes;
  /** @default 1 */
  readonly outputs?: number;
  /** Opset of the single-node model for ORT. @default 17 */
  readonly opset?: number;
  /** False where ORT does not implement the operator or deviates. @default true */
  readonly ort?: boolean;
  /** Tolerance in roundings of 2^-24. @default 64 */
  readonly roundings?: number;
}

/** Makes one case of an operator. */
export type CaseMaker = (draw: Draw) => OperatorCase;

export const int = (value: number): Attribute => ({ int: value });
export const float = (value: number): Attribute => ({ float: Math.fround(value) });
export const ints = (values: readonly number[]): Attribute => ({ ints: values });
export const text = (value: string): Attribute => ({ text: value });
export const absent: CaseInput = { kind: 'absent' };

export function constant(dtype: DType, dims: readonly number[], values: readonly number[]): CaseInput {
  return { kind: 'constant', tensor: tensorFrom(dtype, dims, values) };
}

/** A constant int64 vector: axes, shapes, bounds. */
export function vector(values: readonly number[]): CaseInput {
  return constant('int64', [values.length], values);
}

export function fed(dtype: DType, dims: readonly number[], values: readonly number[]): CaseInput {
  return { kind: 'fed', tensor: tensorFrom(dtype, dims, values) };
}

export function varied(dims: readonly number[], values: readonly number[]): CaseInput {
  return { kind: 'varied', tensor: tensorFrom('float32', dims, values) };
}

/** Values are not made smaller when a failing case is: only its shapes and attributes are. */
const seeds = (): fc.Arbitrary<number> => fc.noShrink(fc.nat());

export class Draw {
  readonly #generate: fc.GeneratorValue;
  readonly rng: Rng;

  constructor(generate: fc.GeneratorValue) {
    this.#generate = generate;
    this.rng = seededRng(generate(seeds), 'case');
  }

  /** An integer in [low, high]. */
  int(low: number, high: number): number {
    return this.#generate(fc.integer, { min: low, max: high });
  }

  flag(): boolean {
    return this.#generate(fc.boolean);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(0, items.length - 1)]!;
  }

  /** One of `items` or undefined, for an attribute that may be left out. */
  maybe<T>(make: () => T): T | undefined {
    return this.flag() ? make() : undefined;
  }

  list<T>(count: number, make: (i: number) => T): T[] {
    return Array.from({ length: count }, (_, i) => make(i));
  }

  dims(rank: number, low = 1, high = 4): number[] {
    return this.list(rank, () => this.int(low, high));
  }

  /** A shape of rank in [low, high]. */
  shape(low: number, high: number): number[] {
    return this.dims(this.int(low, high));
  }

  /** An axis of `rank`, from the front or from the back. */
  axis(rank: number): number {
    return this.int(-rank, rank - 1);
  }

  /** A shape that broadcasts to `dims`. */
  narrowed(dims: readonly number[]): number[] {
    return dims.slice(this.int(0, dims.length)).map((d) => (this.int(0, 3) === 0 ? 1 : d));
  }

  /** Normal numbers at least 2e-3 away from each of `kinks`. */
  normals(dims: readonly number[], kinks: readonly number[] = [], scale = 1): CaseInput {
    return varied(
      dims,
      this.list(sizeOf(dims), () => clear(scale * normal(this.rng), kinks)),
    );
  }

  uniforms(dims: readonly number[], low: number, high: number, kinks: readonly number[] = []): CaseInput {
    return varied(
      dims,
      this.list(sizeOf(dims), () => clear(low + (high - low) * this.rng(), kinks)),
    );
  }

  /** Distinct numbers in about [-1.5, 1.5], any two of all `shapes` at least a few thousandths apart. */
  spaced(...shapes: (readonly number[])[]): CaseInput[] {
    const total = shapes.reduce((n, dims) => n + sizeOf(dims), 0);
    const order = this.list(total, (i) => i);
    for (let i = total - 1; i > 0; i--) {
      const j = Math.floor(this.rng() * (i + 1));
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    const values = order.map((rank) => clear((3 * (rank + 0.5 * this.rng())) / total - 1.5, [0]));
    let start = 0;
    return shapes.map((dims) => varied(dims, values.slice(start, (start += sizeOf(dims)))));
  }

  /** Integers in [low, high] that do not shrink. */
  integers(count: number, low: number, high: number): number[] {
    return this.list(count, () => low + Math.floor(this.rng() * (high - low + 1)));
  }
}

/** `x`, moved away from a kink that is nearer than 2e-3. */
function clear(x: number, kinks: readonly number[]): number {
  const near = kinks.find((kink) => Math.abs(x - kink) < 2e-3);
  return near === undefined ? x : near + (x >= near ? 3e-3 : -3e-3);
}

/** Attributes without those that are undefined. */
export function given(attributes: Readonly<Record<string, Attribute | undefined>>): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined)) as Attributes;
}
