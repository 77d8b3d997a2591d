/**
 * From a task's hyperparameters to the trainer's options, and whether model and data fit: one place, so that pods and
 * comparisons train alike.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import { problemOf } from '../../datasources/index.ts';
import type { Task } from '../../tasks/index.ts';
import type { Targets, TrainerOptions, TrainingProgram } from '../../training/index.ts';

/** The trainer's options for `task` on the ONNX file `model`; `source` names the model in errors. */
export function trainerOptions(task: Task, model: Uint8Array, source: string): TrainerOptions {
  const { loss, optimizer, learningRate, momentum, weightDecay, batchSize, gradientClipNorm } = task.training;
  return {
    ...{ model, source, loss, batchSize },
    optimiser:
      optimizer === 'sgd'
        ? { kind: 'sgd', learningRate, momentum, weightDecay }
        : { kind: optimizer, learningRate, weightDecay },
    ...(gradientClipNorm === undefined ? {} : { clip: { norm: gradientClipNorm } }),
  };
}

/** Outputs a row that the task's loss needs: a logit a class, or one number. */
export function outputsOf(task: Pick<Task, 'training' | 'dataStructure'>): number {
  return task.training.loss === 'cross_entropy' ? problemOf(task.dataStructure).classes.length : 1;
}

/** @throws KonsilError MODEL_MISMATCH when the model's widths are not those of data and loss. */
export function checkModelFits(program: TrainingProgram, task: Task, features: number): void {
  const { source, input, output } = program;
  if (input.width !== features)
    throw new KonsilError(
      'MODEL_MISMATCH',
      `${source}: model expects [batch, ${input.width}] on input "${input.name}", the task's columns encode to ${features} features`,
    );
  const wanted = outputsOf(task);
  if (output.width !== wanted)
    throw new KonsilError(
      'MODEL_MISMATCH',
      `${source}: model gives ${output.width} values a row on output "${output.name}", ${task.training.loss} on "${task.dataStructure.target}" needs ${wanted}`,
    );
}

/** Targets in the type the task's loss takes. */
export function targetsFor(task: Pick<Task, 'training'>, y: Int32Array | Float32Array): Targets {
  return task.training.loss === 'cross_entropy' ? y : Float32Array.from(y);
}
