/**
 * Operators that read or write where indices say, and tensors that are made of indices.
 * @module
 */
import { intOf, type Name, textOf } from '../onnx/ir.ts';
import { addAt } from '../onnx/scatter.ts';
import { axisOf } from '../onnx/shapeRule.ts';
import { type DType, findDType, intVector, numbersOf, sizeOf, type Tensor, tensorFrom } from '../onnx/tensor.ts';
import { checkedCount, findConstant, findNumbers, inputOf, invalid, type LowerRule, unsupported } from './context.ts';

function counted(dims: readonly number[]): Tensor {
  return { ...intVector(Array.from({ length: checkedCount(sizeOf(dims)) }, (_, i) => i)), dims };
}

/** Coordinates of the batch come from constants; the core operator has none. */
const gatherND: LowerRule = (context) => {
  const { graph, inputs, node } = context;
  const indices = graph.cast(inputOf(context, 1), 'int64');
  const dims = graph.dims(indices);
  const batch = intOf(node.attributes, 'batch_dims', 0);
  if (batch < 0 || batch >= dims.length) invalid(`batch_dims ${batch} of indices [${dims.join(', ')}]`);
  const coordinate = (axis: number): Name => {
    const line = graph.constant(counted(dims.map((dim, i) => (i === axis ? dim : 1))));
    return graph.expand(line, dims.with(dims.length - 1, 1));
  };
  const parts = [...Array.from({ length: batch }, (_, axis) => coordinate(axis)), indices];
  return graph.op('GatherND', [inputs[0]!, graph.concat(parts, dims.length - 1)]);
};

const scatter: LowerRule = (context) => {
  const { graph, inputs, node } = context;
  const reduction = textOf(node.attributes, 'reduction', 'none');
  if (reduction !== 'none' && reduction !== 'add') unsupported(`reduction "${reduction}", expected "none" or "add"`);
  const indices = graph.cast(inputOf(context, 1), 'int64');
  const updates = inputOf(context, 2);
  if (node.op === 'ScatterND' && reduction === 'add') return addAt(graph, inputs[0]!, indices, updates);
  return graph.op(node.op, [inputs[0]!, indices, updates], node.attributes);
};

/** values[1] where an index says so, else values[0]; negative indices count from the end. */
const oneHot: LowerRule = (context) => {
  const { graph, inputs, node } = context;
  const depth = findNumbers(context, 1)?.[0] ?? invalid('OneHot needs a depth');
  const values = inputOf(context, 2);
  // every device has int32
  const indices = graph.cast(inputs[0]!, 'int32');
  const dims = graph.dims(indices);
  const axis = axisOf(intOf(node.attributes, 'axis', -1), dims.length + 1);
  const number = (value: number): Name => graph.constant(tensorFrom('int32', [], [value]));
  const isNegative = graph.op('Less', [indices, number(0)]);
  const fromFront = graph.op('Where', [isNegative, graph.op('Add', [indices, number(depth)]), indices]);
  const column = graph.reshape(fromFront, dims.toSpliced(axis, 0, 1));
  const line = graph.cast(graph.constant(counted(graph.dims(column).map((_, i) => (i === axis ? depth : 1)))), 'int32');
  const value = (i: number): Name => graph.reshape(graph.slice(values, [0], [i], [i + 1]), []);
  return graph.op('Where', [graph.op('Equal', [column, line]), value(1), value(0)]);
};

const eyeLike: LowerRule = ({ graph, inputs, node }) => {
  const { dtype, dims } = graph.typeOf(inputs[0]!);
  const wanted = intOf(node.attributes, 'dtype', 0);
  const to: DType | undefined = wanted === 0 ? dtype : findDType(wanted);
  if (to === undefined) return unsupported(`EyeLike of type ${wanted}`);
  if (dims.length !== 2) invalid(`[${dims.join(', ')}] is no matrix`);
  const [rows, columns] = dims as [number, number];
  const shift = intOf(node.attributes, 'k', 0);
  const values = Array.from({ length: checkedCount(rows * columns) }, (_, i) =>
    Number((i % columns) - Math.floor(i / columns) === shift),
  );
  return graph.constant(tensorFrom(to, [rows, columns], values));
};

const range: LowerRule = (context) => {
  const part = (i: number): number => findNumbers(context, i)?.[0] ?? invalid(`input ${i} is missing`);
  const [start, limit, delta] = [part(0), part(1), part(2)];
  if (delta === 0) invalid('Range with step 0');
  const count = checkedCount(Math.max(0, Math.ceil((limit - start) / delta)));
  const values = Array.from({ length: count }, (_, i) => start + i * delta);
  return context.graph.constant(tensorFrom(findConstant(context, 0)!.dtype, [count], values));
};

/** The number of results depends on the values, so these must be known. */
const nonZero: LowerRule = (context) => {
  const { dims, data } = findConstant(context, 0)!;
  const places = numbersOf({ dims, data, dtype: 'float32' }).flatMap((value, i) => (value === 0 ? [] : [i]));
  const strides = dims.map((_, axis) => sizeOf(dims.slice(axis + 1)));
  const rows = strides.flatMap((stride, axis) => places.map((i) => Math.floor(i / stride) % dims[axis]!));
  return context.graph.constant({ ...intVector(rows), dims: [dims.length, places.length] });
};

/** One triangle of each matrix, zeros in the other. */
const trilu: LowerRule = (context) => {
  const { graph, inputs, node } = context;
  const { dtype, dims } = graph.typeOf(inputs[0]!);
  if (dims.length < 2) invalid(`[${dims.join(', ')}] is no matrix`);
  const [rows, columns] = dims.slice(-2) as [number, number];
  const shift = findNumbers(context, 1)?.[0] ?? 0;
  const isUpper = intOf(node.attributes, 'upper', 1) === 1;
  const kept = Array.from({ length: checkedCount(rows * columns) }, (_, i) => {
    const distance = (i % columns) - Math.floor(i / columns);
    return Number(isUpper ? distance >= shift : distance <= shift);
  });
  const mask = graph.constant(tensorFrom('bool', [rows, columns], kept));
  return graph.op('Where', [mask, inputs[0]!, graph.constant(tensorFrom(dtype, [], [0]))]);
};

export const INDEXING: Readonly<Record<string, LowerRule>> = {
  GatherND: gatherND,
  ScatterND: scatter,
  ScatterElements: scatter,
  OneHot: oneHot,
  EyeLike: eyeLike,
  Range: range,
  NonZero: nonZero,
  Trilu: trilu,
};
