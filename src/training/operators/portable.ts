/**
 * Operators of models that the WebGPU provider does not have, or not for int64, written with those it has. On the CPU
 * they stay what they are.
 * @module
 */
import type { Backward, GraphBuilder } from '../onnx/builder.ts';
import { floatOf, intOf, type Name } from '../onnx/ir.ts';
import { logSoftmax, sign } from '../onnx/portable.ts';
import { axisOf } from '../onnx/shapeRule.ts';
import { inputOf, type LowerContext, type LowerRule } from './context.ts';

type Emit = (op: string, ...inputs: Name[]) => Name;

/** The operator itself on the CPU, and what `gpu` writes elsewhere. */
function unlessCpu(gpu: (op: Emit, context: LowerContext, x: Name) => Name): LowerRule {
  return (context) => {
    const { graph, inputs, node } = context;
    if (graph.target === 'cpu') return graph.op(node.op, inputs, node.attributes);
    return gpu((kind, ...args) => graph.op(kind, args), context, inputOf(context, 0));
  };
}

/** A step of the tape with a backward step of its own, however many nodes it is. */
function step(
  build: (graph: GraphBuilder, x: Name, context: LowerContext) => [Name, (dy: Name) => Name | null],
): LowerRule {
  return (context) => {
    const { graph, node } = context;
    const x = inputOf(context, 0);
    return graph.composite(node.op, [x], () => {
      const [y, dx] = build(graph, x, context);
      return { outputs: [y], backward: ({ dy: [dy] }: Backward) => [dx(dy!)] };
    })[0]!;
  };
}

// dx = dy - exp(y)·Σdy
const logarithmOfSoftmax = step((graph, x, { node }) => {
  const axis = axisOf(intOf(node.attributes, 'axis', -1), graph.dims(x).length);
  const y = logSoftmax(graph, x, axis);
  return [y, (dy) => graph.op('Sub', [dy, graph.op('Mul', [graph.op('Exp', [y]), graph.sum(dy, [axis], true)])])];
});

// y = γ·elu(x, α)
const selu = unlessCpu((op, { graph, node }, x) => {
  const alpha = floatOf(node.attributes, 'alpha', Math.fround(1.67326319217681884765625));
  const gamma = floatOf(node.attributes, 'gamma', Math.fround(1.05070102214813232421875));
  return op('Mul', graph.op('Elu', [x], { alpha: { float: alpha } }), graph.scalar(gamma));
});

// y = α·elu(x/α, 1)
const celu = unlessCpu((op, { graph, node }, x) => {
  const alpha = floatOf(node.attributes, 'alpha', 1);
  return op('Mul', op('Elu', op('Mul', x, graph.scalar(1 / alpha))), graph.scalar(alpha));
});

// y = x/(1 + |x|)
const softsign = unlessCpu((op, { graph }, x) => op('Div', x, op('Add', op('Abs', x), graph.scalar(1))));

// a or b = not (not a and not b)
const or = unlessCpu((op, context, a) => op('Not', op('And', op('Not', a), op('Not', inputOf(context, 1)))));

/** Integers are fed as int32, so that their comparison needs no more. */
const comparison = unlessCpu((_, context, a) => {
  const { graph, node } = context;
  const inputs = [a, inputOf(context, 1)];
  const isWide = inputs.every((name) => graph.typeOf(name).dtype === 'int64');
  return graph.op(node.op, isWide ? inputs.map((name) => graph.cast(name, 'int32')) : inputs, node.attributes);
});

/** With an exponent of the base's type. */
const power: LowerRule = (context) => {
  const { graph } = context;
  const [base, exponent] = [inputOf(context, 0), inputOf(context, 1)];
  return graph.op('Pow', [base, graph.target === 'cpu' ? exponent : graph.cast(exponent, graph.typeOf(base).dtype)]);
};

export const PORTABLE: Readonly<Record<string, LowerRule>> = {
  LogSoftmax: logarithmOfSoftmax,
  Sign: step((graph, x) => [sign(graph, x), () => null]),
  Selu: selu,
  Celu: celu,
  Softsign: softsign,
  Or: or,
  Equal: comparison,
  Greater: comparison,
  GreaterOrEqual: comparison,
  Less: comparison,
  LessOrEqual: comparison,
  Pow: power,
};
