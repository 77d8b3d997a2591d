/**
 * Operators on one element at a time that are no core operators: sums of many, and activations with a backward step in
 * closed form.
 * @module
 */
import type { Backward, GraphBuilder } from '../onnx/builder.ts';
import { intOf, type Name, textOf } from '../onnx/ir.ts';
import { inputOf, invalid, type LowerContext, type LowerRule, unsupported } from './context.ts';

function chain(op: string): LowerRule {
  return (context) => context.inputs.map((_, i) => inputOf(context, i)).reduce((a, b) => context.graph.op(op, [a, b]));
}

const sum = chain('Add');

const mean: LowerRule = (context) => {
  const { graph, inputs } = context;
  return graph.op('Mul', [sum(context) as Name, graph.scalar(1 / inputs.length)]);
};

const mod: LowerRule = ({ graph, inputs, node }) => {
  const isFloat = graph.typeOf(inputs[0]!).dtype.startsWith('float');
  if (isFloat && intOf(node.attributes, 'fmod', 0) !== 1) invalid('Mod of floats needs fmod = 1');
  return graph.op('Mod', inputs, { fmod: { int: intOf(node.attributes, 'fmod', 0) } });
};

/** Bounds that are computed get a gradient where they hold, so they are no Clip any more. */
const clip: LowerRule = ({ graph, inputs, node }) => {
  const [x, low, high] = [inputs[0]!, inputs[1] ?? '', inputs[2] ?? ''];
  const isFixed = (name: Name): boolean => name === '' || graph.constants.has(name);
  if (isFixed(low) && isFixed(high)) return graph.op('Clip', inputs, node.attributes);
  const above = low === '' ? x : graph.op('Max', [x, low]);
  return high === '' ? above : graph.op('Min', [above, high]);
};

/** A few nodes in a row, as `op(kind, ...inputs)`. */
type Emit = (op: string, ...inputs: Name[]) => Name;

/** y = x·f(x), whose backward step is dx = dy·(f(x) + x·f'(x)); `build` gives f(x) and what makes f'(x). */
function gated(
  build: (graph: GraphBuilder, op: Emit, x: Name, context: LowerContext) => [Name, () => Name],
): LowerRule {
  return (context) => {
    const { graph, inputs, node } = context;
    const x = inputs[0]!;
    const op: Emit = (kind, ...args) => graph.op(kind, args);
    return graph.composite(node.op, [x], () => {
      const [f, slope] = build(graph, op, x, context);
      const backward = ({ dy: [dy] }: Backward): Name[] => [op('Mul', dy!, op('Add', f, op('Mul', x, slope())))];
      return { outputs: [op('Mul', x, f)], backward };
    })[0]!;
  };
}

// f = Φ(x) = (1 + erf(x/√2))/2, f' = exp(-x²/2)/√(2π); or f = (1 + tanh u)/2 with u = √(2/π)(x + 0.044715x³)
const gelu = gated((graph, op, x, { node }) => {
  const number = (value: number): Name => graph.scalar(value);
  const approximate = textOf(node.attributes, 'approximate', 'none');
  const square = op('Mul', x, x);
  if (approximate === 'none') {
    const f = op('Add', op('Mul', op('Erf', op('Mul', x, number(Math.SQRT1_2))), number(0.5)), number(0.5));
    return [f, () => op('Mul', op('Exp', op('Mul', square, number(-0.5))), number(1 / Math.sqrt(2 * Math.PI)))];
  }
  if (approximate !== 'tanh') return unsupported(`approximate "${approximate}", expected "none" or "tanh"`);
  const [linear, cubic] = [Math.sqrt(2 / Math.PI), Math.sqrt(2 / Math.PI) * 0.044715];
  const u = op('Mul', x, op('Add', op('Mul', square, number(cubic)), number(linear)));
  const t = op('Tanh', u);
  // f' = (1 - t²)·u'/2, u' = √(2/π)(1 + 3·0.044715x²)
  const slope = (): Name => {
    const du = op('Add', op('Mul', square, number(1.5 * cubic)), number(0.5 * linear));
    return op('Mul', op('Sub', number(1), op('Mul', t, t)), du);
  };
  return [op('Add', op('Mul', t, number(0.5)), number(0.5)), slope];
});

// f = tanh(ln(1 + eˣ)), f' = (1 - f²)·σ(x)
const mish = gated((graph, op, x) => {
  const t = op('Tanh', op('Softplus', x));
  return [t, () => op('Mul', op('Sub', graph.scalar(1), op('Mul', t, t)), op('Sigmoid', x))];
});

// f = x/6 + 1/2 clipped to [0, 1], f' = 1/6 inside
const hardSwish = gated((graph, op, x) => {
  const f = graph.op('HardSigmoid', [x], { alpha: { float: Math.fround(1 / 6) }, beta: { float: 0.5 } });
  const inside = (): Name => op('And', op('Greater', f, graph.scalar(0)), op('Less', f, graph.scalar(1)));
  return [f, () => op('Where', inside(), graph.scalar(1 / 6), graph.scalar(0))];
});

export const ARITHMETIC: Readonly<Record<string, LowerRule>> = {
  Sum: sum,
  Mean: mean,
  Min: chain('Min'),
  Max: chain('Max'),
  Mod: mod,
  Clip: clip,
  Gelu: gelu,
  Mish: mish,
  HardSwish: hardSwish,
};
