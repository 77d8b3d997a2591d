/**
 * The gated recurrent unit, in both variants of where the reset gate acts.
 * @module
 * @source ONNX GRU-14; Cho et al., "Learning phrase representations using RNN encoder-decoder" (2014). PyTorch and cuDNN
 * reset after the product (`linear_before_reset`).
 */
import type { GraphBuilder } from '../../onnx/builder.ts';
import type { Name } from '../../onnx/ir.ts';
import type { Activation } from './activations.ts';
import {
  addedUp,
  carried,
  collected,
  type Direction,
  initial,
  mergedBias,
  part,
  product,
  rowsAt,
  stacked,
  timesOf,
  type Unrolled,
} from './sequence.ts';

/** The candidate's state part and the way back: dh without what flows past, dr, and rows for Rh's gradient. */
interface Candidate {
  readonly sum: Name;
  readonly back: (d: Name) => { readonly dh: Name; readonly dr: Name; readonly dSum: Name };
  /** What Rh multiplies. */
  readonly state: Name;
}

interface Weights {
  readonly wGates: Name;
  readonly wCandidate: Name;
  readonly rGates: Name;
  readonly rCandidate: Name;
  /** Biases added to the input's part, and to the candidate's state part where that is reset. */
  readonly gateBias: Name | undefined;
  readonly candidateBias: Name | undefined;
  readonly stateBias: Name | undefined;
}

function weightsOf(direction: Direction, isLinear: boolean): Weights {
  const { w, r, b } = direction;
  const merged = mergedBias(direction, 3);
  const biasOf = (from: number, to: number): Name | undefined =>
    merged === undefined ? undefined : part(direction, merged, 0, from, to);
  const own = (from: number): Name | undefined => (b === '' ? undefined : part(direction, b, 0, from, from + 1));
  return {
    wGates: part(direction, w, 0, 0, 2),
    wCandidate: part(direction, w, 0, 2, 3),
    rGates: part(direction, r, 0, 0, 2),
    rCandidate: part(direction, r, 0, 2, 3),
    gateBias: biasOf(0, 2),
    candidateBias: isLinear ? own(2) : biasOf(2, 3),
    stateBias: isLinear ? own(5) : undefined,
  };
}

/** Input part of the candidate plus r·(h·Rᵀ + b) (reset after the product) or (r·h)·Rᵀ (before it). */
function candidateOf(
  graph: GraphBuilder,
  weights: Weights,
  isLinear: boolean,
  input: Name,
  h: Name,
  r: Name,
): Candidate {
  const { rCandidate, stateBias } = weights;
  const mul = (a: Name, b: Name): Name => graph.op('Mul', [a, b]);
  if (isLinear) {
    const q = product(graph, h, rCandidate, stateBias);
    return {
      sum: graph.op('Add', [input, mul(r, q)]),
      back: (d) => {
        const dSum = mul(d, r);
        return { dh: carried(graph, dSum, rCandidate), dr: mul(d, q), dSum };
      },
      state: h,
    };
  }
  const state = mul(r, h);
  return {
    sum: product(graph, state, rCandidate, input),
    back: (d) => {
      const dState = carried(graph, d, rCandidate);
      return { dh: mul(dState, r), dr: mul(dState, h), dSum: d };
    },
    state,
  };
}

interface Step {
  readonly t: number;
  readonly h: Name;
  readonly sums: Name;
  readonly gates: Name;
  readonly z: Name;
  readonly candidate: Candidate;
  readonly n: Name;
}

/** z, r = f(x·Wᵀ + h·Rᵀ + b); n = g(candidate); h = (1 - z)·n + z·h */
export function unrollGru(direction: Direction, isLinear: boolean): Unrolled {
  const { graph, x, b } = direction;
  const [f, g] = direction.activations as [Activation, Activation];
  const weights = weightsOf(direction, isLinear);
  const op = (kind: string, ...args: Name[]): Name => graph.op(kind, args);
  const gateInput = product(graph, x, weights.wGates, weights.gateBias);
  const candidateInput = product(graph, x, weights.wCandidate, weights.candidateBias);
  const states: Name[] = [];
  let h = initial(direction, direction.h0);
  const steps = timesOf(direction).map((t): Step => {
    const sums = product(graph, h, weights.rGates, rowsAt(direction, gateInput, t));
    const gates = f.apply(graph, sums);
    const [z, r] = [part(direction, gates, 1, 0, 1), part(direction, gates, 1, 1, 2)];
    const candidate = candidateOf(graph, weights, isLinear, rowsAt(direction, candidateInput, t), h, r);
    const n = g.apply(graph, candidate.sum);
    const step = { t, h, sums, gates, z, candidate, n };
    h = op('Add', n, op('Mul', z, op('Sub', h, n)));
    states.push(h);
    return step;
  });
  const backward: Unrolled['backward'] = (dy, needs) => {
    let dh = dy.lastH;
    const [dGates, dInputs, dSums]: [Name[], Name[], Name[]] = [[], [], []];
    for (const { t, h: past, sums, gates, z, candidate, n } of steps.toReversed()) {
      const total = addedUp(graph, dh, dy.y === null ? null : rowsAt(direction, dy.y, t))!;
      const kept = op('Mul', total, z);
      const d = op('Mul', op('Sub', total, kept), g.slope(graph, candidate.sum, n));
      const back = candidate.back(d);
      const dz = op('Mul', total, op('Sub', past, n));
      const dGate = op('Mul', graph.concat([dz, back.dr], 1), f.slope(graph, sums, gates));
      dh = carried(graph, dGate, weights.rGates, op('Add', kept, back.dh));
      dGates.push(dGate);
      dInputs.push(d);
      dSums.push(back.dSum);
    }
    const all = (parts: readonly Name[]): Name => stacked(direction, parts.toReversed());
    const [gateRows, inputRows, sumRows] = [all(dGates), all(dInputs), all(dSums)];
    const before = (): Name =>
      stacked(
        direction,
        steps.map((step) => step.h),
      );
    const multiplied = (): Name =>
      stacked(
        direction,
        steps.map((step) => step.candidate.state),
      );
    const total = (rows: Name): Name => graph.sum(rows, [0], false);
    const dx = (): Name => carried(graph, gateRows, weights.wGates, carried(graph, inputRows, weights.wCandidate));
    const dw = (): Name => graph.concat([collected(graph, gateRows, x), collected(graph, inputRows, x)], 0);
    const dr = (): Name =>
      graph.concat([collected(graph, gateRows, before()), collected(graph, sumRows, multiplied())], 0);
    const db = (): Name => graph.concat([total(gateRows), total(inputRows), total(gateRows), total(sumRows)], 0);
    return [
      needs(0) ? dx() : null,
      needs(1) ? dw() : null,
      needs(2) ? dr() : null,
      b !== '' && needs(3) ? db() : null,
      needs(4) ? dh : null,
    ];
  };
  return { y: stacked(direction, states), lastH: h, backward };
}
