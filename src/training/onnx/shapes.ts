/**
 * Shape and element type of each core operator's output, from those of its inputs. Shapes are always fully known: the
 * batch size is fixed before the first operator is looked at.
 * @module
 * @source ONNX operator specification, opset 17.
 */
import { KonsilError } from '../../base/index.ts';
import { type Attributes, findInts, intOf } from './ir.ts';
import { axisOf, constantOf, inputOf, invalid, type ShapeContext, type ShapeRule, show } from './shapeRule.ts';
import { averagePoolShape, convShape, convTransposeShape, maxPoolShape } from './spatial.ts';
import { findDType, intVector, MAX_ELEMENTS, sizeOf, type Tensor, type ValueType } from './tensor.ts';

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

const same: ShapeRule = (context) => inputOf(context, 0);
const toBool: ShapeRule = (context) => ({ dtype: 'bool', dims: inputOf(context, 0).dims });

const binary = (context: ShapeContext): ValueType => {
  const [a, b] = [inputOf(context, 0), inputOf(context, 1)];
  if (a.dtype !== b.dtype) invalid(`element types ${a.dtype} and ${b.dtype} differ`);
  return { dtype: a.dtype, dims: broadcast(a.dims, b.dims) };
};
const compare: ShapeRule = (context) => ({ dtype: 'bool', dims: binary(context).dims });
// Pow lets base and exponent differ in type; the result has the base's
const power: ShapeRule = (context) => ({
  dtype: inputOf(context, 0).dtype,
  dims: broadcast(inputOf(context, 0).dims, inputOf(context, 1).dims),
});

const softmax: ShapeRule = (context) => {
  const input = inputOf(context, 0);
  axisOf(intOf(context.attributes, 'axis', -1), input.dims.length);
  return input;
};

const where: ShapeRule = (context) => {
  const [condition, a, b] = [inputOf(context, 0), inputOf(context, 1), inputOf(context, 2)];
  return { dtype: a.dtype, dims: broadcast(condition.dims, broadcast(a.dims, b.dims)) };
};

const gemm: ShapeRule = (context) => {
  const [a, b] = [inputOf(context, 0), inputOf(context, 1)];
  if (a.dims.length !== 2 || b.dims.length !== 2)
    invalid(`Gemm needs matrices, got ${show(a.dims)} and ${show(b.dims)}`);
  const [m, k] = intOf(context.attributes, 'transA', 0) ? [a.dims[1]!, a.dims[0]!] : [a.dims[0]!, a.dims[1]!];
  const [k2, n] = intOf(context.attributes, 'transB', 0) ? [b.dims[1]!, b.dims[0]!] : [b.dims[0]!, b.dims[1]!];
  if (k !== k2) invalid(`inner sizes ${k} and ${k2} of ${show(a.dims)} and ${show(b.dims)} differ`);
  const c = context.inputs[2];
  if (c !== undefined && broadcast(c.dims, [m, n]).some((dim, i) => dim !== [m, n][i]))
    invalid(`bias ${show(c.dims)} does not broadcast to [${m}, ${n}]`);
  return { dtype: a.dtype, dims: [m, n] };
};

const matmul: ShapeRule = (context) => {
  const [a, b] = [inputOf(context, 0), inputOf(context, 1)];
  if (a.dims.length < 2 || b.dims.length < 2)
    throw new KonsilError(
      'MODEL_UNSUPPORTED',
      `MatMul of ${show(a.dims)} and ${show(b.dims)}: expected rank 2 or more`,
    );
  if (a.dims.at(-1) !== b.dims.at(-2)) invalid(`inner sizes of ${show(a.dims)} and ${show(b.dims)} differ`);
  return {
    dtype: a.dtype,
    dims: [...broadcast(a.dims.slice(0, -2), b.dims.slice(0, -2)), a.dims.at(-2)!, b.dims.at(-1)!],
  };
};

const transpose: ShapeRule = (context) => {
  const { dtype, dims } = inputOf(context, 0);
  const perm = findInts(context.attributes, 'perm') ?? dims.map((_, i) => dims.length - 1 - i);
  if ([...perm].sort((a, b) => a - b).some((axis, i) => axis !== i) || perm.length !== dims.length)
    invalid(`perm ${show(perm)} does not permute ${show(dims)}`);
  return { dtype, dims: perm.map((axis) => dims[axis]!) };
};

const reshape: ShapeRule = (context) => {
  const { dtype, dims } = inputOf(context, 0);
  const zeroIsZero = intOf(context.attributes, 'allowzero', 0) === 1;
  const wanted = constantOf(context, 1, 'the shape of Reshape');
  const out = wanted.map((dim, i) => (dim === 0 && !zeroIsZero ? (dims[i] ?? 0) : dim));
  const free = out.indexOf(-1);
  if (free >= 0) out[free] = sizeOf(dims) / sizeOf(out.filter((_, i) => i !== free));
  if (sizeOf(out) !== sizeOf(dims) || out.some((dim) => dim < 0 || !Number.isInteger(dim)))
    invalid(`${show(dims)} does not reshape to ${show(wanted)}`);
  return { dtype, dims: out };
};

