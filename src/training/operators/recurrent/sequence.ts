/**
 * What recurrent cells share: one direction over a whole sequence, unrolled. Rows of all steps lie in one matrix, so that
 * the input's part, and every weight's gradient, is a single product over all steps.
 * @module
 */
import type { Backward, Gradients, GraphBuilder } from '../../onnx/builder.ts';
import type { Name } from '../../onnx/ir.ts';
import type { Activation } from './activations.ts';

/** One direction of a layer: inputs of the composite step in this order, empty where left out. */
export interface Direction {
  readonly graph: GraphBuilder;
  /** `[steps·batch, input]`, rows of a step together. */
  readonly x: Name;
  /** `[gates·hidden, input]` and `[gates·hidden, hidden]`. */
  readonly w: Name;
  readonly r: Name;
  /** `[2·gates·hidden]`: of the input's part, then of the state's. */
  readonly b: Name;
  /** `[batch, hidden]` */
  readonly h0: Name;
  readonly c0: Name;
  readonly steps: number;
  readonly batch: number;
  readonly hidden: number;
  readonly isReverse: boolean;
  readonly activations: readonly Activation[];
}

/** The states of all steps, in the order of time, and the last ones. */
export interface Unrolled {
  /** `[steps·batch, hidden]` */
  readonly y: Name;
  readonly lastH: Name;
  readonly lastC?: Name;
  readonly backward: (dy: StateGradients, needs: Backward['needs']) => Gradients;
}

/** Gradients that reach the outputs of {@link Unrolled}. */
export interface StateGradients {
  readonly y: Name | null;
  readonly lastH: Name | null;
  readonly lastC: Name | null;
}

/** Times in the order in which they are computed. */
export function timesOf({ steps, isReverse }: Direction): number[] {
  return Array.from({ length: steps }, (_, k) => (isReverse ? steps - 1 - k : k));
}

/** Rows of step `t` of a matrix that has all. */
export function rowsAt({ graph, batch }: Direction, all: Name, t: number): Name {
  return graph.slice(all, [0], [t * batch], [(t + 1) * batch]);
}

/** Columns or rows `from` to `to`, in units of the state's width. */
export function part({ graph, hidden }: Direction, x: Name, axis: number, from: number, to: number): Name {
  return graph.slice(x, [axis], [from * hidden], [to * hidden]);
}

/** x·Wᵀ + c */
export function product(graph: GraphBuilder, x: Name, w: Name, c?: Name): Name {
  return graph.op('Gemm', c === undefined ? [x, w] : [x, w, c], { transB: { int: 1 } });
}

/** d·W + c, which carries a gradient back through {@link product}. */
export function carried(graph: GraphBuilder, d: Name, w: Name, c?: Name | null): Name {
  return graph.op('Gemm', c === undefined || c === null ? [d, w] : [d, w, c]);
}

/** Σ over rows of dᵀ·x: a weight's gradient over all steps at once. */
export function collected(graph: GraphBuilder, d: Name, x: Name): Name {
  return graph.op('Gemm', [d, x], { transA: { int: 1 } });
}

/** The sum of gradients, where null stands for zero. */
export function addedUp(graph: GraphBuilder, ...parts: readonly (Name | null)[]): Name | null {
  const given = parts.filter((name) => name !== null);
  return given.length === 0 ? null : given.reduce((a, b) => graph.op('Add', [a, b]));
}

/** One matrix of the steps' rows, given in the order of computation. */
export function stacked(direction: Direction, parts: readonly Name[]): Name {
  return direction.graph.concat(direction.isReverse ? parts.toReversed() : parts, 0);
}

/** A state before the first step: as given, or zeros. */
export function initial({ graph, batch, hidden }: Direction, given: Name): Name {
  return given === '' ? graph.zeros([batch, hidden]) : given;
}

/** The sum of the two biases, or undefined without: only cells that add both parts may merge them. */
export function mergedBias(direction: Direction, gates: number): Name | undefined {
  const { graph, b } = direction;
  if (b === '') return undefined;
  return graph.op('Add', [part(direction, b, 0, 0, gates), part(direction, b, 0, gates, 2 * gates)]);
}

/**
 * Gradients of x, W, R and b where the input's part x·Wᵀ and the state's part h·Rᵀ have the same gradient, all steps at
 * once.
 *
 * @param sums - Gradient of each step's sum, `[batch, gates·hidden]`, in the order of computation.
 * @param before - The state each step started from, `[batch, hidden]`, in the same order.
 */
export function weightGradients(
  direction: Direction,
  sums: readonly Name[],
  before: readonly Name[],
  needs: Backward['needs'],
): Gradients {
  const { graph, x, w, b } = direction;
  const all = stacked(direction, sums);
  const db = (): Name => graph.sum(all, [0], false);
  return [
    needs(0) ? carried(graph, all, w) : null,
    needs(1) ? collected(graph, all, x) : null,
    needs(2) ? collected(graph, all, stacked(direction, before)) : null,
    b !== '' && needs(3) ? graph.concat([db(), db()], 0) : null,
  ];
}
