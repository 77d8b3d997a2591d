/**
 * Which columns a task uses, and whether a dataset has them.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import type { DataSource } from './dataSource.ts';
import type { DataStructure, ImageColumns, InputStructure } from './dataStructure.ts';
import type { ColumnSchema, Schema } from './schema.ts';
import { didYouMean } from './suggest.ts';

/** Of a task that trains, or only runs a model. */
type AnyStructure = InputStructure & Partial<Pick<DataStructure, 'split' | 'outcome'>>;

/** Columns that are predicted. */
export const targetsOf = ({ target, outcome }: Pick<AnyStructure, 'target' | 'outcome'>): readonly string[] =>
  outcome?.columns ?? (target === undefined ? [] : [target]);

/** Columns a task names, with the key of the task that does. */
function namedColumns(structure: AnyStructure): { readonly column: string; readonly key: string }[] {
  const { select, categories, split, images } = structure;
  return [
    ...(split === undefined ? [] : targetsOf(structure).map((column) => ({ column, key: 'assign.target' }))),
    ...(select.include ?? []).map((column) => ({ column, key: 'select.include' })),
    ...Object.keys(categories).map((column) => ({ column, key: 'categories' })),
    ...(images?.columns ?? []).map((column) => ({ column, key: 'assign.image_cols' })),
    ...(split?.splitter === 'predefined' ? [{ column: split.column, key: 'data_split.args.column_name' }] : []),
    ...(split?.splitter === 'percentage' && typeof split.groupBy === 'object'
      ? [{ column: split.groupBy.column, key: 'data_split.args.group_by' }]
      : []),
    ...(split?.splitter === 'percentage' && split.sortBy !== undefined
      ? [{ column: split.sortBy, key: 'data_split.args.time_series_sort_by' }]
      : []),
  ];
}

/** @throws KonsilError DATA_COLUMN_MISSING for the first column that the task names and the source lacks. */
export function requireColumns(source: Pick<DataSource, 'columns' | 'label'>, structure: AnyStructure): void {
  const missing = namedColumns(structure).find(({ column }) => !source.columns.includes(column));
  if (missing !== undefined)
    throw new KonsilError(
      'DATA_COLUMN_MISSING',
      `${source.label} has no column "${missing.column}" (${missing.key})${didYouMean(missing.column, source.columns)}`,
      { file: source.label, column: missing.column },
    );
}

interface Selection {
  readonly columns: readonly string[];
  readonly dropped: readonly string[];
}

/** Columns of `schema` that are images. */
function imagesOf(schema: Schema): ReadonlySet<string> {
  return new Set(schema.columns.filter(({ semanticType }) => semanticType === 'image').map(({ name }) => name));
}

/**
 * Input columns in the order the model sees. `include` keeps its own order; columns that are not named one by one are
 * sorted by name, so that sites whose files have another order agree, and images come after the rest.
 *
 * Deviation from the specification: a task that assigns images and selects nothing gets the images alone; files of images
 * have hundreds of other columns, and which of them depends on the device.
 */
function chooseColumns(schema: Schema, structure: AnyStructure): Selection {
  const { select, categories, split, images } = structure;
  const unused = new Set([...targetsOf(structure), ...(split?.splitter === 'predefined' ? [split.column] : [])]);
  const named = (select.include ?? []).filter((column) => !unused.has(column));
  const prefix = select.includePrefix;
  const pictures = imagesOf(schema);
  const isAssigned = (name: string): boolean =>
    images !== undefined &&
    (images.columns?.includes(name) === true ||
      (images.prefix !== undefined && name.startsWith(images.prefix)) ||
      (images.columns === undefined && images.prefix === undefined));
  const selectsNothing = select.include === undefined && prefix === undefined && select.exclude === undefined;
  const isImplied = ({ name }: ColumnSchema): boolean => {
    if (unused.has(name) || named.includes(name)) return false;
    if (pictures.has(name)) return isAssigned(name) && select.exclude?.includes(name) !== true;
    if (images !== undefined && selectsNothing) return false;
    if (select.exclude?.includes(name) === true) return false;
    return prefix === undefined ? select.include === undefined : name.startsWith(prefix);
  };
  const implied = schema.columns.filter(isImplied).sort((a, b) => compareColumns(a.name, b.name, pictures));
  const isText = ({ name, semanticType }: ColumnSchema): boolean =>
    semanticType === 'text' && !Object.hasOwn(categories, name);
  return {
    columns: [...new Set([...named, ...implied.filter((column) => !isText(column)).map(({ name }) => name)])],
    dropped: implied.filter(isText).map(({ name }) => name),
  };
}

/** Images last and by their numbers, so that frame 10 comes after frame 9; all others by name. */
function compareColumns(a: string, b: string, pictures: ReadonlySet<string>): number {
  const [imageA, imageB] = [pictures.has(a), pictures.has(b)];
  if (imageA !== imageB) return imageA ? 1 : -1;
  const [numberA, numberB] = [a, b].map((name) => / (\d+)$/.exec(name)?.[1]);
  if (imageA && numberA !== undefined && numberB !== undefined) return Number(numberA) - Number(numberB);
  return a < b ? -1 : 1;
}

/**
 * `structure` for a model that is only run: image columns that are selected are images without being assigned, and where nothing is
 * selected all images of the source are.
 */