const expand: ShapeRule = (context) => {
  const { dtype, dims } = inputOf(context, 0);
  return { dtype, dims: broadcast(dims, constantOf(context, 1, 'the shape of Expand')) };
};

const concat: ShapeRule = (context) => {
  const first = inputOf(context, 0);
  const axis = axisOf(intOf(context.attributes, 'axis', Number.NaN), first.dims.length);
  const parts = context.inputs.map((_, i) => inputOf(context, i));
  const fits = parts.every(
    (p) =>
      p.dtype === first.dtype &&
      p.dims.length === first.dims.length &&
      p.dims.every((d, i) => i === axis || d === first.dims[i]),
  );
  if (!fits) invalid(`shapes ${parts.map((part) => show(part.dims)).join(' ')} do not concatenate on axis ${axis}`);
  const total = parts.reduce((n, part) => n + part.dims[axis]!, 0);
  return { dtype: first.dtype, dims: first.dims.map((dim, i) => (i === axis ? total : dim)) };
};

/** Start, step and count along each axis of a Slice over `dims`. */
export function sliceOf(
  dims: readonly number[],
  starts: readonly number[],
  ends: readonly number[],
  axes: readonly number[] | undefined,
  steps: readonly number[] | undefined,
): { start: number; step: number; count: number }[] {
  const out = dims.map((dim) => ({ start: 0, step: 1, count: dim }));
  for (const [i, rawStart] of starts.entries()) {
    const axis = axisOf(axes?.[i] ?? i, dims.length);
    const [dim, step] = [dims[axis]!, steps?.[i] ?? 1];
    if (step === 0 || ends[i] === undefined) invalid('Slice needs as many ends as starts, and steps other than 0');
    const clamp = (at: number, low: number, high: number): number =>
      Math.min(Math.max(at < 0 ? at + dim : at, low), high);
    const start = step > 0 ? clamp(rawStart, 0, dim) : clamp(rawStart, 0, dim - 1);
    const end = step > 0 ? clamp(ends[i], 0, dim) : clamp(ends[i], -1, dim - 1);
    out[axis] = { start, step, count: Math.max(0, Math.ceil((end - start) / step)) };
  }
  return out;
}

const slice: ShapeRule = (context) => {
  const { dtype, dims } = inputOf(context, 0);
  const part = (i: number): number[] | undefined =>
    context.inputs[i] === undefined ? undefined : constantOf(context, i, 'a bound of Slice');
  return { dtype, dims: sliceOf(dims, part(1) ?? [], part(2) ?? [], part(3), part(4)).map((axis) => axis.count) };
};

const gather: ShapeRule = (context) => {
  const [data, indices] = [inputOf(context, 0), inputOf(context, 1)];
  const axis = axisOf(intOf(context.attributes, 'axis', 0), data.dims.length);
  return { dtype: data.dtype, dims: [...data.dims.slice(0, axis), ...indices.dims, ...data.dims.slice(axis + 1)] };
};

/** Axes a reduction runs over, ascending; an absent or empty list means all of them. */
export function reducedAxes(axes: readonly number[] | undefined, rank: number): number[] {
  if (axes === undefined || axes.length === 0) return Array.from({ length: rank }, (_, i) => i);
  return [...new Set(axes.map((axis) => axisOf(axis, rank)))].sort((a, b) => a - b);
}

const reduce: ShapeRule = (context) => {
  const { dtype, dims } = inputOf(context, 0);
  const given = context.inputs[1] === undefined ? findInts(context.attributes, 'axes') : constantOf(context, 1, 'axes');
  const axes = reducedAxes(given, dims.length);
  const keep = intOf(context.attributes, 'keepdims', 1) === 1;
  return {
    dtype,
    dims: keep ? dims.map((d, i) => (axes.includes(i) ? 1 : d)) : dims.filter((_, i) => !axes.includes(i)),
  };
};

const cast: ShapeRule = (context) => {
  const id = intOf(context.attributes, 'to', 0);
  const dtype = findDType(id);
  if (dtype === undefined) throw new KonsilError('MODEL_UNSUPPORTED', `Cast to type ${id} is not supported`);
  return { dtype, dims: inputOf(context, 0).dims };
};

const constantOfShape: ShapeRule = (context) => {
  const value = context.attributes['value'];
  const dims = constantOf(context, 0, 'the shape of ConstantOfShape');
  return { dtype: value !== undefined && 'tensor' in value ? value.tensor.dtype : 'float32', dims };
};

