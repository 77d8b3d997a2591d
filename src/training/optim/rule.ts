/**
 * What every optimiser is made of.
 * @module
 */
import type { GraphBuilder } from '../onnx/builder.ts';
import type { Name } from '../onnx/ir.ts';

export interface UpdateInputs {
  readonly graph: GraphBuilder;
  readonly parameter: Name;
  readonly gradient: Name;
  /** State of this parameter, one value per slot, in its shape; `stateStart` before the first step. */
  readonly state: readonly Name[];
  /** Fed scalars by name. */
  readonly scalars: Readonly<Record<string, Name>>;
}

export interface Update {
  readonly parameter: Name;
  readonly state: readonly Name[];
}

/** An optimiser, ready to emit. */
export interface Optimiser {
  /** State vectors per parameter. */
  readonly slots: number;
  /** Value of all state before the first step. @default 0 */
  readonly stateStart?: number;
  readonly scalarNames: readonly string[];
  /** Values of the fed scalars at step `step`, counted from 1. */
  scalarsAt(step: number, learningRate: number): Readonly<Record<string, number>>;
  update(inputs: UpdateInputs): Update;
}

// g + λp
export function decayed(graph: GraphBuilder, gradient: Name, parameter: Name, weightDecay: number): Name {
  if (weightDecay === 0) return gradient;
  return graph.op('Add', [gradient, graph.op('Mul', [parameter, graph.scalar(weightDecay)])]);
}

// β·old + (1-β)·now
export function mix(graph: GraphBuilder, old: Name, beta: number, now: Name): Name {
  return graph.op('Add', [graph.op('Mul', [old, graph.scalar(beta)]), graph.op('Mul', [now, graph.scalar(1 - beta)])]);
}

// p - η·direction
export function moved({ graph, scalars }: UpdateInputs, parameter: Name, direction: Name): Name {
  return graph.op('Sub', [parameter, graph.op('Mul', [direction, scalars['learning_rate']!])]);
}
