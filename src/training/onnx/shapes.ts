/**
 * Shape and element type of each core operator's output, from those of its inputs. Shapes are always fully known: the
 * batch size is fixed before the first operator is looked at.
 * @module
 * @source ONNX operator specification, opset 17.
 */
import { KonsilError } from '../../base/index.ts';
import { type Attributes, findInts, intOf } from './ir.ts';
import { LAYOUT_SHAPES } from './layoutShapes.ts';
import {
  axisOf,
  broadcast,
  constantOf,
  inputOf,
  invalid,
  type ShapeContext,
  type ShapeRule,
  show,
} from './shapeRule.ts';
import { averagePoolShape, convShape, convTransposeShape, maxPoolShape } from './spatial.ts';
import { findDType, intVector, MAX_ELEMENTS, sizeOf, type Tensor, type ValueType } from './tensor.ts';

const same: ShapeRule = (context) => inputOf(context, 0);
const toBool: ShapeRule = (context) => ({ dtype: 'bool', dims: inputOf(context, 0).dims });

const binary = (context: ShapeContext): ValueType => {
  const [a, b] = [inputOf(context, 0), inputOf(context, 1)];
  if (a.dtype !== b.dtype) invalid(`element types ${a.dtype} and ${b.dtype} differ`);
  return { dtype: a.dtype, dims: broadcast(a.dims, b.dims) };
};
/** The second operand must not widen the first. */
const prelu: ShapeRule = (context) => {
  const { dims } = inputOf(context, 0);
  if (show(binary(context).dims) !== show(dims)) invalid(`slope ${show(inputOf(context, 1).dims)} for ${show(dims)}`);
  return inputOf(context, 0);
};
const cumSum: ShapeRule = (context) => {
  axisOf(constantOf(context, 1, 'the axis of CumSum')[0] ?? 0, inputOf(context, 0).dims.length);
  return inputOf(context, 0);
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

const shape: ShapeRule = (context) => ({ dtype: 'int64', dims: [inputOf(context, 0).dims.length] });

// in training the operator also gives the new running mean and variance
const batchNormalization: ShapeRule = (context) => {
  const x = inputOf(context, 0);
  const statistics = { dtype: x.dtype, dims: [x.dims[1]!] };
  return intOf(context.attributes, 'training_mode', 0) === 1 ? [x, statistics, statistics] : x;
};

// mean and inverse standard deviation keep the normalised axes at size 1
const layerNormalization: ShapeRule = (context) => {
  const input = inputOf(context, 0);
  const axis = axisOf(intOf(context.attributes, 'axis', -1), input.dims.length);
  const rows = { dtype: input.dtype, dims: input.dims.map((dim, i) => (i < axis ? dim : 1)) };
  return [input, rows, rows];
};

const UNARY = `Neg Exp Log Sqrt Abs Sign Floor Ceil Round Reciprocal Erf Clip
  Sin Cos Tan Asin Acos Atan Sinh Cosh Tanh Asinh Acosh Atanh
  Relu LeakyRelu ThresholdedRelu Elu Selu Celu Sigmoid HardSigmoid Softplus Softsign`;

function table(names: string, rule: ShapeRule): Record<string, ShapeRule> {
  return Object.fromEntries(names.split(/\s+/).map((name) => [name, rule]));
}

const argMax: ShapeRule = (context) => {
  const { dims } = inputOf(context, 0);
  const axis = axisOf(intOf(context.attributes, 'axis', 0), dims.length);
  const keep = intOf(context.attributes, 'keepdims', 1) === 1;
  return { dtype: 'int64', dims: keep ? dims.with(axis, 1) : dims.toSpliced(axis, 1) };
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
    ...table('Not IsNaN IsInf', toBool),
    ...table('Add Sub Mul Div Mod Min Max', binary),
    ...table('Equal Greater Less GreaterOrEqual LessOrEqual And Or Xor', compare),
    ...table('Softmax LogSoftmax', softmax),
    ...table('ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL2 ReduceLogSumExp', reduce),
    Pow: power,
    PRelu: prelu,
    CumSum: cumSum,
    Where: where,
    Gemm: gemm,
    MatMul: matmul,
    Cast: cast,
    Shape: shape,
    ...table('ArgMax ArgMin', argMax),
    MaxUnpool: maxUnpool,
    Sum: variadic,
    Conv: convShape,
    ConvTranspose: convTransposeShape,
    MaxPool: maxPoolShape,
    AveragePool: averagePoolShape,
    BatchNormalization: batchNormalization,
    LayerNormalization: layerNormalization,
    ...LAYOUT_SHAPES,
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
