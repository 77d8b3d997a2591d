/**
 * The scenario file: every key, its type and its meaning, as one zod schema.
 * @module
 */
import { z } from 'zod';
import { podFile } from '../../src/tasks/index.ts';

const text = z.string().min(1).max(1_000);
const rows = z.int().min(1).max(10_000_000);
const seconds = z.number().positive().max(604_800);

/** Where rows come from. */
const data = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('csv'),
    path: text.meta({ description: 'CSV file, relative to the scenario.' }),
    target: text.meta({ description: 'Column to predict.' }),
    classes: z
      .array(z.union([text, z.number()]))
      .min(2)
      .optional()
      .meta({ description: 'Values of the target, in order; without them the target is a number.' }),
  }),
  z.strictObject({
    kind: z.literal('images'),
    path: text.meta({ description: 'Folder with a folder of pictures for each class, relative to the scenario.' }),
    classes: z.array(text).min(2).meta({ description: 'Names of the folders, in order.' }),
  }),
  z.strictObject({
    kind: z.literal('blobs'),
    rows,
    features: z.int().min(1).max(10_000).default(10),
    classes: z.int().min(2).max(1_000).default(2),
    separation: z
      .number()
      .positive()
      .default(3)
      .meta({ description: 'Distance of class centres, in deviations of a class.' }),
  }),
  z.strictObject({
    kind: z.literal('logistic'),
    rows,
    features: z.int().min(1).max(10_000).default(10),
    strength: z.number().positive().default(2).meta({ description: 'Deviation of the log-odds.' }),
  }),
  z.strictObject({
    kind: z.literal('linear'),
    rows,
    features: z.int().min(1).max(10_000).default(10),
    noise: z.number().min(0).default(0.1).meta({ description: 'Deviation of what the features do not explain.' }),
  }),
  z.strictObject({
    kind: z.literal('bars'),
    rows,
    size: z.int().min(3).max(64).default(8).meta({ description: 'Width and height of an image, a column a pixel.' }),
    noise: z.number().min(0).default(0.3),
  }),
]);

/** How rows are dealt to pods. */
const partition = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('iid') }),
  z.strictObject({
    kind: z.literal('dirichlet'),
    alpha: z.number().positive().max(1e6).meta({ description: 'Small: few classes a pod; large: as iid.' }),
  }),
  z.strictObject({
    kind: z.literal('quantity'),
    alpha: z.number().positive().max(1e6).meta({ description: 'Small: few pods have most rows; large: equal shares.' }),
  }),
  z.strictObject({
    kind: z.literal('shift'),
    strength: z
      .number()
      .min(0)
      .meta({ description: 'Deviation of the offset that a pod adds to each feature, in deviations of the feature.' }),
  }),
  z.strictObject({ kind: z.literal('column'), column: text.meta({ description: 'Column that names the site.' }) }),
]);

/** Phases that a fault can come in, as progress and reports name them. */
export const PHASES = ['training', 'keys', 'shares', 'masked input', 'consistency', 'unmasking'] as const;
/** What can happen to somebody. */
export const FAULTS = [
  'crash',
  'restart',
  'hang',
  'disconnect',
  'slow',
  'duplicate',
  'reorder',
  'corrupt',
  'late',
] as const;

const place = z.strictObject({
  round: z.union([z.int().min(1), z.enum(['statistics', 'evaluation'])]),
  phase: z.enum(PHASES).default('training'),
});
const fault = z.strictObject({
  at: place,
  fault: z.enum(FAULTS),
  pod: z.union([text, z.array(text).min(1)]).optional(),
  pods: z.int().min(1).optional().meta({ description: 'So many pods, drawn with the seed.' }),
  coordinator: z.literal(true).optional(),
  broker: z.literal(true).optional(),
  for: seconds.default(10).meta({ description: 'How long it lasts, in simulated seconds; crash is for good.' }),
  delay: seconds.default(1).meta({ description: 'slow: what every message takes longer.' }),
});

const malicious = z.discriminatedUnion('role', [
  z.strictObject({
    role: z.literal('label_flipping'),
    pod: text,
    fraction: z.number().gt(0).max(1).default(1).meta({ description: 'Share of its rows.' }),
  }),
  z.strictObject({
    role: z.literal('scaled_updates'),
    pod: text,
    factor: z.number().meta({ description: 'Its update times this; below zero points the other way.' }),
  }),
  z.strictObject({
    role: z.literal('different_models'),
    pod: text.meta({ description: 'The victim: it is sent a model of its own.' }),
    round: z.int().min(1).default(1),
  }),
  z.strictObject({
    role: z.literal('survivor_lie'),
    pod: text.meta({ description: 'The victim: the others are told that it dropped out.' }),
    round: z.int().min(1).default(1),
  }),
  z.strictObject({
    role: z.literal('replaying_broker'),
    every: z.int().min(1).default(2).meta({ description: 'Every so-manieth message is delivered again.' }),
    after: seconds.default(5),
  }),
]);

const bound = z
  .strictObject({ at_least: z.number().optional(), at_most: z.number().optional() })
  .refine(({ at_least, at_most }) => at_least !== undefined || at_most !== undefined, {
    error: 'expected at_least, at_most or both',
  });
