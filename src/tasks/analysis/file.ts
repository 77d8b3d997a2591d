/**
 * The file of a task that asks (`ResultsOnly`): its keys, their types and meaning, as one zod schema.
 * @source spec/platform.md §2.1-2.3.
 * @module
 */
import { z } from 'zod';
import { commonKeys, deadlines } from '../commonKeys.ts';
import { dataStructure, selectionName } from '../dataStructure/file.ts';
import { problemKey } from '../dataStructure/outcome.ts';
import { INTERSECTION_KINDS } from '../intersectionPolicy.ts';
import { familyName, flag, onlyFalse, refused, text } from '../keys.ts';
import {
  ANALYSIS_ALGORITHMS,
  ANALYSIS_PROTOCOLS,
  KNOWN_ALGORITHMS,
  KNOWN_PROTOCOLS,
  PROTOCOLS,
  TRAINING_ALGORITHMS,
} from '../names.ts';
import { model } from '../taskFile.ts';

/** Where results are kept. */
export const SAVE_LOCATIONS = ['Worker', 'Modeller'] as const;

const column = z.string().min(1).max(200);

const sqlKeys = {
  query: z.string().min(1).max(20_000).meta({
    description: 'One SELECT; the table is the dataset’s name, or the one in `table`, in backticks.',
  }),
  table: z
    .string()
    .regex(/^[\w-]+$/, 'expected a name of letters, digits, "_" and "-"')
    .max(70)
    .optional()
    .meta({ description: 'Name of the table in the query, when the datasets have several names.' }),
  aggregate: z
    .record(column, z.union([z.enum(['sum', 'mean', 'count']), z.strictObject({ mean: column })]))
    .optional()
    .meta({
      description:
        'With an aggregator: what the pods’ values of a result column become. sum; count: of pods with a value; mean: of the pods; mean: <column>: weighted by that column of the result.',
    }),
  groups: z
    .record(
      column,
      z
        .array(z.union([z.string().max(200), z.number()]))
        .min(1)
        .max(1_000),
    )
    .optional()
    .meta({
      description:
        'With an aggregator: the result columns that name a group, with the values that count. Other columns are aggregated.',
    }),
};
const sqlQuery = z.strictObject(sqlKeys);

const bound = z.union([z.number(), z.string().max(40)]);
const privateSqlQuery = z.strictObject({
  ...sqlKeys,
  epsilon: z.number().min(1e-6).max(100).meta({ description: 'ε that each pod spends on the query.' }),
  delta: z.number().min(0).max(0.1).default(0).meta({
    description: 'δ: far below one over the number of patients. Above 0 where groups are not declared. Default 0.',
  }),
  column_ranges: z
    .record(
      column,
      z.strictObject({
        lower: bound.optional(),
        upper: bound.optional(),
        values: z
          .array(z.union([z.string().max(200), z.number()]))
          .min(1)
          .max(1_000)
          .optional(),
      }),
    )
    .default({})
    .meta({
      description:
        'Per column what is publicly known of it: lower and upper, to which values are clamped, or the values that name groups.',
    }),
  max_groups: z.int().min(1).max(1_000).default(1).meta({
    description: 'Groups that one patient counts in at most; more cost more noise. Default 1.',
  }),
  db_schema: refused('a dataset is one table'),
});

const keyColumn = z.strictObject({
  trim: flag.optional().meta({ description: 'White space at both ends does not count. Default true.' }),
  case: z
    .enum(['keep', 'fold'])
    .optional()
    .meta({ description: 'fold: upper and lower case are the same. Default keep.' }),
  digits: flag.optional().meta({ description: 'Only digits count, without zeros in front. Default false.' }),
});
const privateSetIntersection = z.strictObject({
  columns: z.array(column).min(1).max(10).meta({
    description: 'Columns that together say who somebody is, of the datasets and of the modeller’s list.',
  }),
  normalise: z
    .union([keyColumn, z.array(keyColumn).min(1).max(10)])
    .optional()
    .meta({
      description: 'What does not count when keys are compared: for all columns, or one for each.',
    }),
  kind: z.enum(INTERSECTION_KINDS).default('cardinality').meta({
    description:
      'cardinality: how many are in both. intersection: which of the modeller’s list. row_filter: each pod keeps who is in both, under the name save_as, and nobody else learns anything. Default cardinality.',
  }),
  save_as: selectionName.optional().meta({
    description: 'With row_filter: a name for data_structure.rows_from_intersection of tasks that train.',
  }),
  identifiers_file: z.string().min(1).max(1_000).optional().meta({
    description: 'The modeller’s list: a CSV file with these columns, relative to this file. It never leaves.',
  }),
  among_pods: flag.optional().meta({
    description:
      'Compares the pods’ lists with each other, not with one of the modeller, who learns how many people all of them have. With row_filter each pod keeps who they are. Default false.',
  }),
  pad_to: z
    .int()
    .min(1)
    .max(1 << 20)
    .optional()
    .meta({
      description: 'Hides how long the list is: it is filled up to so many. Default: its length is told.',
    }),
  /** Length of the list, as pods are told. */
  identifiers: z
    .int()
    .min(1)
    .max(1 << 20)
    .optional()
    .meta({ description: 'Filled in when the task is sent.' }),
});

