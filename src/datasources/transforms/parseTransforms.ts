/**
 * Reads the list of transforms of a task: names, or `{Name: {argument: value}}`.
 * @module
 */
import { z } from 'zod';
import { KonsilError } from '../../base/index.ts';
import { didYouMean } from '../suggest.ts';
import { TO_TENSOR, TRANSFORMS } from './catalogue.ts';
import type { Step, TransformKind } from './definition.ts';

/** Transforms with their arguments checked, in order. It holds functions: every thread parses the list for itself. */
export interface TransformPipeline {
  readonly steps: readonly Step[];
}

/** A transform as a task writes it. */
export type TransformEntry = string | Readonly<Record<string, Readonly<Record<string, unknown>> | null>>;

/** What is done when a task names nothing: what networks trained on ImageNet expect. */
export const DEFAULT_TRANSFORMS: readonly TransformEntry[] = [
  { Resize: { height: 224, width: 224 } },
  'Normalize',
  TO_TENSOR,
];

/** Most transforms of one list, and lists within lists. */
const MAX_STEPS = 100;
const MAX_DEPTH = 6;

function invalid(where: string, problem: string): KonsilError {
  return new KonsilError('CONFIG_INVALID', `${where}: ${problem}`);
}

/**
 * Checks a list of transforms.
 * @param where - Where it stands, for messages: `task.yaml: transforms`.
 * @throws KonsilError CONFIG_INVALID naming the transform, the argument and what was expected.
 */
export function parseTransforms(list: unknown, where: string): TransformPipeline {
  if (!Array.isArray(list)) throw invalid(where, 'expected a list of transforms');
  const names = list.map((entry, i) => nameOf(entry, `${where}[${i}]`));
  const tensorAt = names.indexOf(TO_TENSOR);
  if (tensorAt >= 0 && tensorAt < names.length - 1)
    throw invalid(`${where}[${tensorAt}]`, `${TO_TENSOR}: expected at the end of the list`);
  if (tensorAt >= 0) checkTensorArguments(list[tensorAt], `${where}[${tensorAt}]`);
  return { steps: parseSteps(tensorAt >= 0 ? list.slice(0, -1) : list, where, 0) };
}

function parseSteps(list: unknown, where: string, depth: number): readonly Step[] {
  if (!Array.isArray(list)) throw invalid(where, 'expected a list of transforms');
  if (list.length > MAX_STEPS) throw invalid(where, `expected at most ${MAX_STEPS} transforms`);
  if (depth > MAX_DEPTH) throw invalid(where, `expected at most ${MAX_DEPTH} lists within each other`);
  return list.map((entry: unknown, i) => parseStep(entry, `${where}[${i}]`, depth));
}

function parseStep(entry: unknown, where: string, depth: number): Step {
  const name = nameOf(entry, where);
  const kind = TRANSFORMS.get(name);
  if (kind === undefined) {
    if (name === TO_TENSOR) throw invalid(where, `${name}: expected at the end of the outermost list`);
    throw invalid(where, `unknown transform "${name}"${didYouMean(name, [...TRANSFORMS.keys(), TO_TENSOR])}`);
  }
  const checked = kind.schema.safeParse(argumentsOf(entry, name), { error: expectation });
  if (!checked.success) throw invalid(where, `${name}: ${explain(checked.error, kind)}`);
  const problem = kind.findProblem(checked.data);
  if (problem !== undefined) throw invalid(where, `${name}: ${problem}`);
  const nested = (list: unknown, at: string): readonly Step[] => parseSteps(list, at, depth + 1);
  return { name, ...kind.bind(checked.data, nested, `${where}.${name}`) };
}

/** One key: the name; its value, when there is one: the arguments. */
function nameOf(entry: unknown, where: string): string {
  if (typeof entry === 'string') return entry;
  const keys = entry !== null && typeof entry === 'object' && !Array.isArray(entry) ? Object.keys(entry) : [];
  if (keys.length !== 1)
    throw invalid(
      where,
      'expected the name of a transform, or one name with its arguments as {Name: {argument: value}}',
    );
  return keys[0]!;
}

function argumentsOf(entry: unknown, name: string): unknown {
  return typeof entry === 'string' ? {} : ((entry as Readonly<Record<string, unknown>>)[name] ?? {});
}

const tensorArguments = z.strictObject({
  p: z.literal(1).optional(),
  always_apply: z.boolean().nullish(),
  transpose_mask: z.boolean().optional(),
});

function checkTensorArguments(entry: unknown, where: string): void {
  if (!tensorArguments.safeParse(argumentsOf(entry, TO_TENSOR)).success)
    throw invalid(where, `${TO_TENSOR}: expected no arguments`);
}

const WORDS: Readonly<Record<string, string>> = {
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'a map of arguments',
};

/** What an argument is to be, where its kind does not say it. */
function expectation(issue: z.core.$ZodRawIssue): string | undefined {
  const prefix = issue.input === undefined ? 'is required; expected' : 'expected';
  if (issue.code === 'invalid_type')
    return `${prefix} ${WORDS[issue.format === 'safeint' ? 'int' : issue.expected] ?? issue.expected}`;
  if (issue.code === 'too_small')
    return `expected ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`;
  if (issue.code === 'too_big')
    return `expected ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}`;
  return issue.code === 'invalid_value' ? `${prefix} ${issue.values.map(String).join(' or ')}` : undefined;
}

/** The first problem: the argument and what was expected of it. */
function explain(error: z.ZodError, { names }: TransformKind): string {
  // a misspelt argument explains why another one is missing
  const issue = error.issues.find(({ code }) => code === 'unrecognized_keys') ?? error.issues[0]!;
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0]!;
    if (issue.path.length > 0) return `${issue.path.join('.')}: unknown key "${key}"`;
    return `unknown argument "${key}"${didYouMean(key, names)}; it takes ${names.filter((name) => name !== 'always_apply').join(', ')}`;
  }
  const said = issue.message.replace(/^Invalid (input|option): /, '');
  return issue.path.length === 0 ? said : `${issue.path.join('.')}: ${said}`;
}