const expect = z.strictObject({
  status: z.enum(['complete', 'aborted']).default('complete'),
  code: text.optional().meta({ description: 'Error code that the run ends with; only with status aborted.' }),
  metrics: z.record(text, bound).optional().meta({
    description: 'Metrics of the final model over the test rows of all pods, or "training loss", "validation loss".',
  }),
  rounds_lost_at_most: z.int().min(0).optional(),
  equals_plain_average: z
    .literal(true)
    .optional()
    .meta({ description: 'Each round is the average of the survivors’ updates, within the quantisation bound.' }),
});

/** Tests of what masks promise; all keys but the lists are numbers. */
const privacy = z.strictObject({
  games: z
    .strictObject({
      games: z.int().min(30).max(100_000).default(300).meta({
        description: 'Sums that are played for distinguishing and membership; a third trains the attacker.',
      }),
      inversions: z.int().min(10).max(100_000).default(40).meta({ description: 'Steps of one row that are played.' }),
      pods: z.int().min(4).max(32).default(4).meta({ description: 'Pods in each of these sums.' }),
      rows: z.int().min(2).max(10_000).default(8).meta({ description: 'Rows that each of them trains on.' }),
      seed: z.int().min(0).max(0xffffffff).optional().meta({
        description: 'Of rows, models and coins; masks are always drawn anew. Default: the seed of the scenario.',
      }),
    })
    .prefault({}),
  views: z
    .array(z.enum(['coordinator', 'colluding', 'broker']))
    .min(1)
    .default(['coordinator', 'colluding', 'broker'])
    .meta({ description: 'Whose eyes attackers have; plain updates and broken thresholds are always shown beside.' }),
  tests: z
    .array(z.enum(['uniformity', 'distinguishing', 'inversion', 'membership']))
    .min(1)
    .default(['uniformity', 'distinguishing', 'inversion', 'membership']),
  expect: z
    .strictObject({
      distinguishing: z.number().min(0.5).max(1).default(0.9),
      inversion: z.number().min(0).max(1).default(0.9),
      membership: z.number().min(0.5).max(1).default(0.6),
    })
    .prefault({})
    .meta({ description: 'Lower ends of 95 % intervals that attacks on plain updates must reach.' }),
});

const taskPart = z.union([text, z.record(text, z.unknown())]);
const faults = z.array(fault).max(10_000);
const attackers = z.array(malicious).max(1_000);
const rate = z.number().min(0).max(1);
const rates = z
  .partialRecord(z.enum(FAULTS), rate)
  .meta({ description: 'Chance that a pod has a fault in a round, drawn with the seed.' });
const policy = podFile.shape.policy;

/** A whole scenario file. */
export const scenarioFile = z
  .strictObject({
    name: text,
    seed: z.int().min(0).max(0xffffffff).default(1),
    transport: z.enum(['memory', 'processes']).default('memory'),
    pods: z
      .int()
      .min(1)
      .max(10_000)
      .optional()
      .meta({ description: 'Not with partition by column. Secure sums have 1,000 at most.' }),
    rounds: z.int().min(1).max(100_000),
    data,
    partition: partition.default({ kind: 'iid' }),
    task: taskPart
      .optional()
      .meta({ description: 'Part of a task file below its key task, or the path of one; the rest is filled in.' }),
    policy: policy.meta({ description: 'Policy of every pod, as in a pod file.' }),
    training: z
      .strictObject({ kind: z.enum(['real', 'synthetic']) })
      .default({ kind: 'real' })
      .meta({ description: 'synthetic: seeded pseudo-updates instead of training, to measure everything else.' }),
    network: z
      .strictObject({ latency_ms: z.number().min(0).max(60_000).default(10) })
      .default({ latency_ms: 10 })
      .meta({ description: 'Simulated time of every message; memory only.' }),
    faults: faults.default([]),
    rates: rates.default({}),
    malicious: attackers.default([]),
    baselines: z
      .boolean()
      .default(true)
      .meta({ description: 'Also train on all rows in one place, and at each pod alone.' }),
    expect: expect.default({ status: 'complete' }),
    privacy: privacy.optional().meta({
      description: 'Attacks on what is seen of secure sums, with the model of the first secure variant; memory only.',
    }),
    variants: z
      .array(
        z.strictObject({
          name: text,
          task: taskPart.optional(),
          faults: faults.optional(),
          rates: rates.optional(),
          malicious: attackers.optional(),
          expect: expect.optional(),
        }),
      )
      .min(1)
      .max(100)
      .optional()
      .meta({ description: 'Runs that differ in these keys; task is merged, the others are replaced.' }),
  })
  .meta({ title: 'Konsil scenario' });

export type ScenarioFile = z.output<typeof scenarioFile>;
export type DataSettings = ScenarioFile['data'];
export type PartitionSettings = ScenarioFile['partition'];
export type FaultSettings = ScenarioFile['faults'][number];
export type Rates = ScenarioFile['rates'];
export type Malicious = ScenarioFile['malicious'][number];
export type Expectations = ScenarioFile['expect'];
export type PrivacySettings = z.output<typeof privacy>;
export type Phase = (typeof PHASES)[number];
export type FaultKind = (typeof FAULTS)[number];
