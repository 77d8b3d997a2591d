/**
 * YAML configuration read against a zod schema, with every problem reported at its line and column.
 *
 * A message is `file:line:column key.path: what is wrong and what is allowed`, one line a problem, all at once.
 * @module
 */

import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import { type ErrorCode, KonsilError } from '../base/index.ts';
import { didYouMean } from '../datasources/index.ts';
import { failAt, openYaml, type Path, type Problem, valuesOf, type YamlFile } from './yamlFile.ts';

export { dotted, type Path, type Problem } from './yamlFile.ts';

/** How {@link parseYaml} and {@link parseJson} validate: `check` runs only on what the schema accepted. */
export interface ConfigKind<S extends z.ZodType> {
  readonly schema: S;
  /** Rewrites the plain value in place before the schema sees it. @returns What is wrong; then nothing else is looked at. */
  readonly prepare?: (json: unknown) => readonly Problem[];
  readonly check: (value: z.output<S>) => Problem[];
  /** @default 'CONFIG_INVALID' */
  readonly code?: ErrorCode;
}

/** Validates YAML text, or a file that is open. @throws KonsilError CONFIG_INVALID that lists every problem with its position. */
export function parseYaml<S extends z.ZodType>(
  text: string | YamlFile,
  file: string,
  kind: ConfigKind<S>,
): z.output<S> {
  const yaml = typeof text === 'string' ? openYaml(text, file) : text;
  const checked = checkJson(valuesOf(yaml), kind);
  return 'problems' in checked ? failAt(yaml, checked.problems, kind.code) : checked.value;
}

/** Validates a plain JSON value, for what another party sent; messages name the key path only. */
export function parseJson<S extends z.ZodType>(json: unknown, label: string, kind: ConfigKind<S>): z.output<S> {
  const checked = checkJson(json, kind);
  return 'problems' in checked
    ? failAt({ file: label, placeOf: () => label }, checked.problems, kind.code)
    : checked.value;
}

/** The text of a configuration file. @throws KonsilError FILE_NOT_FOUND. */
export async function readConfigText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new KonsilError('FILE_NOT_FOUND', `cannot read ${file}; expected a YAML file`, { file }, { cause: error });
  }
}

/** @throws KonsilError FILE_NOT_FOUND when `path`, which `file` names as `key`, is no file. */
export async function requireFile(file: string, key: string, path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true)
    throw new KonsilError('FILE_NOT_FOUND', `${file}: ${key}: no file ${path}`, { file: path });
}

/** @throws KonsilError FILE_NOT_FOUND unless `path`, as `key` of `file` says, is a folder or a file. */
export async function requirePath(file: string, key: string, path: string): Promise<void> {
  if ((await stat(path).catch(() => undefined)) === undefined)
    throw new KonsilError('FILE_NOT_FOUND', `${file}: ${key}: no folder or file ${path}`, { file: path });
}

/** A path as written in a file of folder `folder`: `~` is the home folder, relative paths start at `folder`. */
export function resolvePath(folder: string, path: string): string {
  if (path === '~' || path.startsWith('~/')) return resolve(homedir(), path.slice(2));
  return isAbsolute(path) ? path : resolve(folder, path);
}

/** The value that `kind` makes of `json`, or everything that is wrong with it; keys without a value may be dropped. */
export function checkJson<S extends z.ZodType>(
  json: unknown,
  kind: ConfigKind<S>,
): { readonly value: z.output<S> } | { readonly problems: readonly Problem[] } {
  const placeholders = findPlaceholders(json, []);
  if (placeholders.length > 0) return { problems: placeholders };
  const unprepared = kind.prepare?.(json) ?? [];
  if (unprepared.length > 0) return { problems: unprepared };
  const first = kind.schema.safeParse(json, { error: describe });
  // a key without a value (`weights:`) counts as not given, wherever the schema lets it be left out
  const parsed =
    !first.success && dropNulls(json, first.error.issues) ? kind.schema.safeParse(json, { error: describe }) : first;
  if (!parsed.success) return { problems: parsed.error.issues.flatMap((issue) => problemsOf(issue, [])) };
  const problems = kind.check(parsed.data);
  return problems.length > 0 ? { problems } : { value: parsed.data };
}

