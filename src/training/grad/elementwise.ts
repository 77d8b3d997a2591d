/**
 * Gradients of operators on one element at a time, with the formula above each.
 * @module
 */
import { floatOf, type Name } from '../onnx/ir.ts';
import { sign } from '../onnx/portable.ts';
import { masked, scaled, unary, type Vjp, type VjpContext, zero } from './vjp.ts';

// y = xᵉ: dx = dy·e·xᵉ⁻¹, de = dy·y·ln x
const pow: Vjp = (context) => {
  const { graph, inputs, y, dy, needs, op } = context;
  const [x, e] = [inputs[0]!, inputs[1]!];
  const constant = graph.constants.get(e);
  const dx = (): Name => {
    // x² is by far the most frequent, and needs no Pow
    if (constant?.data.length === 1 && Number(constant.data[0]) === 2) return op('Mul', dy, op('Add', x, x));
    const exponent = graph.typeOf(e).dtype === 'float32' ? e : graph.cast(e, 'float32');
    return op('Mul', dy, op('Mul', exponent, op('Pow', x, op('Sub', exponent, graph.scalar(1)))));
  };
  return [needs(0) ? dx() : null, needs(1) ? op('Mul', dy, op('Mul', y, op('Log', x))) : null];
};

const div: Vjp = ({ inputs, y, dy, needs, op }) => [
  // y = a/b: da = dy/b, db = -dy·y/b
  needs(0) ? op('Div', dy, inputs[1]!) : null,
  needs(1) ? op('Neg', op('Div', op('Mul', dy, y), inputs[1]!)) : null,
];

// y = a - b·trunc(a/b): da = dy, db = -dy·trunc(a/b), and trunc(a/b) = (a - y)/b up to rounding
const mod: Vjp = ({ inputs, y, dy, needs, op }) => [
  dy,
  needs(1) ? op('Neg', op('Mul', dy, op('Round', op('Div', op('Sub', inputs[0]!, y), inputs[1]!)))) : null,
];

/** The larger (or smaller) of two gets dy; equal ones get half of it each, as in PyTorch. */
function extremum(wins: 'Greater' | 'Less'): Vjp {
  return (context) => {
    const { inputs, dy, needs, op } = context;
    const [a, b] = [inputs[0]!, inputs[1]!];
    const isTie = op('Where', op('Equal', a, b), scaled(context, dy, 0.5), zero(context));
    const share = (mine: Name, other: Name): Name => op('Where', op(wins, mine, other), dy, isTie);
    return [needs(0) ? share(a, b) : null, needs(1) ? share(b, a) : null];
  };
}

const clip: Vjp = (context) => {
  const { inputs, op } = context;
  const [x, low, high] = [inputs[0]!, inputs[1] ?? '', inputs[2] ?? ''];
  const inside = [low && op('Greater', x, low), high && op('Less', x, high)].filter((name) => name !== '');
  if (inside.length === 0) return [context.dy];
  return [masked(context, inside.length === 1 ? inside[0]! : op('And', inside[0]!, inside[1]!))];
};

// y = x above 0, else s·x: dx = dy or s·dy, ds = 0 or x·dy
const prelu: Vjp = (context) => {
  const { inputs, dy, needs, op } = context;
  const [x, slope] = [inputs[0]!, inputs[1]!];
  const isPositive = op('Greater', x, zero(context));
  return [
    needs(0) ? op('Where', isPositive, dy, op('Mul', dy, slope)) : null,
    needs(1) ? op('Where', isPositive, zero(context), op('Mul', dy, x)) : null,
  ];
};

/** dy where x > 0, else dy·below. */
function piecewise(c: VjpContext, x: Name, above: number, below: Name): Name {
  return c.op('Where', c.op('Greater', x, zero(c)), scaled(c, c.dy, above), c.op('Mul', c.dy, below));
}

/** dy / √(f) for inverse functions. */
function overRoot({ dy, op }: VjpContext, square: Name): Name {
  return op('Div', dy, op('Sqrt', square));
}

const attribute = ({ node }: VjpContext, name: string, fallback: number): number =>
  floatOf(node.attributes, name, Math.fround(fallback));

const one = ({ graph }: VjpContext): Name => graph.scalar(1);
const square = ({ op }: VjpContext, x: Name): Name => op('Mul', x, x);

const TRIGONOMETRY: Readonly<Record<string, Vjp>> = {
  Sin: unary(({ dy, op }, x) => op('Mul', dy, op('Cos', x))),
  Cos: unary(({ dy, op }, x) => op('Neg', op('Mul', dy, op('Sin', x)))),
  // y = tan x: dx = dy·(1 + y²)
  Tan: unary((c) => c.op('Mul', c.dy, c.op('Add', one(c), square(c, c.y)))),
  // dx = dy/√(1 - x²), and the negative
  Asin: unary((c, x) => overRoot(c, c.op('Sub', one(c), square(c, x)))),
  Acos: unary((c, x) => c.op('Neg', overRoot(c, c.op('Sub', one(c), square(c, x))))),
  // dx = dy/(1 + x²)
  Atan: unary((c, x) => c.op('Div', c.dy, c.op('Add', one(c), square(c, x)))),
  Sinh: unary(({ dy, op }, x) => op('Mul', dy, op('Cosh', x))),
  Cosh: unary(({ dy, op }, x) => op('Mul', dy, op('Sinh', x))),
  // y = tanh x: dx = dy·(1 - y²)
  Tanh: unary((c) => c.op('Mul', c.dy, c.op('Sub', one(c), square(c, c.y)))),
  // dx = dy/√(x² + 1), dy/√(x² - 1), dy/(1 - x²)
  Asinh: unary((c, x) => overRoot(c, c.op('Add', square(c, x), one(c)))),
  Acosh: unary((c, x) => overRoot(c, c.op('Sub', square(c, x), one(c)))),
  Atanh: unary((c, x) => c.op('Div', c.dy, c.op('Sub', one(c), square(c, x)))),
};

