/**
 * Which nodes of a model the trainer cannot handle, all of them at once, before anything is built.
 * @module
 */
import { NOT_DIFFERENTIABLE, VJP } from './grad/rules.ts';
import { labelOf, type Name, type Node, type SourceGraph } from './onnx/ir.ts';
import { dataInputs, isLowerable, isRewritten } from './operators/index.ts';

/** Nodes the outputs depend on. */
export function liveNodes(graph: SourceGraph, outputs: readonly Name[]): Set<Node> {
  const needed = new Set(outputs);
  const live = new Set<Node>();
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    for (const name of node.inputs) needed.add(name);
    live.add(node);
  }
  return live;
}

/** What the importer rewrites comes out as steps with gradients. */
function isTrainable(op: string): boolean {
  return isRewritten(op) || NOT_DIFFERENTIABLE.has(op) || op in VJP;
}

/**
 * Nodes of `graph` that stand in the way of training the float32 initializers named in `trained`: operators that are
 * unknown, and known ones without a gradient rule where a gradient would have to pass.
 */
export function findUnsupported(graph: SourceGraph, outputs: readonly Name[], trained: Iterable<Name>): Node[] {
  const live = liveNodes(graph, outputs);
  const flowing = new Set(trained);
  return graph.nodes.filter((node) => {
    if (!live.has(node)) return false;
    const isOnPath = dataInputs(node).some((name) => flowing.has(name));
    if (isOnPath && !NOT_DIFFERENTIABLE.has(node.op)) for (const name of node.outputs) flowing.add(name);
    return !isLowerable(node.op) || (isOnPath && !isTrainable(node.op));
  });
}

/** Why a node that {@link findUnsupported} gives cannot be trained. */
export function obstacleOf({ op }: Node): string {
  if (op.includes('::')) return 'not an operator of the ONNX standard';
  return isLowerable(op) ? 'has no gradient, and one would have to pass' : 'not supported';
}

/** `Conv (node "c1"), MaxPool (node "p1")`. */
export function listNodes(nodes: readonly Node[]): string {
  return nodes.map(labelOf).join(', ');
}
