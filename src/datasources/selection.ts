/**
 * Which columns a task uses, and whether a dataset has them.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import type { DataSource } from './dataSource.ts';
import type { DataStructure } from './dataStructure.ts';
import type { ColumnSchema, Schema } from './schema.ts';
import { didYouMean } from './suggest.ts';

/** Columns a task names, with the key of the task that does. */
function namedColumns(structure: DataStructure): { readonly column: string; readonly key: string }[] {
  const { select, target, categories, split } = structure;
  return [
    { column: target, key: 'assign.target' },
    ...(select.include ?? []).map((column) => ({ column, key: 'select.include' })),
    ...Object.keys(categories).map((column) => ({ column, key: 'categories' })),
    ...(split.splitter === 'predefined' ? [{ column: split.column, key: 'data_split.args.column_name' }] : []),
  ];
}

/** @throws KonsilError DATA_COLUMN_MISSING for the first column that the task names and the source lacks. */
export function requireColumns(source: Pick<DataSource, 'columns' | 'label'>, structure: DataStructure): void {
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

/**
 * Input columns in the order the model sees. `include` keeps its own order; columns that are not named one by one are
 * sorted by name, so that sites whose files have another order agree.
 */
function chooseColumns(schema: Schema, structure: DataStructure): Selection {
  const { select, target, categories, split } = structure;
  const unused = new Set([target, ...(split.splitter === 'predefined' ? [split.column] : [])]);
  const named = (select.include ?? []).filter((column) => !unused.has(column));
  const prefix = select.includePrefix;
  const isImplied = ({ name }: ColumnSchema): boolean => {
    if (unused.has(name) || named.includes(name)) return false;
    if (prefix !== undefined) return name.startsWith(prefix);
    return select.include === undefined && select.exclude?.includes(name) !== true;
  };
  const implied = schema.columns.filter(isImplied).sort((a, b) => (a.name < b.name ? -1 : 1));
  const isText = ({ name, semanticType }: ColumnSchema): boolean =>
    semanticType === 'text' && !Object.hasOwn(categories, name);
  return {
    columns: [...new Set([...named, ...implied.filter((column) => !isText(column)).map(({ name }) => name)])],
    dropped: implied.filter(isText).map(({ name }) => name),
  };
}

/** Input columns of `structure` over a source with `schema`, in the order the model sees. */
export function resolveColumns(structure: DataStructure, schema: Schema): readonly string[] {
  return chooseColumns(schema, structure).columns;
}

/** Names of the inputs the columns encode to: one per column, or one per listed category as `sex=female`. */
export function encodedFeatures(
  columns: readonly string[],
  structure: Pick<DataStructure, 'categories'>,
): readonly string[] {
  return columns.flatMap((column) =>
    Object.hasOwn(structure.categories, column)
      ? structure.categories[column]!.map((value) => `${column}=${value}`)
      : [column],
  );
}

/** What is wrong with the columns themselves: text or open categories where numbers are needed. */
function columnProblems(
  schema: Schema,
  structure: DataStructure,
  columns: readonly string[],
): { column: string; message: string }[] {
  const types = new Map(schema.columns.map((column) => [column.name, column.semanticType]));
  const used = [...columns, structure.target].filter((column) => !Object.hasOwn(structure.categories, column));
  return used.flatMap((column) => {
    const type = types.get(column);
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
  structure: DataStructure,
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
export function checkSchema(structure: DataStructure, schema: Schema): string[] {
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
  return [
    ...problems,
    ...columnProblems(schema, structure, columns).map(({ column, message }) => `column "${column}" ${message}`),
  ];
}
