/**
 * From a task's hyperparameters to the trainer's options and a round's schedule.
 * @module
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseTask, type Task } from '../../tasks/index.ts';
import type { TrainingProgram } from '../../training/index.ts';
import { checkModelOutput, scheduleFor, trainerOptions } from './trainerOptions.ts';

const EXAMPLE = readFileSync(new URL('../../../examples/breast-cancer/task.yaml', import.meta.url), 'utf8');

/** The example with these lines among its hyperparameters, 5 epochs a round and 20 in all. */
function taskWith(...lines: string[]): Task {
  const bare = EXAMPLE.replace(/\n +(?:optimizer|learning_rate|weight_decay|batch_size): .*/g, '');
  const own = (indent: string): string => ['epochs: 20', ...lines].map((line) => `\n${indent}${line}`).join('');
  const text = bare
    .replace(/\n( +)epochs: \d+/, (_, indent: string) => own(indent))
    .replace(/epochs_between_parameter_updates: \d+/, 'epochs_between_parameter_updates: 5');
  return parseTask(text, 'task.yaml');
}

const optionsOf = (...lines: string[]) => {
  const { model: _model, source: _source, ...options } = trainerOptions(taskWith(...lines), new Uint8Array(0), 'm');
  return options;
};

describe('trainerOptions', () => {
  it('asks for nothing that the task does not ask for', () => {
    expect(optionsOf()).toEqual({
      batchSize: 32,
      loss: 'bce_with_logits',
      optimiser: { kind: 'adam', learningRate: 0.001, weightDecay: 0 },
    });
  });

  it('carries every hyperparameter over', () => {
    const lines = [
      'optimizer: sgd',
      'momentum: 0.9',
      'nesterov: true',
      'accumulate: 4',
      'loss_options: {positive_weight: 2}',
      'gradient_clip_value: 3',
      'proximal_mu: 0.5',
      'train: ["*"]',
      'freeze: [layers.0.weight]',
    ];
    expect(optionsOf(...lines)).toEqual({
      batchSize: 32,
      accumulate: 4,
      loss: { kind: 'bce_with_logits', posWeight: 2 },
      optimiser: { kind: 'sgd', learningRate: 0.01, momentum: 0.9, nesterov: true, weightDecay: 0 },
      clip: { value: 3 },
      proximal: { mu: 0.5 },
      train: ['*'],
      freeze: ['layers.0.weight'],
    });
    expect(optionsOf('optimizer: rmsprop').optimiser).toEqual({
      ...{ kind: 'rmsprop', learningRate: 0.01, momentum: 0, weightDecay: 0 },
    });
    expect(optionsOf('optimizer: adagrad').optimiser).toEqual({ kind: 'adagrad', learningRate: 0.01, weightDecay: 0 });
  });
});

describe('scheduleFor', () => {
  it('counts the steps of the site: 100 rows are 4 batches of 32, 2 steps of two batches', () => {
    const step = taskWith('schedule: {name: step, step_size: 7}');
    const schedule = { kind: 'step', stepSize: 7, gamma: 0.1 };
    expect(scheduleFor(step, 100, 0)).toEqual({ schedule, firstStep: 0 });
    expect(scheduleFor(step, 100, 3)).toEqual({ schedule, firstStep: 3 * 5 * 4 });
    const halved = taskWith('schedule: {name: step, step_size: 7}', 'accumulate: 2');
    expect(scheduleFor(halved, 100, 3)).toEqual({ schedule, firstStep: 3 * 5 * 2 });
    expect(scheduleFor(taskWith(), 100, 3)).toEqual({});
  });

  it('ends a cosine with the training, unless told when', () => {
    const cosine = taskWith('schedule: {name: cosine, warmup_steps: 10}');
    expect(scheduleFor(cosine, 100, 1)).toEqual({
      schedule: { kind: 'cosine', warmupSteps: 10, totalSteps: 20 * 4 - 10 },
      firstStep: 20,
    });
    const told = taskWith('schedule: {name: cosine, total_steps: 9}');
    expect(scheduleFor(told, 100, 0).schedule).toEqual({ kind: 'cosine', totalSteps: 9 });
  });
});

describe('checkModelOutput', () => {
  const masks = (dims: readonly number[], loss: string, greys: readonly string[] = ['0', '255']): (() => void) => {
    const program = { source: 'm.onnx', output: { name: 'y', dims, width: 0 } } as unknown as TrainingProgram;
    const task = {
      training: { loss },
      dataStructure: {
        target: 'mask',
        categories: { mask: greys },
        outcome: { kind: 'segmentation', columns: ['mask'] },
      },
    } as unknown as Task;
    return () => checkModelOutput(program, task);
  };

  it('takes masks of a channel a class, or of one channel where the loss is of two', () => {
    expect(masks([8, 2, 16, 16], 'cross_entropy')).not.toThrow();
    expect(masks([8, 1, 16, 16], 'bce_dice')).not.toThrow();
    expect(masks([8, 1, 16, 16], 'cross_entropy')).toThrow(
      'm.onnx: model gives [batch, 1, 16, 16] on output "y", cross_entropy on masks needs [batch, 2, height, width]',
    );
    expect(masks([8, 2], 'cross_entropy')).toThrow('model gives [batch, 2] on output "y"');
    expect(masks([8, 3, 4, 4, 4], 'cross_entropy', ['0', '1', '2'])).toThrow('needs [batch, 3, height, width]');
  });
});
