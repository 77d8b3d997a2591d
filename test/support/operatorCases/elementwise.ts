/**
 * Cases of operators on one element at a time.
 * @module
 */
import { sizeOf } from '../../../src/training/onnx/tensor.ts';
import {
  absent,
  type CaseInput,
  type CaseMaker,
  constant,
  type Draw,
  fed,
  float,
  given,
  int,
  type OperatorCase,
  text,
  varied,
} from './draw.ts';

/** One input of random shape, its values by `make`. */
function unary(
  make: (draw: Draw, dims: readonly number[]) => CaseInput,
  attributes: (draw: Draw) => OperatorCase['attributes'] = () => ({}),
  more: Partial<OperatorCase> = {},
): CaseMaker {
  return (draw) => ({ ...more, inputs: [make(draw, draw.shape(0, 3))], attributes: attributes(draw) ?? {} });
}

const normal = (draw: Draw, dims: readonly number[]): CaseInput => draw.normals(dims);
const between =
  (low: number, high: number) =>
  (draw: Draw, dims: readonly number[]): CaseInput =>
    draw.uniforms(dims, low, high);
const around =
  (...kinks: number[]) =>
  (draw: Draw, dims: readonly number[]): CaseInput =>
    draw.normals(dims, kinks);
const alpha = (draw: Draw): OperatorCase['attributes'] => given({ alpha: draw.maybe(() => float(0.3)) });

/** Normal numbers scaled so that kinks at -3, 3 lie well inside. */
const wide =
  (...kinks: number[]) =>
  (draw: Draw, dims: readonly number[]): CaseInput =>
    draw.normals(dims, kinks, 3);

const UNARY: Record<string, CaseMaker> = {
  Identity: unary(normal),
  Neg: unary(normal),
  Exp: unary(normal),
  Log: unary(between(0.5, 2)),
  Sqrt: unary(between(0.5, 2)),
  Reciprocal: unary(between(0.5, 2)),
  Abs: unary(around(0)),
  Sin: unary(normal),
  Cos: unary(normal),
  Tan: unary(between(-1, 1)),
  Asin: unary(between(-0.9, 0.9)),
  Acos: unary(between(-0.9, 0.9)),
  Atan: unary(normal),
  Sinh: unary(normal),
  Cosh: unary(normal),
  Tanh: unary(normal),
  Asinh: unary(normal),
  Acosh: unary(between(1.5, 3)),
  Atanh: unary(between(-0.9, 0.9)),
  Erf: unary(normal),
  Floor: unary(wide(-3, -2, -1, 0, 1, 2, 3)),
  Ceil: unary(wide(-3, -2, -1, 0, 1, 2, 3)),
  Round: unary(wide(-3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5)),
  Sign: unary(around(0)),
  Relu: unary(around(0)),
  LeakyRelu: unary(around(0), alpha),
  ThresholdedRelu: unary(around(1, 0.3), alpha),
  Elu: unary(around(0), alpha),
  Selu: unary(around(0), (draw) => given({ alpha: draw.maybe(() => float(1.2)), gamma: draw.maybe(() => float(0.7)) })),
  Celu: unary(around(0), alpha),
  Sigmoid: unary(normal),
  HardSigmoid: unary(
    wide(-2.5, 2.5, -0.8, 2.5 / 2, -0.5 / 0.3, 0.5 / 0.3, 0.2 / 0.3, -0.2 / 0.3, 0.8 / 0.3, 4, -1, 0.8 / 0.2),
    (draw) => given({ alpha: draw.maybe(() => float(0.3)), beta: draw.maybe(() => float(0.2)) }),
  ),
  HardSwish: unary(wide(-3, 3)),
  Softplus: unary(normal),
  Softsign: unary(normal),
  Mish: unary(normal, undefined, { opset: 18 }),
  Gelu: unary(normal, (draw) => given({ approximate: draw.maybe(() => text(draw.pick(['none', 'tanh']))) }), {
    opset: 20,
  }),
};

/** Two or more float inputs that broadcast, values by `make`. */
function broadcasting(
  count: (draw: Draw) => number,
  make: (draw: Draw, dims: readonly number[]) => CaseInput,
): CaseMaker {
  return (draw) => {
    const dims = draw.shape(0, 3);
    const whole = draw.int(0, 1);
    return { inputs: draw.list(count(draw), (i) => make(draw, i === whole ? dims : draw.narrowed(dims))) };
  };
}

const two = (): number => 2;
const several = (draw: Draw): number => draw.int(1, 4);

/** Values apart from each other, so that no two are the larger. */
const extremum: CaseMaker = (draw) => {
  const dims = draw.shape(0, 3);
  return { inputs: draw.spaced(...draw.list(draw.int(1, 4), (i) => (i === 0 ? dims : draw.narrowed(dims)))) };
};

const pow: CaseMaker = (draw) => {
  const dims = draw.shape(0, 3);
  const base = draw.uniforms(dims, 0.5, 2);
  const exponent = draw.int(0, 3);
  if (exponent === 0) return { inputs: [base, draw.normals(draw.narrowed(dims))] };
  if (exponent === 1) return { inputs: [base, constant('int64', [], [draw.int(1, 4)])] };
  return { inputs: [draw.normals(dims), constant('float32', [], [draw.int(1, 4)])], roundings: 256 };
};

