/**
 * Cases made wrong: what a hostile or broken file may hold.
 * @module
 */
import type { Attribute, Node } from '../../../src/training/onnx/ir.ts';
import { type Tensor, tensorFrom } from '../../../src/training/onnx/tensor.ts';
import { nodeOf } from './check.ts';
import type { CaseInput, Draw, OperatorCase } from './draw.ts';

const NUMBERS = [0, 1, -1, 2, 3, -7, 99, 2 ** 31, -(2 ** 31), 2 ** 53];

function number(draw: Draw): number {
  return draw.pick(NUMBERS);
}

function damagedAttribute(attribute: Attribute, draw: Draw): Attribute {
  if (draw.int(0, 3) === 0)
    return draw.pick<Attribute>([{ int: number(draw) }, { text: 'x' }, { ints: [number(draw)] }]);
  if ('int' in attribute) return { int: number(draw) };
  if ('ints' in attribute) {
    const values = attribute.ints.map((v) => (draw.flag() ? number(draw) : v));
    return { ints: draw.flag() ? values : [...values, number(draw)] };
  }
  return 'text' in attribute ? { text: draw.pick(['', 'linear', 'x', '...,->ij', 'ij,jk->iq']) } : attribute;
}

function damagedTensor(tensor: Tensor, draw: Draw): Tensor {
  const values = Array.from(tensor.data as ArrayLike<number>, Number).map((v) => (draw.flag() ? number(draw) : v));
  switch (draw.int(0, 3)) {
    case 0:
      return tensorFrom(
        'float32',
        tensor.dims,
        values.map((v) => v + 0.5),
      );
    case 1:
      return tensorFrom(tensor.dtype, [values.length + 1], [...values, number(draw)]);
    case 2:
      return tensorFrom(tensor.dtype, [], [number(draw)]);
    default:
      return tensorFrom(tensor.dtype, tensor.dims, values);
  }
}

function damagedInput(input: CaseInput, draw: Draw): CaseInput {
  if (draw.int(0, 3) === 0) return { kind: 'absent' };
  if (input.kind === 'absent') return input;
  if (input.kind === 'constant') return { ...input, tensor: damagedTensor(input.tensor, draw) };
  const dims = draw.shape(0, 3);
  const count = dims.reduce((n, d) => n * d, 1);
  const values = Array.from({ length: count }, () => 1);
  return { kind: input.kind, tensor: tensorFrom(draw.pick(['float32', input.tensor.dtype]), dims, values) };
}

/** One or several things about the case changed: attributes, constants, shapes, inputs and outputs that are there. */
export function damaged(op: string, given: OperatorCase, draw: Draw): { node: Node; given: OperatorCase } {
  const attributes = Object.fromEntries(
    Object.entries(given.attributes ?? {}).map(([name, value]) => [
      name,
      draw.flag() ? damagedAttribute(value, draw) : value,
    ]),
  );
  const inputs = given.inputs.map((input) => (draw.int(0, 2) === 0 ? damagedInput(input, draw) : input));
  const changed = { ...given, attributes, inputs: draw.int(0, 5) === 0 ? inputs.slice(0, -1) : inputs };
  return { node: nodeOf(op, changed), given: changed };
}
