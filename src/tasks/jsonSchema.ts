/**
 * JSON schemas of the files that people write, for completion and checking in editors, and of those they read.
 * `schema/` holds them; a test compares.
 * @module
 */
import { z } from 'zod';
import { analysisFile } from './analysis/file.ts';
import { inferenceFile } from './inference/file.ts';
import { FILLED_IN, FROM_STATISTICS } from './keys.ts';
import { podFile } from './podFile.ts';
import { taskFile } from './taskFile.ts';
import { templateFile } from './template/constraints.ts';
import { taskForm } from './template/form.ts';

type SchemaName = 'task.schema.json' | 'pod.schema.json' | 'task-form.schema.json';

/** File name in `schema/` to its text. */
export function jsonSchemas(): Readonly<Record<SchemaName, string>> {
  const template = templateFile.optional();
  // a file's template is filled in before the rest of it is validated, so the schemas that validate have none
  const files = [taskFile, analysisFile, inferenceFile].map((file) =>
    file.extend({ template }).meta({ ...file.meta() }),
  );
  return {
    'task.schema.json': schemaText(z.union(files), { override: orReference, definitions: { reference: REFERENCE } }),
    'pod.schema.json': schemaText(podFile, { override }),
    'task-form.schema.json': schemaText(taskForm, { override }),
  };
}

type Overridden = { readonly jsonSchema: z.core.JSONSchema.BaseSchema };
interface Options {
  readonly override: (schema: Overridden) => void;
  readonly definitions?: object;
}

function schemaText(schema: z.ZodType, { override, definitions }: Options): string {
  const json = z.toJSONSchema(schema, { io: 'input', target: 'draft-7', reused: 'ref', override });
  const all =
    definitions === undefined ? json : { ...json, definitions: { ...definitions, ...(json.definitions as object) } };
  return `${JSON.stringify(all, null, 2)}\n`;
}

const REFERENCE = {
  description: 'A reference to an input of the template.',
  type: 'string',
  pattern: '^\\s*\\{\\{\\s*[A-Za-z_][\\w-]*\\s*\\}\\}\\s*$',
};
/** What a reference, which is plain text, would not be accepted by. */
function refusesText({ type, enum: allowed, const: only, pattern }: z.core.JSONSchema.BaseSchema): boolean {
  const types: readonly unknown[] = ['number', 'integer', 'boolean', 'array'];
  return types.includes(type) || [allowed, only, pattern].some((one) => one !== undefined);
}

/** What is filled in before a file is validated is not in the schema that validates it. */
function override({ jsonSchema }: Overridden): void {
  if (jsonSchema[FILLED_IN] === true) orElse(jsonSchema, { const: FROM_STATISTICS });
}

function orReference(schema: Overridden): void {
  const needsOne = refusesText(schema.jsonSchema);
  override(schema);
  if (needsOne) orElse(schema.jsonSchema, { $ref: '#/definitions/reference' });
}

/** Lets `jsonSchema` accept something else too. */
function orElse(jsonSchema: z.core.JSONSchema.BaseSchema, other: z.core.JSONSchema.BaseSchema): void {
  const { [FILLED_IN]: _, ...validated } = jsonSchema;
  for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
  jsonSchema.anyOf = [validated, other];
}