const federatedStatistics = z.strictObject({
  quantiles: z
    .array(z.number().gt(0).lt(1))
    .max(99)
    .default([0.05, 0.25, 0.5, 0.75, 0.95])
    .meta({ description: 'Quantiles of each numeric column.' }),
  bins: z.int().min(8).max(4_096).default(256).meta({
    description: 'Bins of the histograms that quantiles are read from: more are more exact.',
  }),
  minimum_count: z.int().min(1).max(1_000_000).default(10).meta({
    description: 'Figures from fewer rows than this in all are not given.',
  }),
  vocabularies: z.array(column).min(1).max(16).optional().meta({
    description:
      'Columns whose values are not known beforehand: those that enough sites share are found. They are left out of the other figures.',
  }),
  minimum_sites: z.int().min(2).max(10_000).optional().meta({
    description: 'With vocabularies: a value that fewer sites have is not shown. Default 2.',
  }),
  vocabulary_salt: z.int().min(0).max(65_535).optional().meta({
    description: 'With vocabularies: another number makes other values collide. Default 0.',
  }),
});

/** Rows of a dataset that a model is evaluated on. */
export const EVALUATED_SPLITS = ['train', 'validation', 'test', 'all'] as const;

const groupValue = z.union([z.string().max(200), z.number(), z.boolean()]);
/** Of evaluations, whatever their models are. */
const evaluatedKeys = {
  split: z.enum(EVALUATED_SPLITS).optional().meta({
    description: 'Rows to evaluate on. Default: test, or validation where the split has no test rows.',
  }),
  subgroups: z
    .record(
      column,
      z.union([
        z.array(groupValue).min(1).max(30),
        z.strictObject({
          edges: z.array(z.number()).min(1).max(20).meta({ description: 'Ascending; a value on an edge is above it.' }),
        }),
      ]),
    )
    .optional()
    .meta({
      description:
        'Columns whose groups of rows are evaluated by themselves, with the values of each group or the edges between groups of numbers. Sites allow such columns with policy.evaluation.subgroups.',
    }),
  site_figures: flag.optional().meta({
    description:
      'With an aggregator: whether sites that allow it give their own figures beside the sum. Sites that give figures only in sums may refuse such tasks: what others show can be subtracted. Default false.',
  }),
  problem: problemKey,
  model: model.optional().meta({ description: 'Same as the model beside arguments; give one of the two.' }),
  /** SHA-256 of the model, as pods are told. */
  model_sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional()
    .meta({ description: 'Filled in when the task is sent.' }),
};
const modelEvaluation = z.strictObject({
  ...evaluatedKeys,
  label: z
    .string()
    .regex(/^[\w. -]{1,60}$/, 'expected 1 to 60 letters, digits, spaces, "_", "-" and "."')
    .optional()
    .meta({ description: 'Name of the model in the report. Default: the name of its file.' }),
  outputs: z.enum(['probabilities', 'logits']).optional().meta({
    description:
      'What the model gives for classes. Default: probabilities where its graph ends in a softmax, a sigmoid or a classifier.',
  }),
  times: z.array(z.number().min(0)).min(1).max(1_000).optional().meta({
    description:
      'survival: ascending times at which the model gives the probability that the event has not happened. Default: it gives one number, higher for sooner.',
  }),
  output: text.optional().meta({
    description: 'Output that is the prediction. Default: `probabilities`, or the first output of numbers.',
  }),
  exact: flag.optional().meta({
    description:
      'Two classes, with an aggregator and site_figures: sites that allow it (policy.evaluation.exact_scores) give the score of each row with its label, so that pooled figures are exact. Sites may refuse such tasks. Default false.',
  }),
});

