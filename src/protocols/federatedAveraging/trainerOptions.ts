/**
 * From a task's hyperparameters to the trainer's options: one place, so that pods and comparisons train alike.
 * @module
 */
import type { Task } from '../../tasks/index.ts';
import type { Trainer } from '../../training/index.ts';

/** The trainer's options for `task` on the ONNX file `model`; `source` names the model in errors. */
export function trainerOptions(task: Task, model: Uint8Array, source: string): Parameters<typeof Trainer.create>[0] {
  const { training } = task;
  return {
    model,
    source,
    loss: training.loss,
    optimiser: {
      kind: training.optimizer,
      learningRate: training.learningRate,
      momentum: training.momentum,
      weightDecay: training.weightDecay,
    },
    batchSize: training.batchSize,
    ...(training.gradientClipNorm === undefined ? {} : { clipNorm: training.gradientClipNorm }),
  };
}

