/**
 * JSON schemas of the task and pod files, for completion and checking in editors. `schema/` holds them; a test compares.
 * @module
 */
import { z } from 'zod';
import { analysisFile } from './analysis/file.ts';
import { podFile } from './podFile.ts';
import { taskFile } from './taskFile.ts';

/** File name in `schema/` to its text. */
export function jsonSchemas(): Readonly<Record<'task.schema.json' | 'pod.schema.json', string>> {
  return { 'task.schema.json': schemaText(z.union([taskFile, analysisFile])), 'pod.schema.json': schemaText(podFile) };
}

function schemaText(schema: z.ZodType): string {
  return `${JSON.stringify(z.toJSONSchema(schema, { io: 'input', target: 'draft-7', reused: 'ref' }), null, 2)}\n`;
}