const mod: CaseMaker = (draw) => {
  const dims = draw.shape(0, 3);
  const count = sizeOf(dims);
  if (draw.flag()) {
    const dtype = draw.pick(['int32', 'int64'] as const);
    const fmod = draw.maybe(() => int(1));
    const divisors = draw.integers(count, 1, 4).map((v) => (draw.rng() < 0.5 ? -v : v));
    return {
      inputs: [fed(dtype, dims, draw.integers(count, -9, 9)), fed(dtype, dims, divisors)],
      attributes: given({ fmod }),
    };
  }
  // x = (whole + part)·y keeps away from the jumps
  const y = draw.list(count, () => (0.5 + draw.rng()) * (draw.rng() < 0.5 ? -1 : 1));
  const x = y.map((v) => v * (Math.floor(draw.rng() * 4) + 0.1 + 0.8 * draw.rng()));
  return { inputs: [varied(dims, x), varied(dims, y)], attributes: { fmod: int(1) } };
};

const prelu: CaseMaker = (draw) => {
  const dims = draw.shape(1, 3);
  return { inputs: [draw.normals(dims, [0]), draw.normals(draw.narrowed(dims))] };
};

/** Bounds left out, constant, or computed: then they have gradients too. */
const clip: CaseMaker = (draw) => {
  const bound = (value: number): CaseInput =>
    draw.pick([absent, constant('float32', [], [value]), varied([], [value])]);
  const inputs = [draw.normals(draw.shape(0, 3), [-0.5, 0.75]), bound(-0.5), bound(0.75)];
  const last = inputs.findLastIndex(({ kind }) => kind !== 'absent');
  return { inputs: inputs.slice(0, last + 1) };
};

function bools(draw: Draw, dims: readonly number[]): CaseInput {
  return fed('bool', dims, draw.integers(sizeOf(dims), 0, 1));
}

/** Small integers or floats, so that some are equal. */
function comparable(draw: Draw, dims: readonly number[], dtype: 'float32' | 'int32' | 'int64'): CaseInput {
  return fed(dtype, dims, draw.integers(sizeOf(dims), -2, 2));
}

const comparison: CaseMaker = (draw) => {
  const dims = draw.shape(0, 3);
  const dtype = draw.pick(['float32', 'int32', 'int64'] as const);
  return { inputs: [comparable(draw, dims, dtype), comparable(draw, draw.narrowed(dims), dtype)] };
};

const logical: CaseMaker = (draw) => {
  const dims = draw.shape(0, 3);
  return { inputs: [bools(draw, dims), bools(draw, draw.narrowed(dims))] };
};

const where: CaseMaker = (draw) => {
  const dims = draw.shape(0, 3);
  return { inputs: [bools(draw, draw.narrowed(dims)), draw.normals(dims), draw.normals(draw.narrowed(dims))] };
};

const special: CaseMaker = (draw) => {
  const dims = draw.shape(0, 3);
  const values = draw.list(sizeOf(dims), () => draw.pick([0, 1.5, -2, Infinity, -Infinity, Number.NaN]));
  return { inputs: [fed('float32', dims, values)] };
};

const infinite: CaseMaker = (draw) => ({
  ...special(draw),
  attributes: given({
    detect_negative: draw.maybe(() => int(draw.int(0, 1))),
    detect_positive: draw.maybe(() => int(draw.int(0, 1))),
  }),
});

const TYPES = { float32: 1, int32: 6, int64: 7, bool: 9, float64: 11 } as const;

const cast: CaseMaker = (draw) => {
  const dims = draw.shape(0, 3);
  const to = draw.pick(['float32', 'int32', 'int64', 'bool'] as const);
  const input = draw.flag() ? draw.normals(dims, [-1, 0, 1]) : comparable(draw, dims, 'int32');
  return { inputs: [input], attributes: { to: int(TYPES[to]) } };
};

const castLike: CaseMaker = (draw) => {
  const dims = draw.shape(0, 3);
  const dtype = draw.pick(['float32', 'int32', 'int64'] as const);
  return { inputs: [draw.normals(dims, [-1, 0, 1]), comparable(draw, [2], dtype)] };
};

const softmax: CaseMaker = (draw) => {
  const dims = draw.shape(1, 4);
  return { inputs: [draw.normals(dims)], attributes: given({ axis: draw.maybe(() => int(draw.axis(dims.length))) }) };
};

export const ELEMENTWISE: Record<string, CaseMaker> = {
  ...UNARY,
  Add: broadcasting(two, normal),
  Sub: broadcasting(two, normal),
  Mul: broadcasting(two, normal),
  Div: broadcasting(two, between(0.5, 2)),
  Mod: mod,
  Pow: pow,
  PRelu: prelu,
  Min: extremum,
  Max: extremum,
  Sum: broadcasting(several, normal),
  Mean: broadcasting(several, normal),
  Clip: clip,
  Where: where,
  Equal: comparison,
  Greater: comparison,
  Less: comparison,
  GreaterOrEqual: comparison,
  LessOrEqual: comparison,
  And: logical,
  Or: logical,
  Xor: logical,
  Not: (draw) => ({ inputs: [bools(draw, draw.shape(0, 3))] }),
  IsNaN: special,
  IsInf: infinite,
  Cast: cast,
  CastLike: castLike,
  Softmax: softmax,
  LogSoftmax: softmax,
  Dropout: unary(normal),
};
