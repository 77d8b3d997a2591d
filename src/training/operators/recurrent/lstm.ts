/**
 * Long short-term memory, without peepholes.
 * @module
 * @source ONNX LSTM-14; Hochreiter and Schmidhuber, "Long short-term memory" (1997).
 */
import type { Name } from '../../onnx/ir.ts';
import {
  addedUp,
  carried,
  type Direction,
  initial,
  mergedBias,
  part,
  product,
  rowsAt,
  stacked,
  timesOf,
  type Unrolled,
  weightGradients,
} from './sequence.ts';

interface Step {
  readonly t: number;
  /** Sums before the gates i, o, f, and the gates themselves, side by side. */
  readonly sums: Name;
  readonly gates: Name;
  /** Sum before the candidate, and the candidate. */
  readonly sum: Name;
  readonly candidate: Name;
  readonly cBefore: Name;
  readonly c: Name;
  /** h(c), which the output gate lets through. */
  readonly squashed: Name;
}

/** i, o, f = σ(x·Wᵀ + h·Rᵀ + b); c = f·c + i·g(…); h = o·h(c) */
export function unrollLstm(direction: Direction): Unrolled {
  const { graph, x, w, r, activations } = direction;
  const [sigma, g, squash] = activations as [(typeof activations)[0], (typeof activations)[0], (typeof activations)[0]];
  const mul = (a: Name, c: Name): Name => graph.op('Mul', [a, c]);
  const gateOf = (gates: Name, index: number): Name => part(direction, gates, 1, index, index + 1);
  const input = product(graph, x, w, mergedBias(direction, 4));
  const [before, states]: [Name[], Name[]] = [[], []];
  let [h, c] = [initial(direction, direction.h0), initial(direction, direction.c0)];
  const steps = timesOf(direction).map((t): Step => {
    before.push(h);
    const cBefore = c;
    const all = product(graph, h, r, rowsAt(direction, input, t));
    const [sums, sum] = [part(direction, all, 1, 0, 3), part(direction, all, 1, 3, 4)];
    const [gates, candidate] = [sigma.apply(graph, sums), g.apply(graph, sum)];
    c = graph.op('Add', [mul(gateOf(gates, 2), cBefore), mul(gateOf(gates, 0), candidate)]);
    const squashed = squash.apply(graph, c);
    h = mul(gateOf(gates, 1), squashed);
    states.push(h);
    return { t, sums, gates, sum, candidate, cBefore, c, squashed };
  });
  const backward: Unrolled['backward'] = (dy, needs) => {
    let [dh, dc] = [dy.lastH, dy.lastC];
    const sums = steps.toReversed().map((step) => {
      const { gates, candidate, squashed } = step;
      const total = addedUp(graph, dh, dy.y === null ? null : rowsAt(direction, dy.y, step.t));
      const zeros = (): Name => graph.zeros(graph.dims(step.c));
      const through = total === null ? null : mul(mul(total, gateOf(gates, 1)), squash.slope(graph, step.c, squashed));
      const dState = addedUp(graph, dc, through)!;
      const dGates = [
        mul(dState, candidate),
        total === null ? zeros() : mul(total, squashed),
        mul(dState, step.cBefore),
      ];
      const d = graph.concat(
        [
          mul(graph.concat(dGates, 1), sigma.slope(graph, step.sums, gates)),
          mul(mul(dState, gateOf(gates, 0)), g.slope(graph, step.sum, candidate)),
        ],
        1,
      );
      dh = carried(graph, d, r);
      dc = mul(dState, gateOf(gates, 2));
      return d;
    });
    return [...weightGradients(direction, sums.reverse(), before, needs), needs(4) ? dh : null, needs(5) ? dc : null];
  };
  return { y: stacked(direction, states), lastH: h, lastC: c, backward };
}