const shape: ShapeRule = (context) => ({ dtype: 'int64', dims: [inputOf(context, 0).dims.length] });

const batchNormalization: ShapeRule = (context) => inputOf(context, 0);

// mean and inverse standard deviation keep the normalised axes at size 1
const layerNormalization: ShapeRule = (context) => {
  const input = inputOf(context, 0);
  const axis = axisOf(intOf(context.attributes, 'axis', -1), input.dims.length);
  const rows = { dtype: input.dtype, dims: input.dims.map((dim, i) => (i < axis ? dim : 1)) };
  return [input, rows, rows];
};

const UNARY =
  'Neg Exp Log Sqrt Abs Sign Relu LeakyRelu Sigmoid Tanh Softplus Elu Erf Clip Floor Ceil Reciprocal Sin Cos';

function table(names: string, rule: ShapeRule): Record<string, ShapeRule> {
  return Object.fromEntries(names.split(' ').map((name) => [name, rule]));
}

const argMax: ShapeRule = (context) => {
  const { dims } = inputOf(context, 0);
  const axis = axisOf(intOf(context.attributes, 'axis', 0), dims.length);
  const keep = intOf(context.attributes, 'keepdims', 1) === 1;
  return { dtype: 'int64', dims: keep ? dims.with(axis, 1) : dims.toSpliced(axis, 1) };
};

const pad: ShapeRule = (context) => {
  const { dtype, dims } = inputOf(context, 0);
  const pads = constantOf(context, 1, 'the padding of Pad');
  if (pads.length !== 2 * dims.length) invalid(`pads ${show(pads)}, expected two for each axis of ${show(dims)}`);
  return { dtype, dims: dims.map((dim, i) => dim + pads[i]! + pads[i + dims.length]!) };
};

const variadic: ShapeRule = (context) => {
  const first = inputOf(context, 0);
  return context.inputs.reduce<ValueType>(
    (all, next, i) => ({ dtype: first.dtype, dims: broadcast(all.dims, (next ?? inputOf(context, i)).dims) }),
    first,
  );
};

const maxUnpool: ShapeRule = (context) => ({
  dtype: inputOf(context, 0).dtype,
  dims: constantOf(context, 2, 'the shape of MaxUnpool'),
});

/** The core operators: what the importer lowers every supported operator to, and what gradient rules emit. */
export const SHAPES: ReadonlyMap<string, ShapeRule> = new Map(
  Object.entries({
    ...table(UNARY, same),
    ...table('Not IsNaN', toBool),
    ...table('Add Sub Mul Div Min Max', binary),
    ...table('Equal Greater Less GreaterOrEqual LessOrEqual And Or', compare),
    ...table('Softmax LogSoftmax', softmax),
    ...table('ReduceSum ReduceMean ReduceMax', reduce),
    Pow: power,
    Where: where,
    Gemm: gemm,
    MatMul: matmul,
    Transpose: transpose,
    Reshape: reshape,
    Expand: expand,
    Concat: concat,
    Slice: slice,
    Gather: gather,
    Cast: cast,
    ConstantOfShape: constantOfShape,
    Shape: shape,
    ...table('ArgMax ArgMin', argMax),
    MaxUnpool: maxUnpool,
    Pad: pad,
    Sum: variadic,
    Conv: convShape,
    ConvTranspose: convTransposeShape,
    MaxPool: maxPoolShape,
    AveragePool: averagePoolShape,
    ScatterElements: same,
    BatchNormalization: batchNormalization,
    LayerNormalization: layerNormalization,
  }),
);

/**
 * The first `count` outputs of `op`.
 * @throws KonsilError MODEL_INVALID or MODEL_UNSUPPORTED when the inputs do not fit it.
 */
export function inferShapes(op: string, context: ShapeContext, count: number): readonly ValueType[] {
  const rule = SHAPES.get(op);
  if (rule === undefined) throw new KonsilError('MODEL_UNSUPPORTED', `operator ${op} is not supported`);
  const given = rule(context);
  const types = 'dims' in given ? [given] : given;
  if (types.length < count)
    throw new KonsilError('MODEL_UNSUPPORTED', `${op} with ${count} outputs, expected ${types.length} at most`);
  for (const type of types)
    if (type.dims.some((dim) => !Number.isInteger(dim) || dim < 0) || sizeOf(type.dims) > MAX_ELEMENTS)
      invalid(`${op} gives the impossible shape ${show(type.dims)}`);
  return types.slice(0, count);
}

/** The int64 vector that the Shape operator gives for `dims`, restricted to its `start` and `end`. */
export function shapeValue(dims: readonly number[], attributes: Attributes): Tensor {
  return intVector(dims.slice(intOf(attributes, 'start', 0), intOf(attributes, 'end', dims.length)));
}
