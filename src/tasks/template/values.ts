/**
 * Values of a task's inputs: what fits a definition, and what the text of an option means for it.
 * @module
 */
import { extname, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { linearPattern } from '../../base/index.ts';
import { checkJson, resolvePath } from '../configFile.ts';
import { filter } from '../dataStructure/filters.ts';
import { dotted } from '../yamlFile.ts';
import type { TemplateField } from './constraints.ts';

const line = z.string().min(1).max(20_000);
const columns = z.array(z.string().min(1).max(1_000)).max(100_000);

/** The schema of a field's values. */
function schemaOf(field: TemplateField): z.ZodType {
  switch (field.type) {
    case 'string': {
      const { pattern } = field.constraints;
      if (pattern === undefined) return line;
      const { test } = linearPattern(pattern);
      return line.refine(test, { error: ({ input }) => `expected text that matches ${pattern}, got ${shown(input)}` });
    }
    case 'boolean':
      return z.boolean();
    case 'number':
      return z.number().min(field.constraints.minimum ?? -Infinity);
    case 'array':
      return z.array(z.string()).min(field.constraints.minItems ?? 0);
    case 'file_path': {
      const { extension } = field.constraints;
      const fits = (path: string): boolean => extension === undefined || path.toLowerCase().endsWith(`.${extension}`);
      return line.refine(fits, {
        error: ({ input }) =>
          `expected a file that ends in .${extension}, got ${shown(extname(String(input)) || input)}`,
      });
    }
    case 'model_slug': {
      const { author } = field.constraints;
      return line
        .regex(/^[\w.-]+(?:\/[\w.-]+)?$/, 'expected the id of a model, author/name')
        .refine((slug) => author === undefined || slug.startsWith(`${author}/`), {
          error: `expected a model of ${author}, ${author}/…`,
        });
    }
    case 'schema_column_name':
      return line;
    case 'schema_column_name_array':
      return columns.min(1);
    case 'task_filters':
      return z.array(filter).max(100);
  }
}

const shown = (value: unknown): string => JSON.stringify(String(value).slice(0, 60));

/** What keeps `value` from being one of `field`, or nothing. */
export function problemWith(field: TemplateField, value: unknown): string | undefined {
  const checked = checkJson(structuredClone(value), { schema: schemaOf(field), check: () => [] });
  if ('value' in checked) return undefined;
  const { path, message } = checked.problems[0]!;
  return path.length === 0 ? message : `${dotted(path)}: ${message}`;
}

export type ReadValue = { readonly value: unknown } | { readonly problem: string };

/** The value that is given as plain data. @param folder - Where a relative file path starts. */
export function valueFromData(field: TemplateField, data: unknown, folder: string): ReadValue {
  const problem = problemWith(field, data);
  if (problem !== undefined) return { problem };
  return { value: field.type === 'file_path' ? resolvePath(folder, String(data)) : data };
}

/**
 * The value that one or more texts stand for, as its field's type has it: a list is one text in brackets
 * (`[a, b]`), or one text an item.
 */
export function valueFromTexts(field: TemplateField, texts: readonly string[], folder: string): ReadValue {
  const isList = field.type === 'array' || field.type === 'schema_column_name_array';
  const [first = ''] = texts;
  if (texts.length > 1 && !isList) return { problem: `is given ${texts.length} times; expected one value` };
  if (isList) {
    const flow = texts.length === 1 && first.trimStart().startsWith('[') ? flowOf(first, 'failsafe') : { value: texts };
    return 'problem' in flow ? flow : valueFromData(field, flow.value, folder);
  }
  switch (field.type) {
    case 'boolean':
      return first === 'true' || first === 'false'
        ? { value: first === 'true' }
        : { problem: `expected true or false, got ${shown(first)}` };
    case 'number': {
      const isNumber = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(first.trim());
      return isNumber
        ? valueFromData(field, Number(first), folder)
        : { problem: `expected a number, got ${shown(first)}` };
    }
    case 'task_filters': {
      const flow = flowOf(first, 'core');
      return 'problem' in flow ? flow : valueFromData(field, flow.value, folder);
    }
    default:
      return valueFromData(field, first, folder);
  }
}

/** @param schema - failsafe: all scalars are text. */
function flowOf(text: string, schema: 'failsafe' | 'core'): ReadValue {
  const document = parseDocument(text, { schema, prettyErrors: false, logLevel: 'error' });
  if (document.errors.length > 0) return { problem: `expected a list such as [a, b], got ${shown(text)}` };
  return { value: document.toJS({ maxAliasCount: 0 }) };
}

/** A value that fits most places: for checking a task whose values nobody has given yet. */
export function sampleOf(field: TemplateField): unknown {
  switch (field.type) {
    case 'boolean':
      return false;
    case 'number':
      return field.constraints.minimum ?? 1;
    case 'array':
      return Array.from({ length: Math.max(1, field.constraints.minItems ?? 1) }, (_, i) => `sample_${i}`);
    case 'file_path':
      return resolve(`sample.${field.constraints.extension ?? 'file'}`);
    case 'model_slug':
      return `${field.constraints.author ?? 'sample'}/sample`;
    case 'schema_column_name_array':
      return ['sample'];
    case 'task_filters':
      return [];
    default:
      return 'sample';
  }
}
