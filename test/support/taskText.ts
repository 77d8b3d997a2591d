/**
 * A valid task, changed by replacing text, so that every case of a test shows the one thing that is different.
 * @module
 */
import { expect } from 'vitest';
import { isKonsilError } from '../../src/base/index.ts';
import { parseTask } from '../../src/tasks/index.ts';

export const GOOD = `pods:
  identifiers: [a/x, b/x, c/x]
task:
  protocol:
    name: konsil.FederatedAveraging
    arguments:
      epochs_between_parameter_updates: 2
  algorithm:
    name: konsil.FederatedModelTraining
    model:
      konsil_model:
        model_ref: builtin:mlp
      hyperparameters:
        epochs: 5
  aggregator:
    secure: true
  data_structure:
    assign:
      target: outcome
    categories:
      outcome: [no, yes, 3]
`;

/** The task with `to` in place of `from`. */
export const edit = (from: string, to: string): string => {
  expect(GOOD).toContain(from);
  return GOOD.replace(from, to);
};

/** Why the task is refused. */
export const messageFor = (text: string): string => {
  try {
    parseTask(text, 'task.yaml');
  } catch (error) {
    if (isKonsilError(error, 'CONFIG_INVALID')) return error.message;
    throw error;
  }
  return 'accepted';
};
