/**
 * The record of an evaluation, evaluation.json: everything it found, for the report, the tables and machines. These
 * schemas are its one truth: its types (`record.ts`), its JSON schema and its checks come from here.
 * @module
 */
import { z } from 'zod';
import { Group, Kind, Meta, WithheldGroup } from '../../metrics/index.ts';

const bytes = z.int().min(0);
const count = z.int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hex digits');

const Model = z
  .strictObject({
    name: z.string().describe('short and unique in the record: shown in tables'),
    reference: z.string().describe('as the task refers to it'),
    kind: z.enum(['onnx', 'tfjs']),
    bytes,
    sha256: sha256.describe('of the bytes that sites got, in hex'),
    trainedAt: z
      .string()
      .exactOptional()
      .describe(
        'hospital on whose rows alone it was trained; each: stands for what every hospital has trained, bytes and hash are of the model they began with',
      ),
  })
  .describe('A model under evaluation');

const Policy = z
  .strictObject({
    results: z
      .enum(['pooled', 'summed', 'site'])
      .describe('pooled: only in sums where no site gives its own; summed: only in sums; site: its own figures too'),
    minimumRows: count.describe('fewer rows than this are not shown'),
    minimumClassRows: count.describe('fewer rows of a class than this are not shown'),
  })
  .describe("What a site's policy allowed");

const Pod = z
  .strictObject({
    name: z.string(),
    dataset: z.string(),
    fingerprint: z.string(),
    state: z.enum(['finished', 'rejected', 'lost', 'left']),
    reason: z.string().exactOptional(),
    sentBytes: bytes.describe('over the broker'),
    receivedBytes: bytes.describe('over the broker'),
    policy: Policy.exactOptional(),
  })
  .describe('One pod that was asked');

const Data = z
  .strictObject({
    site: z.string(),
    splits: z
      .strictObject({ train: count, validation: count, test: count })
      .exactOptional()
      .describe('rows of each split'),
    missingTarget: count
      .nullable()
      .exactOptional()
      .describe('rows left out for lack of a target; null: too few to show'),
    missing: z
      .record(z.string(), count.nullable())
      .exactOptional()
      .describe('rows without a value, by column; columns without any are not listed; null: too few to show'),
  })
  .describe("A site's rows as it describes them; absent or null where a guard keeps them");

const figures = {
  pooled: z.union([Group, WithheldGroup, z.null()]).describe('all sites in one; null when there is none'),
  sites: z.array(z.strictObject({ site: z.string(), found: z.union([Group, WithheldGroup]) })),
};

const Split = z
  .strictObject({
    column: z.string(),
    groups: z.array(z.strictObject({ ...figures, value: z.string().describe('a category, or a range of numbers') })),
  })
  .describe('Figures of the parts of the rows that a column makes');

const Found = z
  .strictObject({
    ...figures,
    model: z.string().describe('name of one of `models`'),
    subgroups: z.array(Split),
    metaAnalyses: z.array(Meta).describe('metrics of two or more sites'),
    exact: z
      .strictObject({
        pooled: z
          .boolean()
          .describe('whether the pooled figures of all rows are computed from these scores, not from bins'),
        sites: z
          .array(z.string())
          .describe('that gave the score and label of each row; signed answers have the SHA-256'),
      })
      .exactOptional()
      .describe('of a task that asked for scores of single rows'),
  })
  .describe('What was found of one model');

const Answer = z
  .strictObject({
    pod: z.string(),
    identity: z.string().describe("the pod's public identity, as in peer files"),
    model: z.int().min(0).describe('index in `models`'),
    statement: z.string().describe('what was signed, as text'),
    signature: z.string().describe('over the statement, in base64'),
    answer: z
      .string()
      .exactOptional()
      .describe('the very text whose hash the statement has; absent when the answer went into a sum only'),
  })
  .describe("A pod's signature over what it answered; `konsil verify report` checks it");

/** The whole record. */
export const EvaluationRecord = z
  .strictObject({
    format: z.literal('konsil-evaluation-v1'),
    run: z.string(),
    title: z.string(),
    status: z.enum(['complete', 'aborted']),
    reason: z.string().exactOptional(),
    startedAt: z.string().describe('ISO 8601'),
    seconds: z.number().min(0),
    mode: z
      .enum(['secure', 'plain', 'separate'])
      .describe("secure: sums under masks; plain: sums in the open; separate: each site's own figures, no sum"),
    problem: z.strictObject({
      kind: Kind,
      target: z.string(),
      classes: z.array(z.string()),
      split: z.enum(['train', 'validation', 'test', 'all']).describe('rows that were evaluated on'),
    }),
    models: z.array(Model),
    taskSha256: sha256.describe('of the task as sites got it'),
    cohort: z.array(Pod),
    data: z.array(Data),
    findings: z.array(Found).describe('one a model, in the order of `models`; none when the run ended before'),
    answers: z.array(Answer),
    whatLeft: z.array(
      z.strictObject({ what: z.string(), to: z.string(), bytes: z.number().min(0), visibleTo: z.string() }),
    ),
    machine: z.strictObject({ cores: count, node: z.string(), platform: z.string() }),
    konsil: z.string(),
  })
  .superRefine(({ models, findings, answers }, context) => {
    const names = models.map(({ name }) => name);
    if (new Set(names).size < names.length)
      context.addIssue({ code: 'custom', path: ['models'], message: 'names of models are unique' });
    findings.forEach(({ model }, i) => {
      if (model !== names[i])
        context.addIssue({ code: 'custom', path: ['findings', i, 'model'], message: `is not that of models[${i}]` });
    });
    answers.forEach(({ model }, i) => {
      if (model >= models.length)
        context.addIssue({ code: 'custom', path: ['answers', i, 'model'], message: 'is no index of models' });
    });
  });

/** Text of `schema/evaluation.schema.json`, which a test compares. */
export function evaluationJsonSchema(): string {
  return `${JSON.stringify(z.toJSONSchema(EvaluationRecord, { target: 'draft-7', reused: 'ref' }), null, 2)}\n`;
}
