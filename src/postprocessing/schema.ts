/**
 * `postprocessors` of an algorithm: every type, both spellings of its arguments, made one.
 * @source spec/platform.md §4.8, K-12, K-13.
 * @module
 */
import { z } from 'zod';
import { linearPattern, messageOf } from '../base/index.ts';
import { TRANSFORM_NAMES, type Transformation } from './transforms.ts';

/** Most steps, those inside of compound ones too, and how deep these may be nested. */
const MOST_STEPS = 100;
const MOST_NESTING = 5;

const name = z.string().min(1).max(1_000);
const names = z.array(name).min(1).max(10_000);
const field = z
  .string()
  .max(500)
  .regex(/^[^.]+(?:\.[^.]+){0,50}$/, 'expected keys with dots between them, such as output.label');
const pattern = z.string().superRefine((source, context) => {
  try {
    linearPattern(source);
  } catch (error) {
    context.addIssue({ code: 'custom', message: `not a pattern: ${messageOf(error)}` });
  }
});
const patterns = z
  .union([pattern, z.array(pattern).min(1).max(100)])
  .transform((given) => (typeof given === 'string' ? [given] : given))
  .meta({ description: 'Regular expressions; a column is meant when one has a match in its name.' });

const mapping = z.record(name, name).refine((given) => Object.keys(given).length > 0, { error: 'is empty' });
const rename = z
  .strictObject({
    type: z.literal('rename'),
    column_mapping: mapping.optional().meta({ description: 'Column to its new name.' }),
    mapping: mapping.optional().meta({ description: 'Same as column_mapping.' }),
    columns: names.optional().meta({ description: 'The columns of the mapping; may be left out.' }),
  })
  .transform(({ type, column_mapping, mapping: other, columns }, context) => {
    const given = column_mapping ?? other;
    const wrong = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message });
    if (given === undefined) wrong('column_mapping', 'is required; expected a map from columns to new names');
    else if (column_mapping !== undefined && other !== undefined)
      wrong('mapping', 'already given as column_mapping; keep one of the two');
    const keys = Object.keys(given ?? {});
    const differs =
      columns?.find((column) => !keys.includes(column)) ?? keys.find((key) => columns?.includes(key) === false);
    if (differs !== undefined) wrong('columns', `and mapping differ in ${differs}`);
    return { type, column_mapping: given ?? {} };
  });

const transformName = z.enum(TRANSFORM_NAMES);
const round = z.strictObject({
  round: z.strictObject({ decimals: z.int().min(0).max(15).default(0) }).nullable(),
});
const transformation = z.union([z.enum([...TRANSFORM_NAMES, 'round']), round]);
const transform = z
  .strictObject({
    type: z.literal('transform'),
    columns: names.meta({ description: 'Columns of numbers, or of lists of numbers.' }),
    transform: transformation.optional().meta({ description: 'One transformation.' }),
    transformations: z.array(transformation).min(1).max(20).optional().meta({ description: 'Several, in order.' }),
  })
  .transform(({ type, columns, transform: one, transformations: several }, context) => {
    const wrong = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message });
    if (one === undefined && several === undefined)
      wrong('transform', `is required; expected one of ${[...TRANSFORM_NAMES, 'round'].join(', ')}`);
    if (one !== undefined && several !== undefined)
      wrong('transformations', 'already given as transform; keep one of the two');
    return { type, columns, transformations: several ?? (one === undefined ? [] : [one]) };
  });

const stringToJson = z.strictObject({ type: z.literal('string_to_json'), column_patterns: patterns });
const wrapInList = z.strictObject({ type: z.literal('json_wrap_in_list'), column_patterns: patterns });
const restructure = z.strictObject({
  type: z.literal('json_restructure'),
  column_patterns: patterns,
  field_mappings: z
    .array(z.strictObject({ source_path: field, target_path: field }))
    .min(1)
    .max(1_000)
    .meta({ description: 'From where to where fields move; paths are keys with dots.' }),
  keep_original: z.boolean().default(false).meta({ description: 'Copy, and do not move. Default false.' }),
});
const keyRename = z.strictObject({
  type: z.literal('json_key_rename'),
  column_patterns: patterns,
  key_mappings: z
    .array(z.strictObject({ source_key: name, target_key: name }))
    .min(1)
    .max(1_000)
    .refine((list) => new Set(list.map((one) => one.source_key)).size === list.length, {
      error: 'a source_key is given twice',
    }),
  recursive: z.boolean().default(true).meta({ description: 'Keys inside of values too. Default true.' }),
});

const NO_DOWNLOAD =
  'nothing is downloaded; put the model’s config.json beside the task, name it in filepath, and remove model_id';
