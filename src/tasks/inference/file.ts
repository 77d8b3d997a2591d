/**
 * The file of a task that runs models over the rows of sites: its keys, their types and meaning, as one zod schema.
 * @source spec/platform.md §2.1, §2.2, §6, K-18, K-19.
 * @module
 */
import { z } from 'zod';
import { postprocessors } from '../../postprocessing/index.ts';
import { SAVE_LOCATIONS } from '../analysis/file.ts';
import { commonKeys, deadlines } from '../commonKeys.ts';
import { dataStructure } from '../dataStructure/file.ts';
import { familyName, flag, onlyFalse, refused, text } from '../keys.ts';
import {
  ANALYSIS_ALGORITHMS,
  INFERENCE_ALGORITHMS,
  INFERENCE_PROTOCOLS,
  KNOWN_ALGORITHMS,
  KNOWN_PROTOCOLS,
  PROTOCOLS,
  TRAINING_ALGORITHMS,
} from '../names.ts';
import { model } from '../taskFile.ts';
import { csvReport } from './csvReport.ts';
import { recordFilter } from './recordFilter.ts';

const modelInference = z.strictObject({
  class_outputs: z
    .array(z.string().min(1).max(200))
    .min(1)
    .max(10_000)
    .optional()
    .meta({ description: 'Names of the model’s outputs, in order. Default: prediction_0, prediction_1, …' }),
  postprocessors: postprocessors.nullable().optional(),
  output: text.optional().meta({
    description: 'Output that is the prediction. Default: `probabilities`, or the first output of numbers.',
  }),
  label: z
    .string()
    .regex(/^[\w. -]{1,60}$/, 'expected 1 to 60 letters, digits, spaces, "_", "-" and "."')
    .optional()
    .meta({ description: 'Name of the model in messages and, with several, in columns. Default: that of its file.' }),
  model: model.optional().meta({ description: 'Same as the model beside arguments; give one of the two.' }),
  /** SHA-256 of the model, as pods are told. */
  model_sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional()
    .meta({ description: 'Filled in when the task is sent.' }),
});

/** Arguments by algorithm. */
export const INFERENCE_ARGUMENTS = {
  RecordFilterAlgorithm: recordFilter,
  ImageSelectionAlgorithm: z.strictObject({}),
  ModelInference: modelInference,
  CSVReportAlgorithm: csvReport,
} as const satisfies Record<(typeof INFERENCE_ALGORITHMS)[number], z.ZodType>;

const algorithm = z.strictObject({
  name: familyName('algorithm', INFERENCE_ALGORITHMS, [
    ...TRAINING_ALGORITHMS,
    ...ANALYSIS_ALGORITHMS,
    ...KNOWN_ALGORITHMS,
  ]),
  /** Checked by the schema of the algorithm, see `checks.ts`. */
  arguments: z.record(z.string(), z.unknown()).default({}),
  model: model.optional().meta({ description: 'Only of ModelInference.' }),
  pretrained_file: text.optional().meta({ description: 'The model file to use instead of model_ref’s.' }),
});

/** As of other tasks, but nothing is predicted that has to be there, and all rows are run on. */
const inputStructure = dataStructure.extend({
  assign: dataStructure.shape.assign
    .partial({ target: true })
    .optional()
    .meta({ description: 'Image columns. A target is no input, and need not be there.' }),
  rows_from_intersection: refused('only tasks that train use the rows of an intersection'),
  data_split: refused('a model is run on all rows; leave some out with filter or RecordFilterAlgorithm'),
  statistics: refused('only for tasks that train; a model is run on columns as they are'),
});

const noAggregator = 'rows of predictions are not added up; each pod’s stay apart';
const protocolArguments = z.strictObject({
  aggregator: z
    .null({ error: noAggregator })
    .optional()
    .meta({ description: `Only null: ${noAggregator}` }),
  save_location: z
    .union([z.enum(SAVE_LOCATIONS).transform((place) => [place]), z.array(z.enum(SAVE_LOCATIONS)).min(1).max(2)])
    .optional()
    .meta({
      description:
        'Only of ResultsOnly: where predictions are kept, Worker (at each pod), Modeller, or both. Default [Worker].',
    }),
  rename_columns: z.record(text, text).optional().meta({
    description: 'Only of InferenceAndImageOutput: column of its table to another name.',
  }),
  results_notification_email: onlyFalse('no e-mail is sent'),
  save_path: refused('results go to the folder konsil.runs, and at pods below their state folder'),
  secure_aggregation: onlyFalse(noAggregator),
});

const task = z.strictObject({
  protocol: z.strictObject({
    name: familyName('protocol', ['ResultsOnly', ...INFERENCE_PROTOCOLS], KNOWN_PROTOCOLS, PROTOCOLS),
    arguments: protocolArguments.prefault({}),
  }),
  algorithm: z.union([algorithm, z.array(algorithm)]),
  aggregator: refused(noAggregator),
  deadlines,
  data_structure: inputStructure.optional().meta({
    description: 'Columns that the model takes. Default: all that can be numbers; of a source of images, its images.',
  }),
  transformation_file: refused('transformation files are not supported'),
  primary_results_path: refused('results go to the folder konsil.runs'),
});

/** A whole task file of this kind. */
export const inferenceFile = z
  .strictObject({
    ...commonKeys,
    task,
    batched_execution: flag.default(false).meta({
      description: 'Files are run in batches whose size the site decides, and a batch that fails does not end the run.',
    }),
    test_run: flag.default(false).meta({
      description: 'Run on a few files only, as many as the site says; with batched_execution, of files.',
    }),
    run_on_new_data_only: flag.default(false).meta({
      description:
        'Leave out files that this task has been run on at the same dataset and that have not changed since.',
    }),
    force_rerun_failed_files: flag.default(true).meta({
      description: 'Files that failed in an earlier run of this task are tried again; otherwise not until they change.',
    }),
  })
  .meta({ title: 'Konsil task that runs models' });

export type InferenceFile = z.output<typeof inferenceFile>;