const modelTrainingAndEvaluation = z.strictObject({
  ...evaluatedKeys,
  cross_site: flag.optional().meta({
    description:
      'Whether the model of each site that gives it away (policy.evaluation.local_model) is then evaluated at every site. Default false.',
  }),
});

/** Arguments by algorithm. */
export const ANALYSIS_ARGUMENTS = {
  SqlQuery: sqlQuery,
  PrivateSqlQuery: privateSqlQuery,
  PrivateSetIntersection: privateSetIntersection,
  FederatedStatistics: federatedStatistics,
  ModelEvaluation: modelEvaluation,
  ModelTrainingAndEvaluation: modelTrainingAndEvaluation,
} as const satisfies Record<(typeof ANALYSIS_ALGORITHMS)[number], z.ZodType>;

const algorithm = z.strictObject({
  name: familyName('algorithm', ANALYSIS_ALGORITHMS, [...TRAINING_ALGORITHMS, ...KNOWN_ALGORITHMS]),
  /** Checked by the schema of the algorithm, see `checks.ts`. */
  arguments: z.record(z.string(), z.unknown()).default({}),
  model: model.optional().meta({ description: 'Only of algorithms with a model.' }),
  pretrained_file: text.optional().meta({ description: 'The model file to use instead of model_ref’s.' }),
});

const aggregator = z.strictObject({
  secure: flag.default(true).meta({ description: 'Secure aggregation: the modeller learns only sums. Default true.' }),
  minimum_cohort: z.int().min(1).max(10_000).optional().meta({
    description: 'With fewer pods than this there is no result. Default 3, without secure aggregation 1.',
  }),
  colluding: z.number().min(0).lt(0.5).optional().meta({
    description: 'Fraction of pods that may work together with the coordinator and still learn nothing.',
  }),
  weights: refused('results are summed; a mean has the weights of its own column'),
});

const protocolArguments = z.strictObject({
  save_location: z
    .array(z.enum(SAVE_LOCATIONS))
    .min(1)
    .max(2)
    .default(['Modeller'])
    .meta({ description: 'Where results are kept: Worker (at each pod), Modeller, or both.' }),
  aggregator: aggregator.optional().meta({ description: 'Same as task.aggregator; give one of the two.' }),
  secure_aggregation: flag.optional().meta({ description: 'Older form of task.aggregator.secure.' }),
  save_path: refused('results go to the folder konsil.runs, and at pods below their state folder'),
});

const task = z.strictObject({
  protocol: z.strictObject({
    name: familyName('protocol', ANALYSIS_PROTOCOLS, KNOWN_PROTOCOLS, PROTOCOLS),
    arguments: protocolArguments.prefault({}),
  }),
  algorithm: z.union([algorithm, z.array(algorithm)]),
  aggregator: aggregator.optional().meta({
    description: 'Adds up the results of all pods. Default: each pod’s result by itself, where its site allows that.',
  }),
  deadlines,
  data_structure: dataStructure
    .extend({
      assign: dataStructure.shape.assign.optional(),
      rows_from_intersection: refused('only tasks that train use the rows of an intersection'),
    })
    .optional()
    .meta({
      description:
        'The columns that FederatedStatistics, ModelEvaluation and ModelTrainingAndEvaluation look at; assign is then required. For a query, which names its columns itself: table_config, select, compatible_datasources and schema_requirements, accepted without effect.',
    }),
  transformation_file: refused('transformation files are not supported'),
  primary_results_path: refused('results go to the folder konsil.runs'),
});

/** A whole task file of this kind. */
export const analysisFile = z
  .strictObject({
    ...commonKeys,
    task,
    force_rerun_failed_files: flag.optional().meta({ description: 'Without effect for queries of tables.' }),
    batched_execution: onlyFalse('a query needs all rows; only false is possible'),
    test_run: onlyFalse('a query needs all rows; only false is possible'),
    run_on_new_data_only: onlyFalse('a query needs all rows; only false is possible'),
  })
  .meta({ title: 'Konsil task that asks' });

export type AnalysisFile = z.output<typeof analysisFile>;