/** The documentation writes `arguments: { ... }`, which YAML reads as a map with the key "...". */
export function findPlaceholders(value: unknown, path: PropertyKey[]): Problem[] {
  if (typeof value !== 'object' || value === null) return [];
  const isPlaceholder = Array.isArray(value) ? value.includes('...') : Object.hasOwn(value, '...');
  if (isPlaceholder)
    return [
      { path, message: '"..." is a placeholder of the documentation; write the settings here or remove the key' },
    ];
  return Object.entries(value).flatMap(([key, inner]) =>
    findPlaceholders(inner, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}

/** Removes null values that the schema complained of; whether there were any. */
function dropNulls(json: unknown, issues: readonly z.core.$ZodIssue[], prefix: Path = []): boolean {
  let dropped = false;
  for (const issue of issues) {
    const path = [...prefix, ...issue.path];
    if (issue.code === 'invalid_union')
      for (const inner of issue.errors) dropped = dropNulls(json, inner, path) || dropped;
    const key = path.at(-1);
    const parent = valueAt(json, path.slice(0, -1));
    if (key === undefined || typeof parent !== 'object' || parent === null || Array.isArray(parent)) continue;
    if ((parent as Record<PropertyKey, unknown>)[key] !== null) continue;
    if (issue.code === 'unrecognized_keys') continue;
    delete (parent as Record<PropertyKey, unknown>)[key];
    dropped = true;
  }
  return dropped;
}

function valueAt(json: unknown, path: Path): unknown {
  let value = json;
  for (const key of path)
    value = typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined;
  return value;
}

/** A zod issue as problems: one for each unknown key, and of a union the branch that has the value's kind. */
function problemsOf(issue: z.core.$ZodIssue, prefix: Path): Problem[] {
  const path = [...prefix, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [...path, key],
      message: `unknown key${didYouMean(key, issue.message.split(', '))}; allowed: ${issue.message}`.replace(
        '?; ',
        '? ',
      ),
      atKey: true,
    }));
  }
  if (issue.code === 'invalid_union' && issue.errors.length === 0) return [{ path, message: issue.message }];
  if (issue.code === 'invalid_union') {
    const fits = issue.errors.find(
      (branch) => !branch.some((inner) => inner.path.length === 0 && inner.code === 'invalid_type'),
    );
    if (fits !== undefined) return fits.flatMap((inner) => problemsOf(inner, path));
    const wanted = issue.errors.flatMap((branch) =>
      branch.flatMap((inner) => (inner.code === 'invalid_type' ? [word(inner.expected)] : [])),
    );
    return [{ path, message: `expected ${[...new Set(wanted)].join(' or ')}` }];
  }
  return [{ path, message: issue.message }];
}

const WORDS: Readonly<Record<string, string>> = {
  object: 'a map',
  record: 'a map',
  array: 'a list',
  string: 'text',
  boolean: 'true or false',
  number: 'a number',
  int: 'a whole number',
};

function word(expected: string): string {
  return WORDS[expected] ?? expected;
}

function shown(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : JSON.stringify(value);
}

/** The message of one zod issue: what is allowed, what was found. */
function describe(issue: z.core.$ZodRawIssue): string | undefined {
  const { input } = issue;
  const isMissing = input === undefined;
  switch (issue.code) {
    case 'invalid_type': {
      const expected = issue.format === 'safeint' ? WORDS['int']! : word(issue.expected);
      return isMissing ? `is required; expected ${expected}` : `expected ${expected}, got ${shown(input)}`;
    }
    case 'invalid_value': {
      const allowed = issue.values.map(String);
      const hint = typeof input === 'string' ? didYouMean(input, allowed) : '';
      return `${isMissing ? 'is required; ' : ''}expected ${allowed.length > 1 ? 'one of ' : ''}${allowed.join(', ')}${isMissing ? '' : `, got ${shown(input)}`}${hint}`;
    }
    case 'too_small':
      return `expected ${sizeOf(issue.origin)}${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${got(issue.origin, input)}`;
    case 'too_big':
      return `expected ${sizeOf(issue.origin)}${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${got(issue.origin, input)}`;
    case 'unrecognized_keys': {
      const shape = issue.inst instanceof z.ZodObject ? (issue.inst.shape as Record<string, z.ZodType>) : {};
      return Object.keys(shape)
        .filter((key) => !isRefused(shape[key]!))
        .join(', ');
    }
    default:
      return undefined;
  }
}

function isRefused(schema: z.ZodType): boolean {
  return schema instanceof z.ZodOptional && schema.unwrap() instanceof z.ZodNever;
}

function sizeOf(origin: string): string {
  return origin === 'array' ? 'a list with ' : origin === 'string' ? 'text with a length of ' : '';
}

function got(origin: string, input: unknown): string {
  if (Array.isArray(input)) return `, got ${input.length}`;
  return origin === 'string' && typeof input === 'string' ? `, got ${input.length}` : `, got ${shown(input)}`;
}
