/**
 * Operators on one element at a time, with broadcasting.
 * @module
 */

import { floatOf, intOf, type Node } from '../../../src/training/onnx/ir.ts';
import { findDType } from '../../../src/training/onnx/tensor.ts';
import { textOf } from './convolution.ts';
import { at, broadcastAll, build, type Evaluator, type Value } from './value.ts';

/** erf by its Taylor series, exact to rounding for |x| < 3. */
function erf(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; n < 100; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.log1p(Math.exp(x));
/** Float attribute, as the float32 number that the file holds. */
const attribute = (node: Node, name: string, fallback: number): number =>
  floatOf(node.attributes, name, Math.fround(fallback));

function hardSigmoid(x: number, alpha: number, beta: number): number {
  return Math.min(1, Math.max(0, alpha * x + beta));
}

function selu(x: number, node: Node): number {
  const alpha = attribute(node, 'alpha', 1.67326319217681884765625);
  const gamma = attribute(node, 'gamma', 1.05070102214813232421875);
  return gamma * (x > 0 ? x : alpha * Math.expm1(x));
}

function gelu(x: number, node: Node): number {
  if (textOf(node, 'approximate', 'none') === 'tanh')
    return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
  return 0.5 * x * (1 + erf(x / Math.SQRT2));
}

function roundHalfEven(x: number): number {
  const low = Math.floor(x);
  if (x - low !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}

const UNARY: Record<string, (x: number, node: Node) => number> = {
  Identity: (x) => x,
  Neg: (x) => -x,
  Exp: Math.exp,
  Log: Math.log,
  Sqrt: Math.sqrt,
  Reciprocal: (x) => 1 / x,
  Abs: Math.abs,
  Sin: Math.sin,
  Cos: Math.cos,
  Tan: Math.tan,
  Asin: Math.asin,
  Acos: Math.acos,
  Atan: Math.atan,
  Sinh: Math.sinh,
  Cosh: Math.cosh,
  Asinh: Math.asinh,
  Acosh: Math.acosh,
  Atanh: Math.atanh,
  Floor: Math.floor,
  Ceil: Math.ceil,
  Round: roundHalfEven,
  Sign: Math.sign,
  Relu: (x) => Math.max(x, 0),
  LeakyRelu: (x, node) => (x > 0 ? x : x * attribute(node, 'alpha', 0.01)),
  ThresholdedRelu: (x, node) => (x > attribute(node, 'alpha', 1) ? x : 0),
  Elu: (x, node) => (x > 0 ? x : attribute(node, 'alpha', 1) * Math.expm1(x)),
  Selu: selu,
  Celu: (x, node) => {
    const alpha = attribute(node, 'alpha', 1);
    return Math.max(0, x) + Math.min(0, alpha * Math.expm1(x / alpha));
  },
  Sigmoid: sigmoid,
  HardSigmoid: (x, node) => hardSigmoid(x, attribute(node, 'alpha', 0.2), attribute(node, 'beta', 0.5)),
  HardSwish: (x) => x * hardSigmoid(x, 1 / 6, 0.5),
  Tanh: Math.tanh,
  Softplus: softplus,
  Softsign: (x) => x / (1 + Math.abs(x)),
  Mish: (x) => x * Math.tanh(softplus(x)),
  Gelu: gelu,
  Erf: erf,
};

const ints = (value: Value): boolean => value.dtype === 'int32' || value.dtype === 'int64';

function modulo(a: number, b: number, node: Node): number {
  const rest = a % b;
  if (intOf(node.attributes, 'fmod', 0) === 1) return rest;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

type Nary = (values: number[], node: Node, inputs: readonly (Value | undefined)[]) => number;

const total = (values: readonly number[]): number => values.reduce((n, v) => n + v, 0);

const NARY: Record<string, Nary> = {
  Add: ([a, b]) => a! + b!,
  Sub: ([a, b]) => a! - b!,
  Mul: ([a, b]) => a! * b!,
  Div: ([a, b], _, [x]) => (ints(x!) ? Math.trunc(a! / b!) : a! / b!),
  Mod: ([a, b], node) => modulo(a!, b!, node),
  Pow: ([a, b]) => a! ** b!,
  PRelu: ([x, slope]) => (x! < 0 ? x! * slope! : x!),
  Min: (values) => Math.min(...values),
  Max: (values) => Math.max(...values),
  Sum: total,
  Mean: (values) => total(values) / values.length,
};

const BOOLEAN: Record<string, Nary> = {
  Equal: ([a, b]) => Number(a === b),
  Greater: ([a, b]) => Number(a! > b!),
  Less: ([a, b]) => Number(a! < b!),
  GreaterOrEqual: ([a, b]) => Number(a! >= b!),
  LessOrEqual: ([a, b]) => Number(a! <= b!),
  And: ([a, b]) => a! * b!,
  Or: ([a, b]) => Math.max(a!, b!),
  Xor: ([a, b]) => Number(a !== b),
  Not: ([a]) => 1 - a!,
  IsNaN: ([a]) => Number(Number.isNaN(a)),
  IsInf: ([a], node) =>
    Number(
      (a === Infinity && intOf(node.attributes, 'detect_positive', 1) === 1) ||
        (a === -Infinity && intOf(node.attributes, 'detect_negative', 1) === 1),
    ),
};

function nary(f: Nary, isBoolean: boolean): Evaluator {
  return (node, inputs) => {
    const given = inputs.filter((value) => value !== undefined);
    const dims = broadcastAll(given.map((value) => value.dims));
    const compute = (index: number[]): number =>
      f(
        given.map((value) => at(value, index)),
        node,
        inputs,
      );
    return build(dims, compute, isBoolean ? 'bool' : given[0]!.dtype);
  };
}

const clip: Evaluator = (_, [x, low, high]) => ({
  ...x!,
  data: x!.data.map((v) => Math.min(Math.max(v, low?.data[0] ?? -Infinity), high?.data[0] ?? Infinity)),
});

const where: Evaluator = (_, [condition, a, b]) =>
  build(
    broadcastAll([condition!.dims, a!.dims, b!.dims]),
    (index) => at(at(condition!, index) === 0 ? b! : a!, index),
    a!.dtype,
  );

const cast: Evaluator = (node, [x, like]) => {
  const dtype = like === undefined ? findDType(intOf(node.attributes, 'to', 1)) : (like.dtype ?? 'float32');
  const convert = (v: number): number => {
    if (dtype === 'bool') return Number(v !== 0);
    return dtype === 'int32' || dtype === 'int64' ? Math.trunc(v) : v;
  };
  return { dims: x!.dims, data: x!.data.map(convert), ...(dtype === undefined ? {} : { dtype }) };
};

const softmax: Evaluator = (node, [x]) => {
  const axis = intOf(node.attributes, 'axis', -1);
  return build(x!.dims, (index) => {
    const place = axis < 0 ? axis + x!.dims.length : axis;
    const row = Array.from({ length: x!.dims[place]! }, (_, k) => Math.exp(at(x!, index.with(place, k))));
    const y = row[index[place]!]! / total(row);
    return node.op === 'LogSoftmax' ? Math.log(y) : y;
  });
};

const entries = <T>(table: Record<string, T>, wrap: (f: T) => Evaluator): Record<string, Evaluator> =>
  Object.fromEntries(Object.entries(table).map(([op, f]) => [op, wrap(f)]));

export const ELEMENTWISE: Record<string, Evaluator> = {
  ...entries(UNARY, (f) => (node, [x]) => ({ ...x!, data: x!.data.map((v) => f(v, node)) })),
  ...entries(NARY, (f) => nary(f, false)),
  ...entries(BOOLEAN, (f) => nary(f, true)),
  Clip: clip,
  Where: where,
  Cast: cast,
  CastLike: cast,
  Softmax: softmax,
  LogSoftmax: softmax,
  // the ratio is that of evaluation here: nothing is dropped
  Dropout: (_, [x]) => x!,
};
