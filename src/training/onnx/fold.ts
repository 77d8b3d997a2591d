/**
 * Values of operators whose inputs are all known at compile time: mostly the integer chains (Shape, Gather, Concat, ...)
 * that exporters leave around Reshape. Float arithmetic rounds to float32 after each operator, as ORT would.
 * @module
 */
import { type Attributes, findInts, intOf } from './ir.ts';
import { sliceOf } from './layoutShapes.ts';
import { axisOf } from './shapeRule.ts';
import { allocate, numbersOf, sizeOf, type Tensor, tensorFrom, type ValueType } from './tensor.ts';

/** Larger results stay operators: folding them would move work from ORT to slower code, and bloat the graph. */
const MAX_FOLDED = 1 << 20;
/** Larger results that only repeat their input stay operators too: the file would hold every copy. */
const MAX_REPEATED = 1 << 12;

type FoldRule = (inputs: readonly Tensor[], out: ValueType, attributes: Attributes) => Tensor;

/** Strides of `dims` in C order, 0 along axes of size 1, padded in front to `rank` axes. */
function broadcastStrides(dims: readonly number[], rank: number): number[] {
  const strides = Array.from({ length: rank }, () => 0);
  let stride = 1;
  for (let i = dims.length - 1; i >= 0; i--) {
    if (dims[i] !== 1) strides[rank - dims.length + i] = stride;
    stride *= dims[i]!;
  }
  return strides;
}

