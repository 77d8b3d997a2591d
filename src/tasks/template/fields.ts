/**
 * Reads the inputs that the `template` of a task file defines.
 * @module
 */
import { z } from 'zod';
import { didYouMean } from '../../datasources/index.ts';
import { checkJson } from '../configFile.ts';
import { text } from '../keys.ts';
import type { Path, Problem } from '../yamlFile.ts';
import { CONSTRAINTS, FIELD_NAME, FIELD_TYPES, type FieldType, type TemplateField } from './constraints.ts';
import { problemWith } from './values.ts';

type Json = Record<string, unknown>;
const isMap = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The inputs that `template` of a task file defines, in its order, or what is wrong with it. */
export function fieldsOf(template: unknown): {
  readonly fields: readonly TemplateField[];
  readonly problems: readonly Problem[];
} {
  const fields: TemplateField[] = [];
  const problems: Problem[] = [];
  if (template === undefined || template === null) return { fields, problems };
  if (!isMap(template))
    return { fields, problems: [{ path: ['template'], message: 'expected a map from names to inputs' }] };
  for (const [name, definition] of Object.entries(template)) {
    const read = fieldOf(name, definition);
    if ('problems' in read)
      problems.push(...read.problems.map((problem) => ({ ...problem, path: ['template', name, ...problem.path] })));
    else fields.push(read.field);
  }
  return { fields, problems };
}

type Read = { readonly field: TemplateField } | { readonly problems: readonly Problem[] };
const wrong = (path: Path, message: string, atKey = false): Read => ({ problems: [{ path, message, atKey }] });

function fieldOf(name: string, definition: unknown): Read {
  if (!FIELD_NAME.test(name))
    return wrong([], 'a name has letters, digits, "_" and "-", and begins with a letter', true);
  if (!isMap(definition)) return wrong([], 'expected a map with label and type');
  const { type: written, ...beside } = definition;
  const [type, below] = isMap(written) ? (Object.entries(written)[0] ?? ['', {}]) : [written, {}];
  const known = FIELD_TYPES.find((one) => one === type);
  if (isMap(written) && Object.keys(written).length !== 1)
    return wrong(['type'], `expected one type, got ${Object.keys(written).length}`);
  if (known === undefined) {
    const list = `expected one of ${FIELD_TYPES.join(', ')}`;
    if (typeof type !== 'string') return wrong(['type'], type === undefined ? `is required; ${list}` : list);
    return wrong(
      ['type'],
      `unknown type ${JSON.stringify(type.slice(0, 60))}; ${list}${didYouMean(type, FIELD_TYPES)}`,
    );
  }
  const inner = isMap(below) ? below : {};
  if (below !== null && !isMap(below)) return wrong(['type', known], 'expected a map of constraints');
  const twice = Object.keys(inner).find((key) => Object.hasOwn(beside, key));
  if (twice !== undefined) return wrong(['type', known, twice], `already given beside type; keep one of the two`, true);
  return checked(name, known, beside, inner);
}

/** @param below - What stands below the type; its places are there. */
function checked(name: string, type: FieldType, beside: Json, below: Json): Read {
  const schema = z.strictObject({
    label: text,
    tooltip: text.optional(),
    default: z.unknown().optional(),
    ...CONSTRAINTS[type].shape,
  });
  const read = checkJson({ ...beside, ...below }, { schema, check: () => [] });
  const placed = (path: Path): Path =>
    path[0] !== undefined && Object.hasOwn(below, path[0]) ? ['type', type, ...path] : path;
  if ('problems' in read) return { problems: read.problems.map((one) => ({ ...one, path: placed(one.path) })) };
  const { label, tooltip, default: value, ...constraints } = read.value as Json;
  const field = { name, type, label, ...(tooltip !== undefined && { tooltip }), constraints } as TemplateField;
  if (value === undefined || value === null) return { field };
  const problem = problemWith(field, value);
  if (problem !== undefined) return wrong(placed(['default']), problem);
  return { field: { ...field, default: value } };
}
