/**
 * What a model is to predict, where one column of classes or numbers does not say it.
 * @module
 */
import { z } from 'zod';
import type { Outcome } from '../../datasources/index.ts';
import type { Path, Problem } from '../configFile.ts';
import type { DataStructureFile } from './file.ts';
import type { TaskData } from './read.ts';

const OUTCOMES = ['multilabel', 'survival', 'segmentation'] as const satisfies readonly Outcome['kind'][];

/** The key of an algorithm that says it. */
export const problemKey = z.enum(OUTCOMES).optional().meta({
  description:
    'What is predicted, where one column of classes or numbers does not say it. multilabel (the default for a list of targets): columns of 0 and 1. survival: time and event (1: seen, 0: censored). segmentation: a column of masks, whose grey values are listed in data_structure.categories.',
});

export type ProblemKey = z.output<typeof problemKey>;

/** Most labels a row. */
const MOST_LABELS = 64;
/** Grey values that a mask can have. */
const MOST_GREYS = 256;

const columnsOf = ({ assign: { target } }: DataStructureFile): readonly string[] =>
  typeof target === 'string' ? [target] : target;

const kindOf = (structure: DataStructureFile, problem: ProblemKey): Outcome['kind'] | undefined =>
  problem ?? (columnsOf(structure).length > 1 ? 'multilabel' : undefined);

/** The structure with its outcome. @param structure - Accepted by {@link checkOutcome}. */
export function structureWithOutcome(data: TaskData, structure: DataStructureFile, problem: ProblemKey): TaskData {
  const kind = kindOf(structure, problem);
  return kind === undefined ? data : { ...data, outcome: { kind, columns: columnsOf(structure) } };
}

/**
 * The structure with the columns of its outcome as columns like others, the last as the target: for figures of columns.
 * @returns undefined where these are pictures.
 */
export function withoutOutcome({ outcome, ...data }: TaskData): TaskData | undefined {
  if (outcome?.kind === 'segmentation') return undefined;
  if (outcome === undefined) return data;
  const { include } = data.select;
  const others = outcome.columns.slice(0, -1);
  return {
    ...data,
    target: outcome.columns.at(-1)!,
    // what is not named is there by itself
    ...(include && { select: { ...data.select, include: [...include, ...others] } }),
  };
}

/** Where the keys of an outcome stand. */
interface Paths {
  readonly structure: Path;
  readonly arguments: Path;
}

/** Rules between targets, their categories and the arguments. */
export function checkOutcome(
  structure: DataStructureFile,
  { problem, times }: { readonly problem?: ProblemKey; readonly times?: readonly number[] | undefined },
  paths: Paths,
): Problem[] {
  const columns = columnsOf(structure);
  const kind = kindOf(structure, problem);
  const at = [...paths.structure, 'assign', 'target'];
  const problems: Problem[] = [];
  if (new Set(columns).size < columns.length) problems.push({ path: at, message: 'lists a column twice' });
  if (kind !== undefined && structure.data_split?.args?.stratify === true)
    problems.push({
      path: [...paths.structure, 'data_split', 'args', 'stratify'],
      message: `needs one column of classes; there is none with problem ${kind}`,
    });
  const expected = {
    none: [1, 1, 'one column'],
    multilabel: [2, MOST_LABELS, `2 to ${MOST_LABELS} columns of labels`],
    survival: [2, 2, 'two columns, time and event'],
    segmentation: [1, 1, 'one column of masks'],
  } as const;
  const [least, most, what] = expected[kind ?? 'none'];
  if (columns.length < least || columns.length > most)
    problems.push({ path: at, message: `expected ${what}, got ${columns.length}` });
  const listed = (column: string | undefined): readonly unknown[] | undefined =>
    column === undefined ? undefined : structure.categories?.[column];
  const pathOf = (column: string): Path => [...paths.structure, 'categories', column];
  const labels = kind === 'multilabel' ? columns : kind === 'survival' ? columns.slice(1) : [];
  for (const column of labels)
    if ((listed(column)?.length ?? 2) !== 2)
      problems.push({ path: pathOf(column), message: 'expected two values, the second for 1' });
  if (kind === 'survival' && listed(columns[0]) !== undefined)
    problems.push({ path: pathOf(columns[0]!), message: 'is the time, which has no categories', atKey: true });
  if (kind === 'segmentation')
    problems.push(...checkMasks(listed(columns[0]), structure, columns[0] ?? '', paths.structure));
  if (times !== undefined && kind !== 'survival')
    problems.push({ path: [...paths.arguments, 'times'], message: 'only for problem: survival', atKey: true });
  if (times?.some((time, i) => i > 0 && time <= times[i - 1]!))
    problems.push({ path: [...paths.arguments, 'times'], message: 'expected ascending times' });
  return problems;
}

function checkMasks(
  listed: readonly unknown[] | undefined,
  { assign }: DataStructureFile,
  column: string,
  path: Path,
): Problem[] {
  const problems: Problem[] = [];
  if (listed === undefined)
    problems.push({
      path: [...path, 'categories'],
      message: `needs the grey values of the masks in ${column}, the background first`,
    });
  else if (
    listed.length > MOST_GREYS ||
    listed.some((value) => !/^\d{1,3}$/.test(String(value)) || Number(value) > 255)
  )
    problems.push({
      path: [...path, 'categories', column],
      message: `expected at most ${MOST_GREYS} grey values from 0 to 255, the background first`,
    });
  if (assign.image_cols === undefined)
    problems.push({ path: [...path, 'assign'], message: 'needs image_cols, the pictures that the masks are of' });
  return problems;
}