/** For every element of shape `dims` in C order, `offset` plus the position in a source with these strides. */
function positions(dims: readonly number[], strides: readonly number[], offset = 0): Uint32Array {
  const out = new Uint32Array(sizeOf(dims));
  const index = dims.map(() => 0);
  let at = offset;
  for (let i = 0; i < out.length; i++) {
    out[i] = at;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      at += strides[axis]!;
      if (++index[axis]! < dims[axis]!) break;
      at -= strides[axis]! * dims[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}

/** Copies by position, without going through doubles: int64 sentinels stay exact. */
function pick(from: Tensor, dims: readonly number[], at: Uint32Array): Tensor {
  const data = allocate(from.dtype, at.length);
  for (let i = 0; i < at.length; i++) data[i] = from.data[at[i]!]!;
  return { dtype: from.dtype, dims, data };
}

function zip(f: (a: number, b: number) => number): FoldRule {
  return ([a, b], out) => {
    const [x, y] = [numbersOf(a!), numbersOf(b!)];
    const ix = positions(out.dims, broadcastStrides(a!.dims, out.dims.length));
    const iy = positions(out.dims, broadcastStrides(b!.dims, out.dims.length));
    return tensorFrom(
      out.dtype,
      out.dims,
      Array.from(ix, (p, i) => f(x[p]!, y[iy[i]!]!)),
    );
  };
}

function map(f: (x: number) => number): FoldRule {
  return ([a], out) => tensorFrom(out.dtype, out.dims, numbersOf(a!).map(f));
}

function isInteger(type: ValueType): boolean {
  return type.dtype === 'int64' || type.dtype === 'int32';
}

const where: FoldRule = ([condition, a, b], out) => {
  const rank = out.dims.length;
  const at = [condition!, a!, b!].map((t) => positions(out.dims, broadcastStrides(t.dims, rank)));
  const data = allocate(out.dtype, at[0]!.length);
  for (let i = 0; i < data.length; i++)
    data[i] = condition!.data[at[0]![i]!] ? a!.data[at[1]![i]!]! : b!.data[at[2]![i]!]!;
  return { ...out, data };
};

const concat: FoldRule = (inputs, out, attributes) => {
  const axis = axisOf(intOf(attributes, 'axis', 0), out.dims.length);
  const inner = sizeOf(out.dims.slice(axis + 1));
  const data = allocate(out.dtype, sizeOf(out.dims));
  let start = 0;
  for (const input of inputs) {
    const [span, stride] = [input.dims[axis]! * inner, out.dims[axis]! * inner];
    for (let i = 0; i < input.data.length; i++)
      data[Math.floor(i / span) * stride + start + (i % span)] = input.data[i]!;
    start += span;
  }
  return { ...out, data };
};

const slice: FoldRule = ([data, starts, ends, axes, steps], out) => {
  const strides = broadcastStrides(data!.dims, data!.dims.length);
  const parts = sliceOf(
    data!.dims,
    numbersOf(starts!),
    numbersOf(ends!),
    axes && numbersOf(axes),
    steps && numbersOf(steps),
  );
  const offset = parts.reduce((n, part, i) => n + part.start * strides[i]!, 0);
  return pick(
    data!,
    out.dims,
    positions(
      out.dims,
      parts.map((part, i) => part.step * strides[i]!),
      offset,
    ),
  );
};

const gather: FoldRule = ([data, indices], out, attributes) => {
  const axis = axisOf(intOf(attributes, 'axis', 0), data!.dims.length);
  const [inner, size] = [sizeOf(data!.dims.slice(axis + 1)), data!.dims[axis]!];
  const at = numbersOf(indices!).map((i) => axisOf(i, size));
  const source = Uint32Array.from({ length: sizeOf(out.dims) }, (_, i) => {
    const outer = Math.floor(i / (at.length * inner));
    return (outer * size + at[Math.floor(i / inner) % at.length]!) * inner + (i % inner);
  });
  return pick(data!, out.dims, source);
};

const transpose: FoldRule = ([data], out, attributes) => {
  const strides = broadcastStrides(data!.dims, data!.dims.length);
  const perm = attributes['perm'];
  const order = perm !== undefined && 'ints' in perm ? perm.ints : strides.map((_, i) => strides.length - 1 - i);
  return pick(
    data!,
    out.dims,
    positions(
      out.dims,
      order.map((axis) => strides[axis]!),
    ),
  );
};

const constantOfShape: FoldRule = (_, out, attributes) => {
  const value = attributes['value'];
  const fill = value !== undefined && 'tensor' in value ? value.tensor.data[0]! : 0;
  const data = allocate(out.dtype, sizeOf(out.dims));
  for (let i = 0; i < data.length; i++) data[i] = fill;
  return { ...out, data };
};

/** Over the axes that input 1 or the attribute names, all without either. */
function reduce(f: (total: number, x: number) => number): FoldRule {
  return ([data, given], out, attributes) => {
    const rank = data!.dims.length;
    const listed = (given && numbersOf(given)) ?? findInts(attributes, 'axes') ?? [];
    const axes = listed.length === 0 ? data!.dims.map((_, i) => i) : listed.map((axis) => axisOf(axis, rank));
    const kept = data!.dims.map((dim, i) => (axes.includes(i) ? 1 : dim));
    const totals = new Map<number, number>();
    const values = numbersOf(data!);
    for (const [i, place] of positions(data!.dims, broadcastStrides(kept, rank)).entries())
      totals.set(place, totals.has(place) ? f(totals.get(place)!, values[i]!) : values[i]!);
    return tensorFrom(
      out.dtype,
      out.dims,
      Array.from({ length: sizeOf(out.dims) }, (_, i) => totals.get(i) ?? 0),
    );
  };
}

const RULES: Readonly<Record<string, FoldRule>> = {
  Add: zip((a, b) => a + b),
  Sub: zip((a, b) => a - b),
  Mul: zip((a, b) => a * b),
  // integers divide toward zero, as in C; a zero divisor is left for ORT to refuse
  Div: (inputs, out, attributes) =>
    zip((a, b) => (isInteger(out) ? Math.trunc(a / b) : a / b))(inputs, out, attributes),
  // of integers: the sign of the divisor, or with fmod that of the dividend, as in C
  Mod: (inputs, out, attributes) =>
    zip((a, b) => (intOf(attributes, 'fmod', 0) === 1 ? a % b : a - b * Math.floor(a / b)))(inputs, out, attributes),
  Min: zip(Math.min),
  Max: zip(Math.max),
  Pow: zip((a, b) => a ** b),
  Equal: zip((a, b) => Number(a === b)),
  Greater: zip((a, b) => Number(a > b)),
  Less: zip((a, b) => Number(a < b)),
  GreaterOrEqual: zip((a, b) => Number(a >= b)),
  LessOrEqual: zip((a, b) => Number(a <= b)),
  And: zip((a, b) => a * b),
  Or: zip((a, b) => Math.max(a, b)),
  Xor: zip((a, b) => Number(a !== b)),
  Not: map((a) => 1 - a),
  Neg: map((a) => -a),
  Sqrt: map(Math.sqrt),
  Abs: map(Math.abs),
  Sign: map(Math.sign),
  Floor: map(Math.floor),
  Ceil: map(Math.ceil),
  Cast: map((a) => a),
  ReduceSum: reduce((a, b) => a + b),
  ReduceProd: reduce((a, b) => a * b),
  ReduceMax: reduce(Math.max),
  ReduceMin: reduce(Math.min),
  Where: where,
  Concat: concat,
  Slice: slice,
  Gather: gather,
  Transpose: transpose,
  ConstantOfShape: constantOfShape,
  Reshape: ([data], out) => ({ ...out, data: data!.data }),
  Expand: ([data], out) => pick(data!, out.dims, positions(out.dims, broadcastStrides(data!.dims, out.dims.length))),
};

/** The value of `op` over constant `inputs`, or undefined when it is better left to ORT. */
export function findFolded(
  op: string,
  inputs: readonly Tensor[],
  out: ValueType,
  attributes: Attributes,
): Tensor | undefined {
  const rule = RULES[op];
  if (rule === undefined || sizeOf(out.dims) > MAX_FOLDED) return undefined;
  if ((op === 'Expand' || op === 'ConstantOfShape') && sizeOf(out.dims) > MAX_REPEATED) return undefined;
  if ((op === 'Div' || op === 'Mod') && isInteger(out) && numbersOf(inputs[1]!).includes(0)) return undefined;
  return rule(inputs, out, attributes);
}