const ACTIVATIONS: Readonly<Record<string, Vjp>> = {
  Relu: unary((c) => masked(c, c.op('Greater', c.y, zero(c)))),
  LeakyRelu: unary((c, x) =>
    c.op('Where', c.op('Greater', x, zero(c)), c.dy, scaled(c, c.dy, attribute(c, 'alpha', 0.01))),
  ),
  PRelu: prelu,
  ThresholdedRelu: unary((c, x) => masked(c, c.op('Greater', x, c.graph.scalar(attribute(c, 'alpha', 1))))),
  // y = α(eˣ - 1) below 0: dx = dy·(y + α)
  Elu: unary((c, x) => piecewise(c, x, 1, c.op('Add', c.y, c.graph.scalar(attribute(c, 'alpha', 1))))),
  // y = γx above 0, γα(eˣ - 1) below: dx = dy·γ or dy·(y + γα)
  Selu: unary((c, x) => {
    const [alpha, gamma] = [
      attribute(c, 'alpha', 1.67326319217681884765625),
      attribute(c, 'gamma', 1.0507010221481323),
    ];
    return piecewise(c, x, gamma, c.op('Add', c.y, c.graph.scalar(alpha * gamma)));
  }),
  // y = α(eˣᐟᵅ - 1) below 0: dx = dy·(y/α + 1)
  Celu: unary((c, x) => {
    const alpha = attribute(c, 'alpha', 1);
    return piecewise(c, x, 1, c.op('Add', scaled(c, c.y, 1 / alpha), one(c)));
  }),
  // y = σ(x): dx = dy·y·(1 - y)
  Sigmoid: unary((c) => c.op('Mul', c.dy, c.op('Mul', c.y, c.op('Sub', one(c), c.y)))),
  // y = αx + β clipped to [0, 1]
  HardSigmoid: unary((c) => {
    const inside = c.op('And', c.op('Greater', c.y, zero(c)), c.op('Less', c.y, one(c)));
    return c.op('Where', inside, scaled(c, c.dy, attribute(c, 'alpha', 0.2)), zero(c));
  }),
  // y = ln(1 + eˣ): dx = dy·σ(x)
  Softplus: unary(({ dy, op }, x) => op('Mul', dy, op('Sigmoid', x))),
  // y = x/(1 + |x|): dx = dy/(1 + |x|)²
  Softsign: unary((c, x) => c.op('Div', c.dy, square(c, c.op('Add', one(c), c.op('Abs', x))))),
  // y = erf x: dx = dy·2/√π·exp(-x²)
  Erf: unary((c, x) => scaled(c, c.op('Mul', c.dy, c.op('Exp', c.op('Neg', square(c, x)))), 2 / Math.sqrt(Math.PI))),
};

export const ELEMENTWISE_RULES: Readonly<Record<string, Vjp>> = {
  ...TRIGONOMETRY,
  ...ACTIVATIONS,
  Add: ({ dy }) => [dy, dy],
  Sub: ({ dy, needs, op }) => [dy, needs(1) ? op('Neg', dy) : null],
  Mul: ({ inputs: [a, b], dy, needs, op }) => [
    needs(0) ? op('Mul', dy, b!) : null,
    needs(1) ? op('Mul', dy, a!) : null,
  ],
  Div: div,
  Mod: mod,
  Pow: pow,
  Max: extremum('Greater'),
  Min: extremum('Less'),
  Neg: unary(({ dy, op }) => op('Neg', dy)),
  Exp: unary(({ dy, y, op }) => op('Mul', dy, y)),
  Log: unary(({ dy, op }, x) => op('Div', dy, x)),
  // y = √x: dx = dy/(2y)
  Sqrt: unary(({ dy, y, op }) => op('Div', dy, op('Add', y, y))),
  // y = 1/x: dx = -dy·y²
  Reciprocal: unary((c) => c.op('Neg', c.op('Mul', c.dy, square(c, c.y)))),
  Abs: unary(({ graph, dy, op }, x) => op('Mul', dy, sign(graph, x))),
  Clip: clip,
  Where: (c) => [null, masked(c, c.inputs[0]!), c.op('Where', c.inputs[0]!, zero(c), c.dy)],
  // only floats have gradients
  Cast: ({ graph, inputs, dy }) => {
    const { dtype } = graph.typeOf(inputs[0]!);
    return [dtype.startsWith('float') ? graph.cast(dy, dtype) : null];
  },
};
