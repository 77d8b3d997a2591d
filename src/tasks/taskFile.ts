/**
 * The task file: every key, its type and its meaning, as one zod schema. Validation, the TypeScript type and the JSON
 * schema for editors all come from here.
 *
 * Keys of the platform's specification that this version does not carry out are listed too, each with a reason, so
 * that none is silently ignored. Where the specification contradicts itself both forms are accepted.
 * @source spec/platform.md §1, §2.1-2.3, K-05, K-08, K-10, K-11.
 * @module
 */
import { z } from 'zod';
import { commonKeys, deadlines } from './commonKeys.ts';
import { dataStructure } from './dataStructure/file.ts';
import { problemKey } from './dataStructure/outcome.ts';
import { hyperparameters } from './hyperparameters.ts';
import { count, familyName, flag, onlyFalse, refused, text } from './keys.ts';
import { modelReference } from './modelReference.ts';
import {
  ANALYSIS_ALGORITHMS,
  KNOWN_ALGORITHMS,
  KNOWN_PROTOCOLS,
  PROTOCOLS,
  TRAINING_ALGORITHMS,
  TRAINING_PROTOCOLS,
} from './names.ts';
import { privacy } from './privacy.ts';
import { quantisationKeys } from './quantisation.ts';
import { staleness } from './staleness.ts';
import { strategy } from './strategy.ts';

const aggregator = z.strictObject({
  secure: flag.optional().meta({
    description: 'Secure aggregation: the coordinator learns only the sum of the updates. Default true.',
    default: true,
  }),
  weights: z.record(text, z.number().positive().max(1e6)).optional().meta({
    description: 'Weight of each pod in the mean; only with secure: false. Default: number of training rows.',
  }),
  clip: z.number().positive().max(1e6).optional().meta({
    description: 'Largest absolute change of one weight in one round; secure aggregation cuts off what exceeds it.',
  }),
  clip_norm: z.number().positive().max(1e6).optional().meta({
    description:
      'Largest length (L2 norm) of a pod’s update in one round: a pod shortens what is longer, and a sum that pods cannot have made so is not used. Default: no bound.',
  }),
  ...quantisationKeys,
  minimum_cohort: z.int().min(1).max(10_000).optional().meta({
    description:
      'A round with fewer pods than this is not aggregated. A pod may ask for more. Default 3, without secure aggregation 1.',
  }),
  graph: z.enum(['auto', 'complete']).optional().meta({
    description:
      'Whom each pod shares its secrets with: everybody (complete), or above 32 pods some neighbours at random (auto, the default).',
  }),
  colluding: z.number().min(0).lt(0.5).optional().meta({
    description:
      'Fraction of pods that may work together with the coordinator and still learn nothing. Default a third up to 32 pods, 0.1 above.',
  }),
  dropouts: z.number().min(0).lt(0.5).optional().meta({
    description: 'Fraction of pods that may be lost while a sum is unmasked; above 32 pods. Default 0.1.',
  }),
  strategy: strategy.optional().meta({
    description:
      'What the coordinator does with the updates of a round. Default FedAvg: the mean, weighted by training rows. CoordinateMedian, TrimmedMean, Krum and MultiKrum withstand pods that lie, and need secure: false.',
  }),
  staleness: staleness.optional().meta({
    description:
      'Only with secure: false: an update that comes after its round counts in a later one, for less. Default: it is dropped.',
  }),
  privacy: privacy.optional().meta({
    description:
      'Differential privacy of each site in the sum of updates: noise hides whether a site took part. Default: none.',
  }),
});

const protocolArguments = z.strictObject({
  steps_between_parameter_updates: count.optional().meta({
    description: 'Training steps (batches) each pod makes in a round; use with hyperparameters.steps.',
  }),
  epochs_between_parameter_updates: count.optional().meta({
    description: 'Passes over its own data each pod makes in a round; use with hyperparameters.epochs.',
  }),
  auto_eval: flag.default(true).meta({ description: 'Evaluate on the validation split after every round.' }),
  aggregator: aggregator.optional().meta({ description: 'Same as task.aggregator; give one of the two.' }),
  secure_aggregation: flag.optional().meta({ description: 'Older form of task.aggregator.secure.' }),
});

/** The model of an algorithm. */
export const model = z.strictObject({
  konsil_model: modelReference.optional(),
  bitfount_model: modelReference.optional().meta({ description: 'Same as konsil_model.' }),
  hyperparameters: hyperparameters.optional(),
  logger_config: refused('logging is set up by the program, not by the task'),
  dp_config: refused('use hyperparameters.private_steps (rows) or task.aggregator.privacy (sites)'),
  name: refused('models by class name are no longer part of the task language; use konsil_model.model_ref'),
  structure: refused('models by structure are no longer part of the task language; use konsil_model.model_ref'),
});

const algorithmArguments = z.strictObject({
  modeller_checkpointing: flag.default(true).meta({ description: 'Keep the model of the last round at the modeller.' }),
  checkpoint_filename: text
    .regex(/^[\w.-]+$/, 'expected a file name of letters, digits, ".", "_" and "-", without a folder')
    .optional(),
  problem: problemKey,
  checkpoint_every_round: flag.default(false).meta({ description: 'Keep the model of every round.' }),
  model: model.optional().meta({ description: 'Same as the model beside arguments; give one of the two.' }),
});

const algorithm = z.strictObject({
  name: familyName('algorithm', TRAINING_ALGORITHMS, [...ANALYSIS_ALGORITHMS, ...KNOWN_ALGORITHMS]),
  arguments: algorithmArguments.optional(),
  model: model.optional(),
  pretrained_file: text.optional().meta({ description: 'Weights to start from, relative to this file.' }),
});

const task = z.strictObject({
  protocol: z.strictObject({
    name: familyName('protocol', TRAINING_PROTOCOLS, KNOWN_PROTOCOLS, PROTOCOLS),
    arguments: protocolArguments,
  }),
  algorithm: z.union([algorithm, z.array(algorithm)]),
  model: model.optional().meta({ description: 'Older place of algorithm.model; give one of the two.' }),
  aggregator: aggregator.optional(),
  deadlines,
  data_structure: dataStructure.optional(),
  datastructure: dataStructure.optional().meta({ description: 'Same as data_structure.' }),
  transformation_file: refused('transformation files are not supported'),
  primary_results_path: refused('results go to the folder konsil.runs'),
});

/** A whole task file. */
export const taskFile = z
  .strictObject({
    ...commonKeys,
    task,
    force_rerun_failed_files: flag
      .optional()
      .meta({ description: 'Accepted without effect: a CSV file is read whole.' }),
    batched_execution: onlyFalse('training needs all rows; only false is possible'),
    test_run: onlyFalse('test runs are not supported by this version; only false is possible'),
    run_on_new_data_only: onlyFalse('training uses all rows; only false is possible'),
  })
  .meta({ title: 'Konsil task' });

export type TaskFile = z.output<typeof taskFile>;
export type ModelFile = z.output<typeof model>;
export type AggregatorFile = z.output<typeof aggregator>;
export type AlgorithmFile = z.output<typeof algorithm>;
