/**
 * The pod file: what a site offers, to whom, under which rules. One zod schema, as for tasks.
 * @source spec/platform.md §5.1.
 * @module
 */
import { z } from 'zod';
import { DEVICES } from '../training/index.ts';
import { blobStore } from './blobStore.ts';
import { broker } from './commonKeys.ts';
import { datasource } from './datasource.ts';
import { intersectionFile } from './intersectionPolicy.ts';
import { familyName, flag, onlyFalse, refused, seconds, text } from './keys.ts';
import { KNOWN_PROTOCOLS, PROTOCOLS } from './names.ts';
import { privateQueryFile } from './privateQueryPolicy.ts';

const budget = (required: string) =>
  z
    .strictObject({
      required: flag.default(true).meta({ description: required }),
      epsilon_budget: z.number().positive().max(1e6).meta({
        description: 'Most ε that all runs together may spend; the ledger remembers what they have.',
      }),
      delta: z.number().gt(0).lt(1).meta({ description: 'δ at which it is reckoned.' }),
    })
    .optional();

const usage = z.int().min(1).max(1e12);

const noHub = 'there is no hub; pods are found through the broker';
export const podFile = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9-]{3,70}$/, 'expected 3 to 70 letters, digits and hyphens')
      .meta({ description: 'Name of the pod, unique on the broker.' }),
    broker,
    blob_store: blobStore.optional(),
    identity: text.optional().meta({ description: 'Folder of the pod’s key. Default ./keys/<name>.' }),
    datasources: z.array(datasource).min(1).max(1000),
    approved_modellers: z.array(text).max(10_000).default([]).meta({
      description: 'Who may run tasks here: name or key fingerprint. An empty list admits nobody.',
    }),
    approved_pods: z.array(text).max(10_000).optional().meta({
      description: 'Pods this one aggregates with: name or key fingerprint. Default: those the task names.',
    }),
    policy: z
      .strictObject({
        require_secure_aggregation: flag.default(true),
        minimum_cohort: z
          .int()
          .min(1)
          .max(10_000)
          .default(3)
          .meta({ description: 'Fewest pods in a sum that this pod adds to.' }),
        minimum_colluding: z.number().min(0).lt(0.5).optional().meta({
          description:
            'A task must withstand at least this fraction of pods colluding with the coordinator. Default: what tasks withstand unless they say otherwise.',
        }),
        maximum_weight_share: z.number().gt(0).max(1).optional().meta({
          description:
            'Largest share of all training rows that this pod may hold and still add its update to a secure sum, which would be mostly its own otherwise. Default: no limit.',
        }),
        cohort_change: z.enum(['refuse', 'allow']).default('refuse').meta({
          description:
            'Whether this pod adds the same numbers to two sums that differ in so few pods that the difference would show them: pods that dropped out of one, or were left out. Default refuse.',
        }),
        share_site_metrics: flag
          .default(false)
          .meta({ description: 'Let the modeller see the metrics of this site by itself.' }),
        minimum_test_rows: z.int().min(1).max(1_000_000).default(10).meta({
          description: 'No metrics are given from fewer rows than this.',
        }),
        privacy: budget('Take part only in tasks with differential privacy of sites (task.aggregator.privacy).').meta({
          description: 'Budget of the site as a whole for each dataset, over all runs. Default: none.',
        }),
        record_privacy: budget('Take part only in tasks that train with hyperparameters.private_steps.').meta({
          description: 'Budget of each single row, for each dataset, over all runs. Default: none.',
        }),
        private_query: privateQueryFile.optional().meta({
          description: 'Budgets of single modellers for PrivateSqlQuery, and ranges of the site’s own.',
        }),
        statistics: z.enum(['allow', 'refuse']).default('refuse').meta({
          description:
            'Whether modellers may have figures of the columns (means, quantiles, classes) in sums over pods. Default refuse.',
        }),
        queries: z
          .strictObject({
            results: z.enum(['sum', 'site']).default('sum').meta({
              description:
                'sum: results leave only in sums over pods. site: modellers may also have the results of this site by itself.',
            }),
            minimum_group_size: z.int().min(1).max(1_000_000).default(10).meta({
              description: 'Only aggregates, of groups of at least so many rows; 1 shows rows too. Default 10.',
            }),
            extremes: flag.default(false).meta({ description: 'Show min, max and median of groups too.' }),
            maximum_rows: z.int().min(1).max(1_000_000).default(1_000).meta({ description: 'Rows of a result.' }),
            timeout: seconds.default(30).meta({ description: 'Seconds a query may take.' }),
            memory: z.int().min(48).max(1_000_000).default(1_000).meta({
              description: 'Memory of a query and its table, in 10^6 bytes.',
            }),
          })
          .optional()
          .meta({ description: 'What modellers may ask with SqlQuery. Default: nothing.' }),
        evaluation: z
          .strictObject({
            results: z.enum(['pooled', 'summed', 'site']).default('pooled').meta({
              description:
                'pooled: how good a model is here leaves only in secure sums, where no site gives figures of its own. summed: also where others give theirs, which can be subtracted from the sum. site: modellers may have the figures of this site by itself. Default pooled.',
            }),
            minimum_rows: z.int().min(1).max(1_000_000).default(10).meta({
              description: 'No figures of fewer rows, or of subgroups with fewer. Default 10.',
            }),
            minimum_class_rows: z.int().min(1).max(1_000_000).default(5).meta({
              description: 'No figures of this site by itself where a class has fewer rows. Default 5.',
            }),
            subgroups: z.array(text).max(100).default([]).meta({
              description: 'Columns by whose values rows may be evaluated apart. Default: none.',
            }),
            maximum_model: z.int().min(1).max(100_000).default(500).meta({
              description: 'Largest model, in 10^6 bytes. Default 500.',
            }),
            local_model: z.enum(['allow', 'refuse']).default('refuse').meta({
              description:
                'allow: a model that was trained on the rows of this site alone may go to the modeller, and through it to the other sites of its task. It may have learned single rows by heart. Default refuse.',
            }),
            exact_scores: z.enum(['allow', 'summed', 'refuse']).default('refuse').meta({
              description:
                'allow: where a task asks for it, the score of each row leaves with its label, in no order that says anything. A model that is made for it can put what it is shown into its score, so that values of columns leave. summed: this site gives none, but takes part where others do, which can be subtracted from the sum: with one such site what is left is its scores, nearly. refuse: it takes no part in such tasks. Default refuse.',
            }),
          })
          .optional()
          .meta({
            description:
              'Whether modellers may evaluate models of theirs here, or have them trained here and evaluated. Default: no.',
          }),
        inference: z
          .strictObject({
            return: z.enum(['allow', 'refuse']).default('refuse').meta({
              description:
                'allow: rows of predictions may go to the modeller, each under a name that only this site can resolve. A model can be made to repeat what it is shown. Default refuse.',
            }),
            columns: z.array(text).max(1_000).default([]).meta({
              description:
                'Columns of the datasets that may stand in a table that goes to the modeller. Default: none.',
            }),
            limit_per_model: usage.optional().meta({
              description: 'Rows that one model is run on, over all runs. Default: no limit.',
            }),
            limit_per_modeller: usage.optional().meta({
              description: 'Rows that all models of one modeller are run on, over all runs. Default: no limit.',
            }),
            maximum_model: z.int().min(1).max(100_000).default(500).meta({
              description: 'Largest model, in 10^6 bytes. Default 500.',
            }),
          })
          .optional()
          .meta({ description: 'Whether modellers may run models of theirs here. Default: no.' }),
        intersection: intersectionFile
          .optional()
          .meta({ description: 'Whether modellers may have lists of people compared. Default: no.' }),
        allowed_protocols: z
          .array(familyName('protocol', PROTOCOLS, KNOWN_PROTOCOLS))
          .min(1)
          .default([...PROTOCOLS]),
      })
      .optional()
      .meta({ description: 'The site’s rules; a task cannot loosen them.' }),
    limits: z
      .strictObject({
        parallel_runs: z.int().min(1).max(64).default(1).meta({
          description: 'Runs this pod takes part in at the same time. Each has its data and its model in memory.',
        }),
        queue: z.int().min(0).max(1000).default(8).meta({
          description: 'Further runs that wait for their turn; more are turned down.',
        }),
        coordinator_grace: z.int().min(1).max(604_800).default(600).meta({
          description: 'Seconds that a run is kept while its coordinator is away or restarting.',
        }),
        inference: z
          .strictObject({
            batch_size: z.int().min(1).max(100_000).optional().meta({
              description: 'Files of a batch. Default 16, or KONSIL_TASK_BATCH_SIZE.',
            }),
            test_run_files: z.int().min(1).max(100_000).optional().meta({
              description: 'Files of a test run. Default 1, or KONSIL_TEST_RUN_NUMBER_OF_FILES.',
            }),
            batch_resilience: flag.default(true).meta({
              description: 'A batch that fails is written down, and the run goes on. Default true.',
            }),
            maximum_consecutive_failures: z
              .union([z.int().min(1).max(1_000_000), z.literal(-1), z.literal('unset')])
              .default(5)
              .meta({ description: 'Batches that fail in a row before the run ends; unset or -1: no end. Default 5.' }),
            individual_retry: flag.default(true).meta({
              description: 'Files of batches that failed are tried one by one at the end. Default true.',
            }),
          })
          .optional()
          .meta({ description: 'How models are run over files.' }),
      })
      .optional()
      .meta({ description: 'How much the pod takes on.' }),
    device: z
      .union([z.enum(['auto', ...DEVICES]), z.array(z.enum(DEVICES)).min(1).max(DEVICES.length)])
      .optional()
      .meta({
        description:
          'Where ONNX models train: one device, or several in the order in which to try them. Default auto: the fastest one here, the CPU when nothing else works.',
      }),
    threads: z.int().min(1).max(1024).optional().meta({
      description: 'CPU threads that train. With 1, the default, equal runs on the CPU give equal bits.',
    }),
    state: text
      .optional()
      .meta({ description: 'Folder for what the pod keeps between starts. Default ./state/<name>.' }),
    version: z
      .string()
      .regex(/^1\.\d+(\.\d+)?$/, 'expected a version 1.x.y, in quotes')
      .optional(),
    username: refused(noHub),
    secrets: refused(noHub),
    hub: refused(noHub),
    access_manager: refused('use approved_modellers'),
    message_service: refused('use broker'),
    differential_privacy: refused('use policy.privacy'),
    update_schema: onlyFalse('the schema is read from the data at every start'),
    pod_db: onlyFalse('there is no results database'),
    ehr_config: refused('electronic health records are not supported by this version'),
  })
  .meta({ title: 'Konsil pod' });

export type PodFile = z.output<typeof podFile>;
