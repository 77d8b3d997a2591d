/**
 * Recurrent networks, one unit and one step at a time.
 * @module
 * @source ONNX operator specification, RNN-14, GRU-14 and LSTM-14 (input gate order: LSTM iofc, GRU zrh).
 */
import { intOf, type Node } from '../../../src/training/onnx/ir.ts';
import { textOf } from './convolution.ts';
import { at, build, type Evaluator, type Value } from './value.ts';

type Scalar = (x: number) => number;

const sigmoid: Scalar = (x) => 1 / (1 + Math.exp(-x));

/** Activation `name` with the parameters ONNX gives it by default, or `alpha` and `beta`. */
function activation(name: string, alpha: number | undefined, beta: number | undefined): Scalar {
  switch (name.toLowerCase()) {
    case 'sigmoid':
      return sigmoid;
    case 'tanh':
      return Math.tanh;
    case 'relu':
      return (x) => Math.max(x, 0);
    case 'affine':
      return (x) => (alpha ?? 1) * x + (beta ?? 0);
    case 'leakyrelu':
      return (x) => (x >= 0 ? x : (alpha ?? Math.fround(0.01)) * x);
    case 'thresholdedrelu':
      return (x) => (x >= (alpha ?? 1) ? x : 0);
    case 'scaledtanh':
      return (x) => (alpha ?? 1) * Math.tanh((beta ?? 1) * x);
    case 'hardsigmoid':
      return (x) => Math.min(1, Math.max(0, (alpha ?? Math.fround(0.2)) * x + (beta ?? 0.5)));
    case 'elu':
      return (x) => (x >= 0 ? x : (alpha ?? 1) * Math.expm1(x));
    case 'softsign':
      return (x) => x / (1 + Math.abs(x));
    case 'softplus':
      return (x) => Math.log1p(Math.exp(x));
    default:
      throw new RangeError(name);
  }
}

function textsOf(node: Node, fallback: readonly string[]): readonly string[] {
  const found = node.attributes['activations'];
  return found !== undefined && 'texts' in found ? found.texts : fallback;
}

function floatsOf(node: Node, name: string): readonly number[] {
  const found = node.attributes[name];
  return found !== undefined && 'floats' in found ? found.floats : [];
}

/** Names of activations that take parameters, which are listed for those only. */
const TAKES_ALPHA = ['affine', 'leakyrelu', 'thresholdedrelu', 'scaledtanh', 'hardsigmoid', 'elu'];
const TAKES_BETA = ['affine', 'scaledtanh', 'hardsigmoid'];

function activationsOf(node: Node, defaults: readonly string[], directions: number): Scalar[] {
  const names = textsOf(node, Array.from({ length: directions }, () => defaults).flat());
  const [alphas, betas] = [[...floatsOf(node, 'activation_alpha')], [...floatsOf(node, 'activation_beta')]];
  return names.map((name) => {
    const alpha = TAKES_ALPHA.includes(name.toLowerCase()) ? alphas.shift() : undefined;
    return activation(name, alpha, TAKES_BETA.includes(name.toLowerCase()) ? betas.shift() : undefined);
  });
}

/** What one unit of one direction sees at one step. */
interface Cell {
  readonly hidden: number;
  /** Input part W·x + b of gate g of unit j. */
  readonly fromInput: (gate: number, unit: number) => number;
  /** Recurrent part R·h + b for a hidden state h. */
  readonly fromHidden: (gate: number, unit: number, state: readonly number[]) => number;
  readonly peephole: (gate: number, unit: number) => number;
  readonly act: readonly Scalar[];
  readonly h: readonly number[];
  readonly c: readonly number[];
}

type Step = (cell: Cell, node: Node) => { readonly h: number[]; readonly c: number[] };

const units = (n: number, f: (j: number) => number): number[] => Array.from({ length: n }, (_, j) => f(j));

const rnnStep: Step = ({ hidden, fromInput, fromHidden, act, h }) => ({
  h: units(hidden, (j) => act[0]!(fromInput(0, j) + fromHidden(0, j, h))),
  c: [],
});

const gruStep: Step = ({ hidden, fromInput, fromHidden, act, h }, node) => {
  const gate = (g: number): number[] => units(hidden, (j) => act[0]!(fromInput(g, j) + fromHidden(g, j, h)));
  const [z, r] = [gate(0), gate(1)];
  const reset = h.map((v, j) => r[j]! * v);
  const linear = intOf(node.attributes, 'linear_before_reset', 0) !== 0;
  const candidate = units(hidden, (j) =>
    act[1]!(fromInput(2, j) + (linear ? r[j]! * fromHidden(2, j, h) : fromHidden(2, j, reset))),
  );
  return { h: units(hidden, (j) => (1 - z[j]!) * candidate[j]! + z[j]! * h[j]!), c: [] };
};

