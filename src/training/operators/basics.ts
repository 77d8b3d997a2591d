/**
 * Operators that pass values through, make them or change their type.
 * @module
 */
import { dtypeId, intVector, numbersOf, sizeOf, tensorFrom } from '../onnx/tensor.ts';
import { findConstant, inputOf, invalid, type LowerRule, unsupported } from './context.ts';

const identity: LowerRule = ({ inputs }) => inputs[0]!;

const constant: LowerRule = ({ graph, node }) => {
  const { value, value_float: float, value_int: int, value_floats: floats, value_ints: ints } = node.attributes;
  if (value !== undefined && 'tensor' in value) return graph.constant(value.tensor);
  if (float !== undefined && 'float' in float) return graph.scalar(float.float);
  if (int !== undefined && 'int' in int) return graph.constant(tensorFrom('int64', [], [int.int]));
  if (floats !== undefined && 'floats' in floats)
    return graph.constant(tensorFrom('float32', [floats.floats.length], floats.floats));
  if (ints !== undefined && 'ints' in ints) return graph.constant(intVector(ints.ints));
  return unsupported('constant is neither a tensor nor numbers');
};

/**
 * Dropout in training is a product with a mask that is fed from outside: ORT removes Dropout nodes when it optimises a
 * graph, even those in training mode, and its own random numbers are not reproducible across builds.
 */
const dropout: LowerRule = (context) => {
  const { graph, inputs, mask } = context;
  const ratioTensor = findConstant(context, 1);
  const ratio = ratioTensor === undefined ? 0.5 : numbersOf(ratioTensor)[0]!;
  const mode = findConstant(context, 2);
  const isTraining = mode !== undefined && numbersOf(mode)[0] === 1;
  if (!(ratio >= 0 && ratio < 1)) invalid(`dropout ratio ${ratio}, expected [0, 1)`);
  if (mask === undefined || !isTraining || ratio === 0) return inputs[0]!;
  return graph.op('Mul', [inputs[0]!, mask(ratio, graph.dims(inputs[0]!))]);
};

const size: LowerRule = ({ graph, inputs }) =>
  graph.constant(tensorFrom('int64', [], [sizeOf(graph.dims(inputs[0]!))]));

const castLike: LowerRule = (context) => {
  const { graph, inputs } = context;
  const to = graph.typeOf(inputOf(context, 1)).dtype;
  return graph.op('Cast', [inputs[0]!], { to: { int: dtypeId(to) } });
};

export const BASICS: Readonly<Record<string, LowerRule>> = {
  Identity: identity,
  Constant: constant,
  Dropout: dropout,
  Size: size,
  CastLike: castLike,
};