const applyLabels = z
  .strictObject({
    type: z.literal('huggingface_apply_id_to_labels'),
    model_id: z
      .never({ error: NO_DOWNLOAD })
      .optional()
      .meta({ description: `Refused: ${NO_DOWNLOAD}` }),
    filepath: name.optional().meta({ description: 'JSON file with the labels, relative to the task file.' }),
    key: field.optional().meta({ description: 'Where in the file they are. Default id2label.' }),
    labels: z
      .record(z.string().regex(/^\d+$/, 'expected an id'), z.string().max(1_000))
      .optional()
      .meta({ description: 'Id to label, instead of a file; sites get this.' }),
    columns: names.optional().meta({ description: 'Default: columns in which everything is an id.' }),
  })
  .superRefine(({ filepath, labels, key }, context) => {
    const wrong = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message });
    if (filepath === undefined && labels === undefined)
      wrong('filepath', 'is required; expected a JSON file with the labels');
    if (filepath !== undefined && labels !== undefined) wrong('labels', 'already in filepath; keep one of the two');
    if (labels !== undefined && key !== undefined) wrong('key', 'only with filepath');
  });

type Step =
  | z.output<typeof rename>
  | z.output<typeof transform>
  | z.output<typeof stringToJson>
  | z.output<typeof wrapInList>
  | z.output<typeof restructure>
  | z.output<typeof keyRename>
  | z.output<typeof applyLabels>;
/** One step, in the one spelling; accepted again as it is. */
export type Postprocessor =
  | Step
  | {
      readonly type: 'compound';
      readonly name?: string | undefined;
      readonly postprocessing_sequence: readonly Postprocessor[];
    };

const PRESETS: readonly string[] = ['pathology_to_segmentation', 'retinal_layers_to_segmentation'];
const noPreset = (preset: string): string =>
  `the preset ${preset} is not supported: what its output looks like is not documented; write its steps in postprocessing_sequence`;

const compound = z
  .strictObject({
    type: z.literal('compound'),
    name: name.optional().meta({ description: 'For people.' }),
    postprocessing_sequence: z
      .lazy((): z.ZodType<Postprocessor[]> => list)
      .optional()
      .meta({ description: 'Steps in order.' }),
  })
  .transform(({ type, name: called, postprocessing_sequence: steps }, context) => {
    if (steps === undefined) {
      const isPreset = called !== undefined && PRESETS.includes(called);
      const message = isPreset ? noPreset(called) : 'is required; expected a list of steps';
      context.addIssue({ code: 'custom', path: [isPreset ? 'name' : 'postprocessing_sequence'], message });
    }
    return { type, ...(called !== undefined && { name: called }), postprocessing_sequence: steps ?? [] };
  });

const options = [
  ...[rename, transform, restructure, stringToJson, keyRename, wrapInList, compound, applyLabels],
] as const;
const TYPES = [
  ...['rename', 'transform', 'json_restructure', 'string_to_json', 'json_key_rename', 'json_wrap_in_list'],
  ...['compound', 'huggingface_apply_id_to_labels'],
];
/** Types that the documentation knows, and why they are refused. */
const REFUSED: Readonly<Record<string, string>> = {
  ner_deidentification: 'ner_deidentification needs the entities that a language model finds; no such model runs here',
};

function typeProblem(input: unknown): string {
  const type = (input as { readonly type?: unknown } | null)?.type;
  const expected = `expected one of ${TYPES.join(', ')}`;
  if (typeof type !== 'string') return type === undefined ? `is required; ${expected}` : expected;
  if (Object.hasOwn(REFUSED, type)) return REFUSED[type]!;
  if (PRESETS.includes(type)) return noPreset(type);
  return `unknown postprocessor ${JSON.stringify(type.slice(0, 100))}; ${expected}`;
}

const step = z.discriminatedUnion('type', options as unknown as [typeof rename, typeof compound], {
  error: ({ input, code }) => (code === 'invalid_union' ? typeProblem(input) : undefined),
}) as unknown as z.ZodType<Postprocessor>;
const list: z.ZodType<Postprocessor[]> = z.array(step).max(MOST_STEPS);

/** The list of an algorithm's arguments. What it gives is accepted by it again. */
export const postprocessors: z.ZodType<readonly Postprocessor[]> = list
  .superRefine((steps, context) => {
    const { count, depth } = sizeOf(steps);
    if (count > MOST_STEPS)
      context.addIssue({ code: 'custom', message: `expected at most ${MOST_STEPS} steps in all` });
    if (depth > MOST_NESTING)
      context.addIssue({ code: 'custom', message: `compound steps are nested deeper than ${MOST_NESTING}` });
  })
  .meta({ description: 'What becomes of the predictions, step after step.' });

function sizeOf(steps: readonly Postprocessor[]): { readonly count: number; readonly depth: number } {
  const inner = steps.map((one) =>
    one.type === 'compound' ? sizeOf(one.postprocessing_sequence) : { count: 0, depth: 0 },
  );
  return {
    count: steps.length + inner.reduce((total, { count }) => total + count, 0),
    depth: 1 + inner.reduce((most, { depth }) => Math.max(most, depth), 0),
  };
}

/** A transformation of a step, whichever way it was written. */
export function transformationOf(written: z.output<typeof transformation>): Transformation {
  if (typeof written === 'object') return { name: 'round', decimals: written.round?.decimals ?? 0 };
  return written === 'round' ? { name: 'round', decimals: 0 } : { name: transformName.parse(written) };
}