const lstmStep: Step = ({ hidden, fromInput, fromHidden, peephole, act, h, c }) => {
  const sum = (g: number, j: number): number => fromInput(g, j) + fromHidden(g, j, h);
  const input = units(hidden, (j) => act[0]!(sum(0, j) + peephole(0, j) * c[j]!));
  const forget = units(hidden, (j) => act[0]!(sum(2, j) + peephole(2, j) * c[j]!));
  const next = units(hidden, (j) => forget[j]! * c[j]! + input[j]! * act[1]!(sum(3, j)));
  const output = units(hidden, (j) => act[0]!(sum(1, j) + peephole(1, j) * next[j]!));
  return { c: next, h: units(hidden, (j) => output[j]! * act[2]!(next[j]!)) };
};

const swapped = (value: Value | undefined): Value | undefined =>
  value === undefined
    ? undefined
    : build([value.dims[1]!, value.dims[0]!, ...value.dims.slice(2)], ([i, j, ...k]) => at(value, [j!, i!, ...k]));

function recurrent(gates: number, defaults: readonly string[], step: Step, hasCell: boolean): Evaluator {
  return (node, inputs) => {
    const batchFirst = intOf(node.attributes, 'layout', 0) === 1;
    const [given, w, r, b, , h0, c0, p] = inputs;
    const x = (batchFirst ? swapped(given) : given)!;
    const [first, cell] = batchFirst ? [swapped(h0), swapped(c0)] : [h0, c0];
    const [steps, batch, width] = x.dims as [number, number, number];
    const [directions, hidden] = [w!.dims[0]!, r!.dims[2]!];
    const acts = activationsOf(node, defaults, directions);
    const direction = textOf(node, 'direction', 'forward');
    const ys = new Map<string, number[]>();
    const [lastH, lastC] = [new Map<string, number[]>(), new Map<string, number[]>()];
    for (let d = 0; d < directions; d++)
      for (let n = 0; n < batch; n++) {
        let h = units(hidden, (j) => (first === undefined ? 0 : at(first, [d, n, j])));
        let c = units(hidden, (j) => (cell === undefined ? 0 : at(cell, [d, n, j])));
        const isReverse = direction === 'reverse' || d === 1;
        for (let k = 0; k < steps; k++) {
          const t = isReverse ? steps - 1 - k : k;
          const bias = (row: number): number => (b === undefined ? 0 : at(b, [d, row]));
          const fromInput = (g: number, j: number): number =>
            units(width, (i) => at(x, [t, n, i]) * at(w!, [d, g * hidden + j, i])).reduce((s, v) => s + v, 0) +
            bias(g * hidden + j);
          const fromHidden = (g: number, j: number, state: readonly number[]): number =>
            state.reduce((s, v, i) => s + v * at(r!, [d, g * hidden + j, i]), 0) + bias((gates + g) * hidden + j);
          const peephole = (g: number, j: number): number => (p === undefined ? 0 : at(p, [d, g * hidden + j]));
          const act = acts.slice((d * acts.length) / directions);
          ({ h, c } = step({ hidden, fromInput, fromHidden, peephole, act, h, c }, node));
          ys.set([t, d, n].join(), h);
        }
        lastH.set([d, n].join(), h);
        lastC.set([d, n].join(), c);
      }
    const y = batchFirst
      ? build([batch, steps, directions, hidden], ([n, t, d, j]) => ys.get([t, d, n].join())![j!]!)
      : build([steps, directions, batch, hidden], ([t, d, n, j]) => ys.get([t, d, n].join())![j!]!);
    const last = (of: Map<string, number[]>): Value => {
      const value = build([directions, batch, hidden], ([d, n, j]) => of.get([d, n].join())![j!]!);
      return batchFirst ? swapped(value)! : value;
    };
    return hasCell ? [y, last(lastH), last(lastC)] : [y, last(lastH)];
  };
}

export const RECURRENT: Record<string, Evaluator> = {
  RNN: recurrent(1, ['Tanh'], rnnStep, false),
  GRU: recurrent(3, ['Sigmoid', 'Tanh'], gruStep, false),
  LSTM: recurrent(4, ['Sigmoid', 'Tanh', 'Tanh'], lstmStep, true),
};
