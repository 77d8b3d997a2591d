/**
 * What a gradient rule sees, and what several families of rules share.
 * @module
 */
import type { GraphBuilder } from '../onnx/builder.ts';
import type { Attributes, Name, Node } from '../onnx/ir.ts';

/** One reverse step through `node`, whose output y has gradient `dy` (in y's shape). */
export interface VjpContext {
  readonly graph: GraphBuilder;
  readonly node: Node;
  readonly inputs: readonly Name[];
  readonly y: Name;
  readonly dy: Name;
  /** Whether anyone wants the gradient of input `index`. */
  readonly needs: (index: number) => boolean;
  readonly op: (op: string, ...inputs: Name[]) => Name;
}

/** One gradient per input, null where none is needed or none exists. */
export type Vjp = (context: VjpContext) => (Name | null)[];

export function unary(dx: (context: VjpContext, x: Name) => Name): Vjp {
  return (context) => [dx(context, context.inputs[0]!)];
}

export function attributed(context: VjpContext, op: string, inputs: Name[], attributes: Attributes): Name {
  return context.graph.op(op, inputs, attributes);
}

export function zero({ graph }: VjpContext): Name {
  return graph.scalar(0);
}

/** dy where `condition`, else 0. */
export function masked(context: VjpContext, condition: Name): Name {
  return context.op('Where', condition, context.dy, zero(context));
}

export function scaled({ graph, op }: VjpContext, x: Name, factor: number): Name {
  return factor === 1 ? x : op('Mul', x, graph.scalar(factor));
}
