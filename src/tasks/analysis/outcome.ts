/**
 * What an evaluation takes for the truth, where one column of classes or numbers does not say it.
 * @module
 */
import type { z } from 'zod';
import type { Outcome } from '../../datasources/index.ts';
import type { Path, Problem } from '../configFile.ts';
import type { DataStructureFile } from '../dataStructure/file.ts';
import type { TaskData } from '../dataStructure/read.ts';
import type { ANALYSIS_ARGUMENTS } from './file.ts';

type Arguments = z.output<(typeof ANALYSIS_ARGUMENTS)['ModelEvaluation']>;

/** Most labels a row. */
const MOST_LABELS = 64;
/** Grey values that a mask can have. */
const MOST_GREYS = 256;

const columnsOf = ({ assign: { target } }: DataStructureFile): readonly string[] =>
  typeof target === 'string' ? [target] : target;

const kindOf = (structure: DataStructureFile, problem: Arguments['problem']): Outcome['kind'] | undefined =>
  problem ?? (columnsOf(structure).length > 1 ? 'multilabel' : undefined);

/** The structure with its outcome. @param structure - Accepted by {@link checkOutcome}. */
export function withOutcome(data: TaskData, structure: DataStructureFile, problem: Arguments['problem']): TaskData {
  const kind = kindOf(structure, problem);
  return kind === undefined ? data : { ...data, outcome: { kind, columns: columnsOf(structure) } };
}

/** Rules between targets, their categories and the arguments at `path`. */
export function checkOutcome(structure: DataStructureFile, { problem, times }: Arguments, path: Path): Problem[] {
  const columns = columnsOf(structure);
  const kind = kindOf(structure, problem);
  const at = ['task', 'data_structure', 'assign', 'target'];
  const problems: Problem[] = [];
  if (new Set(columns).size < columns.length) problems.push({ path: at, message: 'lists a column twice' });
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
  const pathOf = (column: string): Path => ['task', 'data_structure', 'categories', column];
  const labels = kind === 'multilabel' ? columns : kind === 'survival' ? columns.slice(1) : [];
  for (const column of labels)
    if ((listed(column)?.length ?? 2) !== 2)
      problems.push({ path: pathOf(column), message: 'expected two values, the second for 1' });
  if (kind === 'survival' && listed(columns[0]) !== undefined)
    problems.push({ path: pathOf(columns[0]!), message: 'is the time, which has no categories', atKey: true });
  if (kind === 'segmentation') problems.push(...checkMasks(listed(columns[0]), structure, columns[0] ?? ''));
  if (times !== undefined && kind !== 'survival')
    problems.push({ path: [...path, 'times'], message: 'only for problem: survival', atKey: true });
  if (times?.some((time, i) => i > 0 && time <= times[i - 1]!))
    problems.push({ path: [...path, 'times'], message: 'expected ascending times' });
  return problems;
}

/** Transforms that leave each pixel where it is, or move all of them as the mask's are when it is resized. */
const KEEPS_PLACES: ReadonlySet<string> = new Set(['Resize', 'Normalize', 'ToTensorV2', 'ToFloat', 'ToGray', 'ToRGB']);

const nameOf = (entry: string | Readonly<Record<string, unknown>>): string =>
  typeof entry === 'string' ? entry : (Object.keys(entry)[0] ?? '');

function checkMasks(
  listed: readonly unknown[] | undefined,
  { assign, transform }: DataStructureFile,
  column: string,
): Problem[] {
  const problems: Problem[] = [];
  const path = ['task', 'data_structure'];
  if (listed === undefined)
    problems.push({
      path: [...path, 'categories'],
      message: `needs the grey values of the masks in ${column}, the background first`,
    });
  else if (
    listed.length > MOST_GREYS ||
    listed.some((value) => !/^\d{1,3}$/.test(String(value)) || Number(value) > 255)
  )
    problems.push({ path: [...path, 'categories', column], message: 'expected grey values from 0 to 255' });
  if (assign.image_cols === undefined)
    problems.push({ path: [...path, 'assign'], message: 'needs image_cols, the pictures that the masks are of' });
  for (const key of ['image', 'batch'] as const)
    for (const [i, { albumentations }] of (transform?.[key] ?? []).entries()) {
      const other = albumentations.transformations.map(nameOf).find((name) => !KEEPS_PLACES.has(name));
      if (other !== undefined && albumentations.step === 'test')
        problems.push({
          path: [...path, 'transform', key, i, 'albumentations', 'transformations'],
          message: `has ${other}, which masks do not follow; expected only ${[...KEEPS_PLACES].join(', ')}`,
        });
    }
  return problems;
}
