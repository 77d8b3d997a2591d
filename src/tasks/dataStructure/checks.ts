/**
 * Rules of `data_structure` that hold between keys.
 * @module
 */
import { isKonsilError } from '../../base/index.ts';
import { didYouMean, parseTransforms } from '../../datasources/index.ts';
import type { Path, Problem } from '../configFile.ts';
import { dotted } from '../configFile.ts';
import { bareName, TABLE_DATASOURCES } from '../names.ts';
import type { DataStructureFile } from './file.ts';
import { checkFilters } from './filters.ts';

/** The target, when there is one. */
export function soleTarget({ assign: { target } }: DataStructureFile): string | undefined {
  if (typeof target === 'string') return target;
  return target.length === 1 ? target[0] : undefined;
}

/** Of a task that looks at one target only. */
export function checkSoleTarget(value: DataStructureFile, path: Path): Problem[] {
  if (soleTarget(value) !== undefined) return [];
  return [
    {
      path: [...path, 'assign', 'target'],
      message: `expected one column, got ${value.assign.target.length}; several are for models alone`,
    },
  ];
}

/** What is wrong between keys of `data_structure`. @param trains - Whether some rows have to be left to train on. */
export function checkDataStructure(value: DataStructureFile, path: Path, trains = true): Problem[] {
  const problems: Problem[] = [];
  const { select, categories, compatible_datasources } = value;
  if (select?.exclude !== undefined && (select.include !== undefined || select.include_prefix !== undefined))
    problems.push({
      path: [...path, 'select', 'exclude'],
      message: `not possible together with ${dotted([...path, 'select', select.include === undefined ? 'include_prefix' : 'include'])}; name the columns to use or those to leave out`,
      atKey: true,
    });
  const { target: given } = value.assign;
  for (const target of typeof given === 'string' ? [given] : given)
    if (select?.exclude?.includes(target))
      problems.push({
        path: [...path, 'select', 'exclude'],
        message: `leaves out ${target}, but ${dotted([...path, 'assign', 'target'])} needs it`,
      });
  for (const [column, values] of Object.entries(categories ?? {})) {
    const labels = values.map(String);
    const twice = labels.find((label, i) => labels.indexOf(label) < i);
    if (twice !== undefined)
      problems.push({ path: [...path, 'categories', column], message: `${JSON.stringify(twice)} is listed twice` });
  }
  if (value.rows_from_intersection !== undefined && (value.filter ?? []).length > 0)
    problems.push({
      path: [...path, 'filter'],
      message: `not possible together with ${dotted([...path, 'rows_from_intersection'])}; intersect a dataset that has the wanted files only`,
      atKey: true,
    });
  const compatible = compatible_datasources?.map(bareName);
  if (compatible !== undefined && !TABLE_DATASOURCES.some((name) => compatible.includes(name)))
    problems.push({
      path: [...path, 'compatible_datasources'],
      message: `expected some of ${TABLE_DATASOURCES.join(', ')}${didYouMean(compatible[0]!, TABLE_DATASOURCES)}`,
    });
  return [
    ...problems,
    ...checkSplit(value, [...path, 'data_split', 'args'], trains),
    ...checkTransforms(value, [...path, 'transform']),
    ...checkFilters(value.filter ?? [], [...path, 'filter']),
  ];
}

const SPLIT_KEYS = {
  percentage: [
    'shuffle',
    'stratify',
    'test_percentage',
    'validation_percentage',
    'seed',
    'group_by',
    'time_series_sort_by',
  ],
  predefined: ['column_name', 'training_set_label', 'validation_set_label', 'test_set_label'],
} as const;

function checkSplit(structure: DataStructureFile, path: Path, trains: boolean): Problem[] {
  const split = structure.data_split;
  const args = split?.args;
  if (split === undefined || args === undefined) return [];
  const problems: Problem[] = [];
  const other = split.data_splitter === 'percentage' ? 'predefined' : 'percentage';
  for (const key of SPLIT_KEYS[other]) {
    if (args[key] !== undefined)
      problems.push({
        path: [...path, key],
        message: `only for data_splitter ${other}, but it is ${split.data_splitter}`,
        atKey: true,
      });
  }
  if (split.data_splitter === 'percentage') {
    const held = (args.test_percentage ?? 10) + (args.validation_percentage ?? 10);
    if (!trains && held > 100)
      problems.push({ path, message: `test and validation take ${held} %; expected at most 100 % together` });
    if (trains && held >= 100)
      problems.push({
        path,
        message: `test and validation take ${held} % and leave nothing to train on; expected less than 100 % together`,
      });
    if (args.time_series_sort_by !== undefined)
      for (const key of ['shuffle', 'stratify'] as const)
        if (args[key] === true)
          problems.push({
            path: [...path, key],
            message: 'not possible together with time_series_sort_by; time alone says which set a row is in',
            atKey: true,
          });
    const target = soleTarget(structure);
    if (args.stratify === true && target !== undefined && structure.categories?.[target] === undefined)
      problems.push({
        path: [...path, 'stratify'],
        message: `needs classes; list them in data_structure.categories.${target}`,
      });
  } else {
    const labels = [
      args.training_set_label ?? 'TRAIN',
      args.validation_set_label ?? 'VALIDATION',
      args.test_set_label ?? 'TEST',
    ];
    if (new Set(labels).size < 3)
      problems.push({ path, message: `the three labels must differ, got ${labels.join(', ')}` });
  }
  return problems;
}

/** Transforms that are known, with arguments that fit, for columns and steps that make sense together. */
function checkTransforms({ assign, transform }: DataStructureFile, path: Path): Problem[] {
  if (transform === undefined) return [];
  const problems: Problem[] = [];
  const image = (transform.image ?? []).map((entry, i) => ({ ...entry.albumentations, at: [...path, 'image', i] }));
  const batch = (transform.batch ?? []).map((entry, i) => ({ ...entry.albumentations, at: [...path, 'batch', i] }));
  for (const { arg, at } of image)
    if (arg !== undefined)
      problems.push({
        path: [...at, 'albumentations', 'arg'],
        message: 'only below transform.batch; below transform.image it is for all images',
        atKey: true,
      });
  for (const { arg, at } of batch) {
    if (arg === undefined)
      problems.push({ path: [...at, 'albumentations'], message: 'needs arg, the image column it is for' });
    else if (assign.image_cols !== undefined && !assign.image_cols.includes(arg))
      problems.push({
        path: [...at, 'albumentations', 'arg'],
        message: `is none of assign.image_cols${didYouMean(arg, assign.image_cols)}`,
      });
  }
  for (const { transformations, at } of [...image, ...batch]) {
    const problem = transformProblem(transformations);
    if (problem !== undefined) problems.push({ path: [...at, 'albumentations', 'transformations'], message: problem });
  }
  const steps = new Set([...image, ...batch].map(({ step }) => step));
  if (steps.has('train') && !steps.has('validation') && !steps.has('test'))
    problems.push({
      path,
      message: 'has transforms for step train alone; give those for validation and test as well, without random ones',
    });
  return problems;
}

/** What is wrong with a list of transforms: the entry, its argument, and what was expected. */
function transformProblem(list: readonly unknown[]): string | undefined {
  try {
    parseTransforms(list, 'entry ');
    return undefined;
  } catch (error) {
    if (!isKonsilError(error)) throw error;
    return error.message;
  }
}
