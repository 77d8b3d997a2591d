/**
 * Activation functions of recurrent cells, by the names ONNX has for them, each with its derivative.
 * @module
 */
import type { GraphBuilder } from '../../onnx/builder.ts';
import type { Attributes, Name } from '../../onnx/ir.ts';
import { unsupported } from '../context.ts';

export interface Activation {
  readonly apply: (graph: GraphBuilder, x: Name) => Name;
  /** f'(x) for y = f(x). */
  readonly slope: (graph: GraphBuilder, x: Name, y: Name) => Name;
}

type Make = (alpha: number, beta: number) => Activation;

const add = (graph: GraphBuilder, x: Name, value: number): Name => graph.op('Add', [x, graph.scalar(value)]);
const times = (graph: GraphBuilder, x: Name, value: number): Name => graph.op('Mul', [x, graph.scalar(value)]);
const square = (graph: GraphBuilder, x: Name): Name => graph.op('Mul', [x, x]);
const oneMinus = (graph: GraphBuilder, x: Name): Name => graph.op('Sub', [graph.scalar(1), x]);
const above = (graph: GraphBuilder, x: Name, bound: number): Name => graph.op('Greater', [x, graph.scalar(bound)]);
const choose = (graph: GraphBuilder, condition: Name, yes: number, no: number): Name =>
  graph.op('Where', [condition, graph.scalar(yes), graph.scalar(no)]);

function named(op: string, slope: Activation['slope'], attributes: Attributes = {}): Activation {
  return { apply: (graph, x) => graph.op(op, [x], attributes), slope };
}

const MAKE: Readonly<Record<string, Make>> = {
  sigmoid: () => named('Sigmoid', (graph, _, y) => graph.op('Mul', [y, oneMinus(graph, y)])),
  tanh: () => named('Tanh', (graph, _, y) => oneMinus(graph, square(graph, y))),
  relu: () => named('Relu', (graph, _, y) => choose(graph, above(graph, y, 0), 1, 0)),
  softplus: () => named('Softplus', (graph, x) => graph.op('Sigmoid', [x])),
  softsign: () =>
    named('Softsign', (graph, x) => graph.op('Reciprocal', [square(graph, add(graph, graph.op('Abs', [x]), 1))])),
  affine: (alpha, beta) => ({
    apply: (graph, x) => add(graph, times(graph, x, alpha), beta),
    slope: (graph) => graph.scalar(alpha),
  }),
  leakyrelu: (alpha) =>
    named('LeakyRelu', (graph, x) => choose(graph, above(graph, x, 0), 1, alpha), { alpha: { float: alpha } }),
  thresholdedrelu: (alpha) =>
    named('ThresholdedRelu', (graph, x) => choose(graph, above(graph, x, alpha), 1, 0), { alpha: { float: alpha } }),
  // y = α·tanh(βx): y' = β(α - y²/α)
  scaledtanh: (alpha, beta) => ({
    apply: (graph, x) => times(graph, graph.op('Tanh', [times(graph, x, beta)]), alpha),
    slope: (graph, _, y) => add(graph, times(graph, square(graph, y), -beta / alpha), alpha * beta),
  }),
  hardsigmoid: (alpha, beta) =>
    named(
      'HardSigmoid',
      (graph, _, y) => {
        const below = graph.op('Less', [y, graph.scalar(1)]);
        return choose(graph, graph.op('And', [above(graph, y, 0), below]), alpha, 0);
      },
      { alpha: { float: alpha }, beta: { float: beta } },
    ),
  // y = α(eˣ - 1) below 0: y' = y + α
  elu: (alpha) =>
    named('Elu', (graph, x, y) => graph.op('Where', [above(graph, x, 0), graph.scalar(1), add(graph, y, alpha)]), {
      alpha: { float: alpha },
    }),
};

/**
 * Parameters where none is given; only functions named here take any. ONNX has no defaults for the two that are no
 * operators, and runtimes differ.
 */
const ALPHA: Readonly<Record<string, number>> = {
  affine: Number.NaN,
  leakyrelu: Math.fround(0.01),
  thresholdedrelu: 1,
  scaledtanh: Number.NaN,
  hardsigmoid: Math.fround(0.2),
  elu: 1,
};
const BETA: Readonly<Record<string, number>> = { affine: Number.NaN, scaledtanh: Number.NaN, hardsigmoid: 0.5 };

function listOf(attributes: Attributes, name: string): readonly number[] {
  const found = attributes[name];
  return found !== undefined && 'floats' in found ? found.floats : [];
}

/** The functions of each direction in turn; `defaults` are those of one direction. */
export function activationsOf(attributes: Attributes, defaults: readonly string[], directions: number): Activation[][] {
  const given = attributes['activations'];
  const each = Array.from({ length: directions }, () => defaults).flat();
  const names = given !== undefined && 'texts' in given && given.texts.length > 0 ? given.texts : each;
  if (names.length !== each.length) unsupported(`${names.length} activations, expected ${each.length}`);
  // each function takes the next parameter if it has one
  const [alphas, betas] = [
    listOf(attributes, 'activation_alpha').values(),
    listOf(attributes, 'activation_beta').values(),
  ];
  const made = names.map((given) => {
    const name = given.toLowerCase();
    const make = MAKE[name] ?? unsupported(`activation "${given}", expected one of ${Object.keys(MAKE).join(', ')}`);
    const next = (values: Iterator<number>, fallback: number | undefined): number =>
      fallback === undefined ? 0 : ((values.next().value as number | undefined) ?? fallback);
    const [alpha, beta] = [next(alphas, ALPHA[name]), next(betas, BETA[name])];
    if (Number.isNaN(alpha + beta)) unsupported(`activation "${given}" without activation_alpha and activation_beta`);
    return make(alpha, beta);
  });
  return Array.from({ length: directions }, (_, d) => made.slice(d * defaults.length, (d + 1) * defaults.length));
}
