/**
 * JSON schemas of the task and pod files, for completion and checking in editors. `schema/` holds them; a test compares.
 * @module
 */
import { z } from 'zod';
import { analysisFile } from './analysis/file.ts';
import { inferenceFile } from './inference/file.ts';
import { FILLED_IN, FROM_STATISTICS } from './keys.ts';
import { podFile } from './podFile.ts';
import { taskFile } from './taskFile.ts';

/** File name in `schema/` to its text. */
export function jsonSchemas(): Readonly<Record<'task.schema.json' | 'pod.schema.json', string>> {
  return {
    'task.schema.json': schemaText(z.union([taskFile, analysisFile, inferenceFile])),
    'pod.schema.json': schemaText(podFile),
  };
}

function schemaText(schema: z.ZodType): string {
  const json = z.toJSONSchema(schema, { io: 'input', target: 'draft-7', reused: 'ref', override });
  return `${JSON.stringify(json, null, 2)}\n`;
}

/** What is filled in before a file is validated is not in the schema that validates it. */
function override({ jsonSchema }: { readonly jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema[FILLED_IN] !== true) return;
  const { [FILLED_IN]: _, ...validated } = jsonSchema;
  for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
  jsonSchema.anyOf = [validated, { const: FROM_STATISTICS }];
}
