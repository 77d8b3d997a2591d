/**
 * What stands in the way of training a model, node by node.
 * @module
 */
import { type ErrorCode, KonsilError } from '../base/index.ts';
import { labelOf, type Node } from './onnx/ir.ts';

/** One node that cannot be trained. */
export interface NodeProblem {
  readonly node: Pick<Node, 'op' | 'name'>;
  readonly reason: string;
}

/** A model that cannot be trained because of some of its nodes; the message names all of them. */
export class ModelProblems extends KonsilError {
  readonly problems: readonly NodeProblem[];

  constructor(code: ErrorCode, source: string, message: string, problems: readonly NodeProblem[], cause?: unknown) {
    super(code, `${source}: ${message}`, { file: source, count: problems.length }, { cause });
    this.problems = problems;
  }
}

/** `Conv (node "c1"): expected …; MaxPool (node "p1"): …`. */
export function listProblems(problems: readonly NodeProblem[]): string {
  return problems.map(({ node, reason }) => `${labelOf(node)}: ${reason}`).join('; ');
}
