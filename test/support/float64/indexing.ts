/**
 * Operators that read or write where indices say.
 * @module
 */

import { intOf, type Node } from '../../../src/training/onnx/ir.ts';
import { findDType } from '../../../src/training/onnx/tensor.ts';
import { textOf } from './convolution.ts';
import { at, build, type Evaluator, flat, fromFront, indices, like, type Value } from './value.ts';

const gather: Evaluator = (node, [x, which]) => {
  const axis = fromFront(intOf(node.attributes, 'axis', 0), x!.dims.length);
  const width = which!.dims.length;
  return build(
    [...x!.dims.slice(0, axis), ...which!.dims, ...x!.dims.slice(axis + 1)],
    (index) => {
      const place = fromFront(at(which!, index.slice(axis, axis + width)), x!.dims[axis]!);
      return at(x!, [...index.slice(0, axis), place, ...index.slice(axis + width)]);
    },
    x!.dtype,
  );
};

const gatherElements: Evaluator = (node, [x, which]) => {
  const axis = fromFront(intOf(node.attributes, 'axis', 0), x!.dims.length);
  const place = (index: number[]): number => fromFront(at(which!, index), x!.dims[axis]!);
  return build(which!.dims, (index) => x!.data[flat(index.with(axis, place(index)), x!.dims)]!, x!.dtype);
};

/** The index in `x` that entry `lead` of an index tensor names, its last axis holding the coordinates. */
function namedPlace(which: Value, lead: readonly number[], x: Value, batch: number): number[] {
  const depth = which.dims.at(-1)!;
  const coordinates = Array.from({ length: depth }, (_, k) => fromFront(at(which, [...lead, k]), x.dims[batch + k]!));
  return [...lead.slice(0, batch), ...coordinates];
}

const gatherND: Evaluator = (node, [x, which]) => {
  const batch = intOf(node.attributes, 'batch_dims', 0);
  const lead = which!.dims.slice(0, -1);
  const rest = x!.dims.slice(batch + which!.dims.at(-1)!);
  return build(
    [...lead, ...rest],
    (index) => at(x!, [...namedPlace(which!, index.slice(0, lead.length), x!, batch), ...index.slice(lead.length)]),
    x!.dtype,
  );
};

const combine = (node: Node, old: number, update: number): number =>
  textOf(node, 'reduction', 'none') === 'add' ? old + update : update;

const scatterND: Evaluator = (node, [x, which, updates]) => {
  const data = [...x!.data];
  const width = which!.dims.length - 1;
  for (const index of indices(updates!.dims)) {
    const place = flat([...namedPlace(which!, index.slice(0, width), x!, 0), ...index.slice(width)], x!.dims);
    data[place] = combine(node, data[place]!, at(updates!, index));
  }
  return like(x!, x!.dims, data);
};

const scatterElements: Evaluator = (node, [x, which, updates]) => {
  const axis = fromFront(intOf(node.attributes, 'axis', 0), x!.dims.length);
  const data = [...x!.data];
  for (const index of indices(which!.dims)) {
    const place = flat(index.with(axis, fromFront(at(which!, index), x!.dims[axis]!)), x!.dims);
    data[place] = combine(node, data[place]!, at(updates!, index));
  }
  return like(x!, x!.dims, data);
};

const oneHot: Evaluator = (node, [which, depth, values]) => {
  const [n, rank] = [depth!.data[0]!, which!.dims.length + 1];
  const axis = fromFront(intOf(node.attributes, 'axis', -1), rank);
  const [off, on] = values!.data as [number, number];
  return build(
    which!.dims.toSpliced(axis, 0, n),
    (index) => (fromFront(at(which!, index.toSpliced(axis, 1)), n) === index[axis]! ? on : off),
    values!.dtype,
  );
};

const eyeLike: Evaluator = (node, [x]) => {
  const dtype = findDType(intOf(node.attributes, 'dtype', 0)) ?? x!.dtype;
  return build(x!.dims, ([i, j]) => Number(i! + intOf(node.attributes, 'k', 0) === j), dtype);
};

const range: Evaluator = (_, [start, limit, delta]) => {
  const count = Math.max(0, Math.ceil((limit!.data[0]! - start!.data[0]!) / delta!.data[0]!));
  return build([count], ([i]) => start!.data[0]! + i! * delta!.data[0]!, start!.dtype);
};

const nonZero: Evaluator = (_, [x]) => {
  const places = indices(x!.dims).filter((_, i) => x!.data[i] !== 0);
  return build([x!.dims.length, places.length], ([axis, i]) => places[i!]![axis!]!, 'int64');
};

const constant: Evaluator = ({ attributes }) => {
  for (const attribute of Object.values(attributes)) {
    if ('tensor' in attribute)
      return { ...attribute.tensor, data: Array.from(attribute.tensor.data as ArrayLike<number>, Number) };
    if ('float' in attribute) return { dims: [], data: [attribute.float] };
    if ('int' in attribute) return { dims: [], data: [attribute.int], dtype: 'int64' };
    if ('floats' in attribute) return { dims: [attribute.floats.length], data: attribute.floats };
    if ('ints' in attribute) return { dims: [attribute.ints.length], data: attribute.ints, dtype: 'int64' };
  }
  throw new RangeError('a Constant without value');
};

const constantOfShape: Evaluator = (node, [shape]) => {
  const value = node.attributes['value'];
  const fill = value !== undefined && 'tensor' in value ? value.tensor : undefined;
  return build(shape!.data, () => Number(fill?.data[0] ?? 0), fill?.dtype);
};

export const INDEXING: Record<string, Evaluator> = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  ScatterND: scatterND,
  ScatterElements: scatterElements,
  OneHot: oneHot,
  EyeLike: eyeLike,
  Range: range,
  NonZero: nonZero,
  Constant: constant,
  ConstantOfShape: constantOfShape,
};
