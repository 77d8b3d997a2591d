/**
 * From a task file with a `template` to one without: every reference is replaced by a value, before anything else is
 * looked at.
 * @module
 */
import { dirname } from 'node:path';
import { KonsilError } from '../../base/index.ts';
import { didYouMean } from '../../datasources/index.ts';
import { findPlaceholders } from '../configFile.ts';
import { failAt, openYaml, type Problem, valuesOf, type YamlFile } from '../yamlFile.ts';
import type { TemplateField } from './constraints.ts';
import { fieldsOf } from './fields.ts';
import { type Reference, referencesIn } from './references.ts';
import { sampleOf, valueFromData, valueFromTexts } from './values.ts';

/** Values that somebody gives for the inputs of a task. */
export interface TaskInputs {
  /** Texts by name, as of `--set name=text`; they go before those of `valuesFile`. */
  readonly texts?: ReadonlyMap<string, readonly string[]>;
  /** Where a relative file path in `texts` starts. */
  readonly folder: string;
  /** A YAML file of names and values; relative file paths in it start at its folder. */
  readonly valuesFile?: { readonly file: string; readonly text: string };
}

/** The inputs of an open task file, and where they are used. */
export interface Template {
  readonly fields: readonly TemplateField[];
  readonly references: readonly Reference[];
}

/** @throws KonsilError CONFIG_INVALID with everything that is wrong with the definitions and references. */
export function templateOf(yaml: YamlFile): Template {
  const loose = referencesIn(yaml.document, []);
  if (loose.problems.length > 0) failAt(yaml, loose.problems);
  const json = valuesOf(yaml) as { readonly template?: unknown } | null;
  const placeholders = findPlaceholders(json, []);
  if (placeholders.length > 0) failAt(yaml, placeholders);
  const { fields, problems } = fieldsOf(typeof json === 'object' ? json?.template : undefined);
  // a name whose definition is wrong is defined
  const names = Object.keys((json as { template?: object } | null)?.template ?? {});
  const found = referencesIn(yaml.document, names);
  const all = [...problems, ...found.problems, ...mismatches(fields, names, found.references)];
  if (all.length > 0) failAt(yaml, all);
  return { fields, references: found.references };
}

function mismatches(
  fields: readonly TemplateField[],
  names: readonly string[],
  references: readonly Reference[],
): Problem[] {
  const undefinedNames = references
    .filter(({ name }) => !names.includes(name))
    .map(({ name, path }) => ({
      path,
      message: `no input ${name} is defined; expected it below template${didYouMean(name, names)}`,
    }));
  const unused = fields
    .filter(({ name }) => !references.some((one) => one.name === name))
    .map(({ name }) => ({
      path: ['template', name],
      message: `is not used; write "{{ ${name} }}" where its value belongs, or remove it`,
      atKey: true,
    }));
  return [...undefinedNames, ...unused];
}

/**
 * Replaces the references of `yaml` by values, in place, and removes its template.
 * @throws KonsilError CONFIG_INVALID for a file that is wrong or an input without a value; USAGE for a wrong text.
 */
export function fillIn(yaml: YamlFile, inputs?: TaskInputs): YamlFile {
  const template = templateOf(yaml);
  const values = valuesFor(template.fields, yaml.file, inputs);
  const missing = template.references
    .filter(({ name }) => !values.has(name))
    .map(({ name, path }) => ({ path, message: missingMessage(template.fields.find((one) => one.name === name)!) }));
  if (missing.length > 0) failAt(yaml, missing);
  replaceAll(yaml, template, values);
  return yaml;
}

function missingMessage({ name, label, type }: TemplateField): string {
  const example = { boolean: 'true', number: '1', array: '[a, b]', schema_column_name_array: '[a, b]' } as const;
  const value = example[type as keyof typeof example] ?? '…';
  return `${name} (${label}) has no value; give one with --set '${name}=${value}' or in a file with --values, or a default in template.${name}`;
}

/** For checks of a task that nobody has given values yet: made-up ones. @returns The references that have one. */
export function fillInSamples(yaml: YamlFile): readonly Reference[] {
  const template = templateOf(yaml);
  const values = valuesFor(template.fields, yaml.file, undefined);
  const open = template.fields.filter(({ name }) => !values.has(name));
  const isOpen = new Set(open.map(({ name }) => name));
  for (const field of open) values.set(field.name, sampleOf(field));
  replaceAll(yaml, template, values);
  return template.references.filter(({ name }) => isOpen.has(name));
}

function replaceAll({ document }: YamlFile, { references }: Template, values: ReadonlyMap<string, unknown>): void {
  for (const { name, replace } of references) replace(document, values.get(name));
  if (document.contents !== null && document.has('template')) document.delete('template');
}

/** The value of each field that has one: of an option, of the file of values, or its default. */
function valuesFor(
  fields: readonly TemplateField[],
  file: string,
  { texts = new Map(), folder = '.', valuesFile }: Partial<TaskInputs> = {},
): Map<string, unknown> {
  const byName = new Map(fields.map((field) => [field.name, field]));
  const values = new Map<string, unknown>();
  for (const field of fields) if (field.default !== undefined) values.set(field.name, field.default);
  const unknownName = (name: string): string =>
    byName.size === 0
      ? `${file} takes no values; it has no template`
      : `${file} has no input ${name}; there are ${[...byName.keys()].join(', ')}${didYouMean(name, [...byName.keys()])}`;
  if (valuesFile) {
    const { file: name, text } = valuesFile;
    const yaml = openYaml(text, name);
    const given = valuesOf(yaml) ?? {};
    if (typeof given !== 'object' || Array.isArray(given))
      failAt(yaml, [{ path: [], message: 'expected a map from names of inputs to values' }]);
    const problems = Object.entries(given).flatMap(([key, data]): Problem[] => {
      const field = byName.get(key);
      if (field === undefined) return [{ path: [key], message: unknownName(key), atKey: true }];
      const read = valueFromData(field, data, dirname(name));
      if ('problem' in read) return [{ path: [key], message: read.problem }];
      values.set(key, read.value);
      return [];
    });
    if (problems.length > 0) failAt(yaml, problems);
  }
  const wrong = [...texts].flatMap(([name, given]) => {
    const field = byName.get(name);
    if (field === undefined) return [`--set ${name}: ${unknownName(name)}`];
    const read = valueFromTexts(field, given, folder);
    if ('problem' in read) return [`--set ${name}: ${read.problem}`];
    values.set(name, read.value);
    return [];
  });
  if (wrong.length > 0) throw new KonsilError('USAGE', wrong.join('\n'), { file });
  return values;
}

/** Fields for which `inputs` give no value and that have no default. @throws KonsilError as {@link fillIn}. */
export function fieldsWithoutValue(
  fields: readonly TemplateField[],
  file: string,
  inputs: TaskInputs,
): readonly TemplateField[] {
  const values = valuesFor(fields, file, inputs);
  return fields.filter(({ name }) => !values.has(name));
}
