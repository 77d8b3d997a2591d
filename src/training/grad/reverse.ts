/**
 * The reverse walk: gradients of one value with respect to many, appended to the same graph.
 * @module
 */
import type { GraphBuilder } from '../onnx/builder.ts';
import type { Name, Node } from '../onnx/ir.ts';
import { getVjp, NOT_DIFFERENTIABLE } from './rules.ts';

/** `dy` summed over the axes along which an input of shape `dims` was broadcast. */
function unbroadcast(graph: GraphBuilder, dy: Name, dims: readonly number[]): Name {
  const from = graph.dims(dy);
  if (from.length === dims.length && from.every((dim, i) => dim === dims[i])) return dy;
  const lead = from.length - dims.length;
  const axes = from.map((_, i) => i).filter((i) => i < lead || (dims[i - lead] === 1 && from[i] !== 1));
  return graph.reshape(axes.length === 0 ? dy : graph.sum(dy, axes, true), dims);
}

/** Values that depend on `wanted` through differentiable operators. */
function descendants(nodes: readonly Node[], wanted: readonly Name[]): Set<Name> {
  const reached = new Set(wanted);
  for (const node of nodes) {
    if (NOT_DIFFERENTIABLE.has(node.op) || !node.inputs.some((name) => reached.has(name))) continue;
    for (const name of node.outputs) reached.add(name);
  }
  return reached;
}

/**
 * Appends the reverse of the nodes `graph` holds now, and gives the gradient of each of `wanted` that `output` depends
 * on; the others are absent from the result.
 *
 * @param seed - Gradient of the loss with respect to `output`, in its shape.
 * @throws KonsilError MODEL_UNSUPPORTED when an operator on the way has no rule.
 */
export function reverse(graph: GraphBuilder, output: Name, seed: Name, wanted: readonly Name[]): Map<Name, Name> {
  const forward = [...graph.nodes];
  const needed = descendants(forward, wanted);
  const gradients = new Map<Name, Name>([[output, seed]]);
  for (const node of forward.reverse()) {
    const y = node.outputs[0]!;
    const dy = gradients.get(y);
    if (dy === undefined || !needed.has(y)) continue;
    const needs = (index: number): boolean => needed.has(node.inputs[index] ?? '');
    const op = (name: string, ...inputs: Name[]): Name => graph.op(name, inputs);
    const parts = getVjp(node.op)({ graph, node, inputs: node.inputs, y, dy, needs, op });
    for (const [i, part] of parts.entries()) {
      if (part === null || !needs(i)) continue;
      const name = node.inputs[i]!;
      const edge = unbroadcast(graph, part, graph.dims(name));
      const sum = gradients.get(name);
      gradients.set(name, sum === undefined ? edge : graph.op('Add', [sum, edge]));
    }
  }
  return new Map(wanted.flatMap((name) => (gradients.has(name) ? [[name, gradients.get(name)!]] : [])));
}
