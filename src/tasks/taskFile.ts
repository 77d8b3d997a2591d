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
import { blobStore } from './blobStore.ts';
import { dataStructure } from './dataStructure/file.ts';
import { hyperparameters } from './hyperparameters.ts';
import { count, familyName, flag, onlyFalse, refused, seconds, text } from './keys.ts';
import { ALGORITHMS, KNOWN_ALGORITHMS, KNOWN_PROTOCOLS, PROTOCOLS } from './names.ts';
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

const hubModel = 'there is no model hub; model_ref names a file (./model.onnx) or a built-in model (builtin:mlp)';
const modelReference = z.strictObject({
  model_ref: text.meta({
    description:
      'Path of a model file, relative to this file: ONNX (.onnx) or TensorFlow.js (model.json, or a module that builds the model); or a built-in model: builtin:mlp, a multi-layer perceptron, or builtin:logistic_regression, for classes (softmax regression for more than two).',
  }),
  model_version: refused(hubModel),
  version: refused(hubModel),
  username: refused(hubModel),
  weights: refused('use pretrained_file of the algorithm for weights to start from'),
});

const model = z.strictObject({
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
  checkpoint_every_round: flag.default(false).meta({ description: 'Keep the model of every round.' }),
  model: model.optional().meta({ description: 'Same as the model beside arguments; give one of the two.' }),
});

const algorithm = z.strictObject({
  name: familyName('algorithm', ALGORITHMS, KNOWN_ALGORITHMS),
  arguments: algorithmArguments.optional(),
  model: model.optional(),
  pretrained_file: text.optional().meta({ description: 'Weights to start from, relative to this file.' }),
});

const task = z.strictObject({
  protocol: z.strictObject({
    name: familyName('protocol', PROTOCOLS, KNOWN_PROTOCOLS),
    arguments: protocolArguments,
  }),
  algorithm: z.union([algorithm, z.array(algorithm)]),
  model: model.optional().meta({ description: 'Older place of algorithm.model; give one of the two.' }),
  aggregator: aggregator.optional(),
  deadlines: z
    .strictObject({
      join: seconds.default(60).meta({ description: 'For pods to accept the task.' }),
      train: seconds.default(600).meta({ description: 'For local training in a round.' }),
      exchange: seconds
        .default(60)
        .meta({ description: 'For each step of the secure aggregation, and for an upload.' }),
      evaluate: seconds.default(300).meta({ description: 'For evaluation and for statistics of the data.' }),
    })
    .optional()
    .meta({ description: 'Seconds the coordinator waits in each phase; who is later is left out of that round.' }),
  data_structure: dataStructure.optional(),
  datastructure: dataStructure.optional().meta({ description: 'Same as data_structure.' }),
  transformation_file: refused('transformation files are not supported'),
  primary_results_path: refused('results go to the folder konsil.runs'),
});

const noHub = 'there is no hub; pods are found through the broker (konsil.broker)';
/** `konsil.broker`, and `broker` of a pod. */
export const broker = z.strictObject({
  url: z
    .string()
    .regex(
      /^(mqtts?|wss?):\/\/[^\s/]+/,
      'expected an address such as mqtt://127.0.0.1:1883 or mqtts://broker.example:8883',
    )
    .meta({ description: 'mqtt://, mqtts:// (TLS), ws:// or wss://' }),
  username: text.optional(),
  password_file: text.optional().meta({ description: 'File that holds the password and nothing else.' }),
  password: refused('write the password to a file and name it in password_file'),
  ca_file: text.optional().meta({ description: 'Certificate authority of the broker (PEM).' }),
});

const noOidc = 'Konsil knows a modeller by its key; expected key-based';
/** A whole task file. */
export const taskFile = z
  .strictObject({
    pods: z
      .strictObject({
        identifiers: z.array(text).min(1).max(10_000),
        late_join: z.boolean().optional().meta({
          description: 'Whether pods that were not there when the run began may join at a later round. Default false.',
        }),
      })
      .meta({ description: 'Who is asked to take part.' }),
    modeller: z
      .strictObject({
        username: text.optional().meta({ description: 'Name shown to the pods.' }),
        identity_verification_method: z.literal('key-based', { error: noOidc }).optional(),
        private_key_file: refused('the key lies in the folder konsil.identity'),
      })
      .optional(),
    task,
    konsil: z
      .strictObject({
        broker: broker.optional(),
        blob_store: blobStore.optional(),
        identity: text.optional().meta({ description: 'Folder of the modeller’s key. Default ./keys/modeller.' }),
        runs: text.optional().meta({ description: 'Folder for results. Default ./runs.' }),
      })
      .optional()
      .meta({ description: 'Settings of the modeller’s own machine; never sent to pods.' }),
    version: z
      .string()
      .regex(/^1\.\d+(\.\d+)?$/, 'expected a version 1.x.y of the task language, in quotes')
      .optional(),
    force_rerun_failed_files: flag
      .optional()
      .meta({ description: 'Accepted without effect: a CSV file is read whole.' }),
    batched_execution: onlyFalse('training needs all rows; only false is possible'),
    test_run: onlyFalse('test runs are not supported by this version; only false is possible'),
    run_on_new_data_only: onlyFalse('training uses all rows; only false is possible'),
    enable_anonymized_tracker_upload: onlyFalse('nothing is uploaded; only false is possible'),
    project_id: refused(noHub),
    template: refused('templates are not supported by this version; write the values'),
    secrets: refused('secrets do not belong in a task file'),
    hub: refused(noHub),
    message_service: refused('use konsil.broker'),
  })
  .meta({ title: 'Konsil task' });

export type TaskFile = z.output<typeof taskFile>;
export type ModelFile = z.output<typeof model>;
export type AggregatorFile = z.output<typeof aggregator>;
export type AlgorithmFile = z.output<typeof algorithm>;
