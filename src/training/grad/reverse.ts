/**
 * The reverse walk: gradients of one value with respect to many, appended to the same graph.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import type { Backward, Gradients, GraphBuilder, TapeEntry } from '../onnx/builder.ts';
import type { Name } from '../onnx/ir.ts';
import { getVjp, NOT_DIFFERENTIABLE } from './rules.ts';

/** `dy` summed over the axes along which an input of shape `dims` was broadcast. */
function unbroadcast(graph: GraphBuilder, dy: Name, dims: readonly number[]): Name {
  const from = graph.dims(dy);
  if (from.length === dims.length && from.every((dim, i) => dim === dims[i])) return dy;
  const lead = from.length - dims.length;
  const axes = from.map((_, i) => i).filter((i) => i < lead || (dims[i - lead] === 1 && from[i] !== 1));
  return graph.reshape(axes.length === 0 ? dy : graph.sum(dy, axes, true), dims);
}

/** A value that is zero but for one stretch of one axis, as the gradient of a slice is. */
interface Stretch {
  readonly inner: Name;
  readonly axis: number;
  readonly start: number;
}

function findStretch(graph: GraphBuilder, name: Name): Stretch | undefined {
  const node = graph.producer(name);
  const pads = node?.op === 'Pad' ? graph.constants.get(node.inputs[1]!) : undefined;
  const fill = node === undefined ? undefined : graph.constants.get(node.inputs[2] ?? '');
  if (node === undefined || pads === undefined || (fill !== undefined && Number(fill.data[0]) !== 0)) return undefined;
  const amounts = Array.from(pads.data, Number);
  const rank = amounts.length / 2;
  const axes = [...Array(rank).keys()].filter((i) => amounts[i] !== 0 || amounts[i + rank] !== 0);
  if (axes.length !== 1 || amounts.some((n) => n < 0) || node.attributes['mode'] !== undefined) return undefined;
  return { inner: node.inputs[0]!, axis: axes[0]!, start: amounts[axes[0]!]! };
}

/**
 * The sum of `parts`. Gradients of slices that make up the whole, as those of query, key and value do, are put side by
 * side instead: each would be written three times otherwise, twice as zeros.
 */
function combine(graph: GraphBuilder, parts: readonly Name[]): Name {
  if (parts.length === 1) return parts[0]!;
  const found = parts.map((part) => findStretch(graph, part));
  const axis = found[0]?.axis;
  const sorted = found
    .flatMap((stretch) => (stretch !== undefined && stretch.axis === axis ? [stretch] : []))
    .sort((a, b) => a.start - b.start);
  let end = 0;
  for (const { inner, start } of sorted) {
    if (start !== end) return graph.addAll(parts);
    end += graph.dims(inner)[axis!]!;
  }
  if (sorted.length !== parts.length || end !== graph.dims(parts[0]!)[axis!]) return graph.addAll(parts);
  return graph.concat(
    sorted.map(({ inner }) => inner),
    axis!,
  );
}

/** Values that depend on `wanted` through differentiable steps. */
function descendants(tape: readonly TapeEntry[], wanted: readonly Name[]): Set<Name> {
  const reached = new Set(wanted);
  for (const { op, inputs, outputs } of tape) {
    if (NOT_DIFFERENTIABLE.has(op) || !inputs.some((name) => reached.has(name))) continue;
    for (const name of outputs) reached.add(name);
  }
  return reached;
}

function backwardOf(graph: GraphBuilder, { op: name, node, inputs, outputs }: TapeEntry): (c: Backward) => Gradients {
  const rule = getVjp(name);
  const op = (kind: string, ...args: Name[]): Name => graph.op(kind, args);
  return ({ dy, needs }) => {
    if (dy[0] === null || dy.length > 1)
      throw new KonsilError('MODEL_UNSUPPORTED', `${name}: only output 0 has a gradient`);
    return rule({ graph, node: node!, inputs, y: outputs[0]!, dy: dy[0]!, needs, op });
  };
}

/**
 * Appends the reverse of the steps on the tape of `graph`, and gives the gradient of each of `wanted` that `output`
 * depends on; the others are absent from the result.
 *
 * @param seed - Gradient of the loss with respect to `output`, in its shape.
 * @throws KonsilError MODEL_UNSUPPORTED when an operator on the way has no rule.
 */
export function reverse(graph: GraphBuilder, output: Name, seed: Name, wanted: readonly Name[]): Map<Name, Name> {
  const tape = [...graph.tape];
  const needed = descendants(tape, wanted);
  // a value read in several places has several parts of its gradient; they are summed when all are there
  const parts = new Map<Name, Name[]>([[output, [seed]]]);
  const take = (name: Name): Name | null => {
    const found = parts.get(name);
    parts.delete(name);
    return found === undefined ? null : graph.untaped(() => combine(graph, found));
  };
  for (const entry of tape.reverse()) {
    const { inputs, outputs } = entry;
    if (!outputs.some((name) => parts.has(name) && needed.has(name))) continue;
    // two steps may compute the same value; what has flowed through one does not flow through the other
    const dy = outputs.map(take);
    const needs = (index: number): boolean => needed.has(inputs[index] ?? '');
    const backward = entry.backward ?? backwardOf(graph, entry);
    for (const [i, part] of graph.untaped(() => backward({ dy, needs })).entries()) {
      if (part === null || !needs(i)) continue;
      const name = inputs[i]!;
      const edge = unbroadcast(graph, part, graph.dims(name));
      const known = parts.get(name);
      if (known === undefined) parts.set(name, [edge]);
      else known.push(edge);
    }
  }
  const gradients = new Map<Name, Name>();
  for (const name of wanted) {
    const gradient = take(name);
    if (gradient !== null) gradients.set(name, gradient);
  }
  return gradients;
}
