/**
 * Recurrent layers: RNN, GRU and LSTM, in one or both directions. Each direction is one step of the tape with a backward
 * step of its own (backpropagation through time); only stacking and slicing around it is left to the general rules.
 * @module
 * @source ONNX operator specification, RNN-14, GRU-14, LSTM-14.
 */
import type { Backward, GraphBuilder } from '../../onnx/builder.ts';
import { floatOf, intOf, type Name, textOf } from '../../onnx/ir.ts';
import { findNumbers, inputOf, invalid, type LowerContext, type LowerRule, unsupported } from '../context.ts';
import { type Activation, activationsOf } from './activations.ts';
import { unrollGru } from './gru.ts';
import { unrollLstm } from './lstm.ts';
import { unrollRnn } from './rnn.ts';
import type { Direction, Unrolled } from './sequence.ts';

/** Longer sequences make graphs that take minutes to open: each step is some 40 nodes. */
const MAX_STEPS = 1024;

interface Cell {
  readonly gates: number;
  readonly defaults: readonly string[];
  readonly unroll: (direction: Direction, context: LowerContext) => Unrolled;
}

interface Sizes {
  readonly steps: number;
  readonly batch: number;
  readonly input: number;
  readonly hidden: number;
  readonly directions: number;
}

function sizesOf(context: LowerContext, x: Name, { gates }: Cell): Sizes {
  const { graph, node } = context;
  const [dx, dw, dr] = [x, inputOf(context, 1), inputOf(context, 2)].map((name) => graph.dims(name));
  const [steps, batch, input] = dx as [number, number, number];
  const [directions, hidden] = [dw![0]!, dr![2] ?? 0];
  const wanted = textOf(node.attributes, 'direction', 'forward') === 'bidirectional' ? 2 : 1;
  const fits =
    dx!.length === 3 &&
    dw!.join() === [wanted, gates * hidden, input].join() &&
    dr!.join() === [wanted, gates * hidden, hidden].join();
  if (!fits) invalid(`weights [${dw!.join(', ')}] and [${dr!.join(', ')}] do not fit the input [${dx!.join(', ')}]`);
  if (steps < 1 || steps > MAX_STEPS)
    unsupported(`a sequence of ${steps} steps, expected 1 to ${MAX_STEPS}; cut it into pieces, or pool it before`);
  return { steps, batch, input, hidden, directions };
}

function refuse(context: LowerContext, { steps, batch }: Sizes): void {
  const { node, inputs } = context;
  if (floatOf(node.attributes, 'clip', 0) !== 0) unsupported('clip');
  if (intOf(node.attributes, 'input_forget', 0) !== 0) unsupported('input_forget');
  if (inputs[7]) unsupported('peephole weights');
  const lengths = findNumbers(context, 4);
  if (lengths?.some((length) => length !== steps))
    unsupported(`sequence lengths [${lengths.join(', ')}], expected ${steps} for each of ${batch} rows`);
}

/** Input `index` of one direction, without its axis for the direction; empty when left out. */
function sideOf({ graph, inputs }: LowerContext, index: number, d: number): Name {
  const name = inputs[index] ?? '';
  if (name === '') return '';
  const side = graph.slice(name, [0], [d], [d + 1]);
  return graph.reshape(side, graph.dims(side).slice(1));
}

/** One step of the tape: all states in the order of time, then the last ones. */
function runDirection(
  cell: Cell,
  direction: Direction,
  context: LowerContext,
): { y: Name; h: Name; c: Name | undefined } {
  const { graph, x, w, r, b, h0, c0 } = direction;
  const made = graph.composite(context.node.op, [x, w, r, b, h0, c0], () => {
    const { y, lastH, lastC, backward } = cell.unroll(direction, context);
    // with a single step the states are the last state: one output, not the same twice
    const outputs = { y, ...(lastH === y ? {} : { lastH }), ...(lastC === undefined ? {} : { lastC }) };
    const keys = Object.keys(outputs);
    return {
      outputs: Object.values(outputs),
      backward: ({ dy, needs }: Backward) => {
        const of = (key: string): Name | null => dy[keys.indexOf(key)] ?? null;
        return backward({ y: of('y'), lastH: of('lastH'), lastC: of('lastC') }, needs);
      },
    };
  });
  const isOne = direction.steps === 1;
  return { y: made[0]!, h: isOne ? made[0]! : made[1]!, c: made[isOne ? 1 : 2] };
}

/** Y, Y_h and Y_c with the batch in front where the node wants it there (`layout` 1). */
function arranged(graph: GraphBuilder, context: LowerContext, y: Name, states: readonly Name[]): Name[] {
  if (intOf(context.node.attributes, 'layout', 0) === 0) return [y, ...states];
  return [graph.transpose(y, [2, 0, 1, 3]), ...states.map((state) => graph.transpose(state, [1, 0, 2]))];
}

function recurrent(cell: Cell): LowerRule {
  return (given) => {
    const { graph, node } = given;
    const isBatchFirst = intOf(node.attributes, 'layout', 0) === 1;
    const swapped = (name: Name | undefined): Name => (name ? graph.transpose(name, [1, 0, 2]) : '');
    const x = isBatchFirst ? swapped(inputOf(given, 0)) : inputOf(given, 0);
    const context = isBatchFirst
      ? { ...given, inputs: given.inputs.map((name, i) => (i === 5 || i === 6 ? swapped(name) : name)) }
      : given;
    const sizes = sizesOf(context, x, cell);
    refuse(context, sizes);
    const { steps, batch, input, hidden, directions } = sizes;
    const activations = activationsOf(node.attributes, cell.defaults, directions);
    const rows = graph.reshape(x, [steps * batch, input]);
    const runs = activations.map((own: readonly Activation[], d) => {
      const [w, r, b] = [sideOf(context, 1, d), sideOf(context, 2, d), sideOf(context, 3, d)];
      const [h0, c0] = [sideOf(context, 5, d), sideOf(context, 6, d)];
      const isReverse = d === 1 || textOf(node.attributes, 'direction', 'forward') === 'reverse';
      const direction = { graph, x: rows, w, r, b, h0, c0, steps, batch, hidden, isReverse, activations: own };
      return runDirection(cell, direction, context);
    });
    const y = graph.concat(
      runs.map((run) => graph.reshape(run.y, [steps, 1, batch, hidden])),
      1,
    );
    const state = (names: readonly Name[]): Name =>
      graph.concat(
        names.map((name) => graph.reshape(name, [1, batch, hidden])),
        0,
      );
    const last = [state(runs.map(({ h }) => h))];
    const cells = runs.flatMap(({ c }) => (c === undefined ? [] : [c]));
    if (cells.length > 0) last.push(state(cells));
    return arranged(graph, context, y, last);
  };
}

export const RECURRENT: Readonly<Record<string, LowerRule>> = {
  RNN: recurrent({ gates: 1, defaults: ['Tanh'], unroll: unrollRnn }),
  GRU: recurrent({
    gates: 3,
    defaults: ['Sigmoid', 'Tanh'],
    unroll: (direction, { node }) => unrollGru(direction, intOf(node.attributes, 'linear_before_reset', 0) !== 0),
  }),
  LSTM: recurrent({ gates: 4, defaults: ['Sigmoid', 'Tanh', 'Tanh'], unroll: unrollLstm }),
};
