/**
 * What an input of a task may be: the types, what each can be told, and how that is written.
 *
 * A constraint may stand beside `type` or below it (`type: {array: {minItems: 1}}`): the documentation does both.
 * @source spec/platform.md §7, K-03, K-04.
 * @module
 */
import { z } from 'zod';
import { linearPattern, messageOf } from '../../base/index.ts';
import { text } from '../keys.ts';

const pattern = z.string().superRefine((source, context) => {
  try {
    linearPattern(source);
  } catch (error) {
    context.addIssue({ code: 'custom', message: `not a pattern: ${messageOf(error)}` });
  }
});
const semantic = z.strictObject({
  semantic_type: z
    .enum(['categorical', 'continuous', 'image', 'text'])
    .meta({ description: 'Columns that may be chosen.' }),
});

/** What may be given with each type. */
export const CONSTRAINTS = {
  string: z.strictObject({
    pattern: pattern.optional().meta({ description: 'Regular expression; has a match in the text.' }),
  }),
  boolean: z.strictObject({}),
  number: z.strictObject({ minimum: z.number().optional() }),
  array: z.strictObject({
    items: z
      .strictObject({ type: z.literal('string', { error: 'lists are of text only; expected string' }) })
      .optional(),
    minItems: z.int().min(0).max(10_000).optional(),
  }),
  file_path: z.strictObject({
    extension: z
      .string()
      .regex(/^\.?\w+(?:\.\w+)*$/, 'expected an ending such as csv or .csv')
      .transform((ending) => ending.replace(/^\./, '').toLowerCase())
      .optional()
      .meta({ description: 'Ending of the file, with or without a dot.' }),
  }),
  model_slug: z.strictObject({
    provider: z.literal('huggingface', { error: 'the only provider is huggingface' }),
    library: text,
    pipeline_tag: text.optional(),
    author: text.optional(),
  }),
  schema_column_name: semantic,
  schema_column_name_array: semantic,
  task_filters: z.strictObject({}),
} as const;

export type FieldType = keyof typeof CONSTRAINTS;
export const FIELD_TYPES = Object.keys(CONSTRAINTS) as [FieldType, ...FieldType[]];

/** One input. */
export type TemplateField = {
  readonly [T in FieldType]: {
    readonly name: string;
    readonly type: T;
    readonly label: string;
    readonly tooltip?: string;
    /** Keeps to the constraints. */
    readonly default?: unknown;
    readonly constraints: z.output<(typeof CONSTRAINTS)[T]>;
  };
}[FieldType];

/** A name as it stands between the braces. */
export const FIELD_NAME = /^[A-Za-z_][\w-]*$/;

const everyConstraint = Object.assign(
  {},
  ...Object.values(CONSTRAINTS).map((schema) => schema.partial().shape as Record<string, z.ZodType>),
) as Record<string, z.ZodType>;

/** `template` of a task file as editors know it; what is checked is finer. */
export const templateFile = z
  .record(
    z.string().regex(FIELD_NAME),
    z.strictObject({
      label: text.meta({ description: 'What the input is called for people.' }),
      tooltip: text.optional().meta({ description: 'More about it.' }),
      type: z.union([
        z.enum(FIELD_TYPES),
        ...FIELD_TYPES.map((type) =>
          z.strictObject({ [type]: CONSTRAINTS[type].partial().extend({ default: z.json().optional() }).nullable() }),
        ),
      ]),
      default: z.json().optional().meta({ description: 'The value when none is given.' }),
      ...everyConstraint,
    }),
  )
  .meta({ description: 'Inputs of the task; "{{ name }}" in the task stands for the value.' });
