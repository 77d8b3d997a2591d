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
  const gradients = new Map<Name, Name>([[output, seed]]);
  for (const entry of tape.reverse()) {
    const { inputs, outputs } = entry;
    const dy = outputs.map((name) => gradients.get(name) ?? null);
    if (dy.every((d) => d === null) || !outputs.some((name) => needed.has(name))) continue;
    // two steps may compute the same value; what has flowed through one must not flow through the other
    for (const name of outputs) if (!wanted.includes(name)) gradients.delete(name);
    const needs = (index: number): boolean => needed.has(inputs[index] ?? '');
    const backward = entry.backward ?? backwardOf(graph, entry);
    for (const [i, part] of graph.untaped(() => backward({ dy, needs })).entries()) {
      if (part === null || !needs(i)) continue;
      const name = inputs[i]!;
      const edge = unbroadcast(graph, part, graph.dims(name));
      const sum = gradients.get(name);
      gradients.set(name, sum === undefined ? edge : graph.op('Add', [sum, edge]));
    }
  }
  return new Map(wanted.flatMap((name) => (gradients.has(name) ? [[name, gradients.get(name)!]] : [])));
}