export function withImages(structure: InputStructure, schema: Schema): InputStructure {
  const { select, images } = structure;
  if (images !== undefined) return structure;
  const pictures = [...imagesOf(schema)];
  const named = pictures.filter(
    (name) =>
      select.include?.includes(name) === true ||
      (select.includePrefix !== undefined && name.startsWith(select.includePrefix)),
  );
  const isOpen = select.include === undefined && select.includePrefix === undefined;
  if (named.length === 0 && (!isOpen || pictures.length === 0)) return structure;
  const found: ImageColumns = { ...(!isOpen && { columns: named }), transforms: [], convertsGreyscale: true };
  return { ...structure, images: found };
}

/** Input columns of `structure` over a source with `schema`, in the order the model sees. */
export function resolveColumns(structure: DataStructure, schema: Schema): readonly string[] {
  return chooseColumns(schema, structure).columns;
}

/** Columns of `columns` that are images, in that order. */
export function imageColumns(columns: readonly string[], schema: Schema): readonly string[] {
  const pictures = imagesOf(schema);
  return columns.filter((column) => pictures.has(column));
}

/** Names of the inputs the columns encode to: one per column, or one per listed category as `sex=female`; without images. */
export function encodedFeatures(
  columns: readonly string[],
  structure: Pick<DataStructure, 'categories'>,
  schema: Schema,
): readonly string[] {
  const pictures = imagesOf(schema);
  const table = columns.filter((column) => !pictures.has(column));
  return table.flatMap((column) =>
    Object.hasOwn(structure.categories, column)
      ? structure.categories[column]!.map((value) => `${column}=${value}`)
      : [column],
  );
}

/** What is wrong with the columns themselves: text or open categories where numbers are needed. */
function columnProblems(
  schema: Schema,
  structure: AnyStructure,
  columns: readonly string[],
): { column: string; message: string }[] {
  const types = new Map(schema.columns.map((column) => [column.name, column.semanticType]));
  const { split, outcome } = structure;
  const targets = split === undefined ? [] : targetsOf(structure);
  const used = [...columns, ...targets].filter(
    (column) => outcome?.kind === 'segmentation' || !Object.hasOwn(structure.categories, column),
  );
  return used.flatMap((column) => {
    const type = types.get(column);
    if (outcome?.kind === 'segmentation' && targets.includes(column))
      return type === 'image' ? [] : [{ column, message: 'is no image; expected masks' }];
    if (type === 'image' && (structure.images === undefined || column === structure.target))
      return [{ column, message: 'is an image; name it in data_structure.assign.image_cols to learn from it' }];
    if (type !== 'image' && structure.images?.columns?.includes(column) === true)
      return [{ column, message: 'is no image; expected an image column in data_structure.assign.image_cols' }];
    if (type === 'text')
      return [{ column, message: 'is text; expected numbers, or its values listed in data_structure.categories' }];
    if (type === 'categorical')
      return [
        {
          column,
          message: 'is categorical; expected its values listed in data_structure.categories, so that all sites agree',
        },
      ];
    return [];
  });
}

/** @throws KonsilError DATA_INVALID when a column cannot be used, or none is left. */
export function selectColumns(
  source: Pick<DataSource, 'schema' | 'label'>,
  structure: AnyStructure,
): { readonly columns: readonly string[]; readonly warnings: readonly string[] } {
  const { columns, dropped } = chooseColumns(source.schema, structure);
  const problem = columnProblems(source.schema, structure, columns)[0];
  if (problem !== undefined)
    throw new KonsilError('DATA_INVALID', `${source.label}: column "${problem.column}" ${problem.message}`, {
      file: source.label,
      column: problem.column,
    });
  if (columns.length === 0)
    throw new KonsilError(
      'DATA_INVALID',
      `${source.label}: the task selects no column to learn from; expected at least one besides the target`,
      {
        file: source.label,
      },
    );
  return {
    columns,
    warnings: dropped.map(
      (column) => `column "${column}" is text and not used; list its values in data_structure.categories to use it`,
    ),
  };
}

/** Why a dataset does not fit a task, from its schema alone; empty when it does. */
export function checkSchema(structure: AnyStructure, schema: Schema): string[] {
  const names = schema.columns.map((column) => column.name);
  const { compatibleDatasources } = structure;
  const problems: string[] = [];
  if (
    compatibleDatasources !== undefined &&
    !compatibleDatasources.some((name) => name.replace(/^(?:bitfount|konsil)\./, '') === schema.datasource)
  )
    problems.push(`${schema.datasource} is not in compatible_datasources: ${compatibleDatasources.join(', ')}`);
  for (const { column, key } of namedColumns(structure)) {
    if (!names.includes(column)) problems.push(`no column "${column}" (${key})${didYouMean(column, names)}`);
  }
  if (problems.length > 0) return problems;
  const { columns } = chooseColumns(schema, structure);
  if (columns.length === 0) problems.push('no column to learn from; expected at least one besides the target');
  if (structure.images !== undefined && imageColumns(columns, schema).length === 0)
    problems.push('no image column; expected one as data_structure.assign names it');
  return [
    ...problems,
    ...columnProblems(schema, structure, columns).map(({ column, message }) => `column "${column}" ${message}`),
  ];
}
