/**
 * Whether an ONNX model trains, and what that costs: compiled for a loss that fits its output, nothing is run.
 * @module
 */
import { isKonsilError } from '../base/index.ts';
import { compile } from './compile.ts';
import type { StepCost } from './cost.ts';
import { trainedLength } from './layout.ts';
import type { LossKind } from './losses/spec.ts';
import { ModelProblems } from './problems.ts';

/** Something that keeps a model from being trained; `op` and `node` are empty where it is not one node's fault. */
export interface Obstacle {
  readonly op: string;
  readonly node: string;
  readonly reason: string;
}

export type Trainability =
  | { readonly trains: false; readonly obstacles: readonly Obstacle[] }
  | {
      readonly trains: true;
      /** A loss that fits the output; others may too. */
      readonly loss: LossKind;
      readonly batchSize: number;
      /** Elements that a task trains by default. */
      readonly trained: number;
      /** Elements of running statistics, which are averaged but not trained. */
      readonly runningStatistics: number;
      /** One step with Adam, the default optimiser of tasks. */
      readonly step: StepCost;
    };

/** Losses to try: of classes, of numbers, and for a model that computes its own. */
const LOSSES = ['cross_entropy', 'bce_with_logits', 'output'] as const satisfies readonly LossKind[];

/** Tries to compile the ONNX file `model` for batches of `batchSize` rows. */
export function assessTraining(model: Uint8Array, source: string, batchSize: number): Trainability {
  let reason: string | undefined;
  for (const loss of LOSSES)
    try {
      const optimiser = { kind: 'adam', learningRate: 0.001 } as const;
      const compiled = compile(model, { source, loss, batchSize, optimiser });
      const trained = trainedLength(compiled.layout);
      return {
        ...{ trains: true, loss, batchSize, trained },
        ...{ runningStatistics: compiled.layout.length - trained, step: compiled.cost() },
      };
    } catch (error) {
      if (!isKonsilError(error)) throw error;
      if (error instanceof ModelProblems)
        return {
          trains: false,
          obstacles: error.problems.map(({ node, reason: why }) => ({ op: node.op, node: node.name, reason: why })),
        };
      reason ??= error.message.replace(`${source}: `, '');
    }
  return { trains: false, obstacles: [{ op: '', node: '', reason: reason! }] };
}
