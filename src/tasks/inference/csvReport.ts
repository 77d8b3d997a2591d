/**
 * Arguments of `CSVReportAlgorithm`: which columns a report has, how they are called, in which order rows stand.
 * @source spec/platform.md §2.2.
 * @module
 */
import { z } from 'zod';
import { refused } from '../keys.ts';

const column = z.string().min(1).max(200);
const columns = z.array(column).max(10_000);

/** Comparisons of a column filter, by all their spellings. */
const OPERATORS = {
  '==': '==',
  equal: '==',
  equals: '==',
  '!=': '!=',
  'not equal': '!=',
  '<': '<',
  'less than': '<',
  '<=': '<=',
  'less than or equal': '<=',
  '>': '>',
  'greater than': '>',
  '>=': '>=',
  'greater than or equal': '>=',
} as const;
type Spelling = keyof typeof OPERATORS;
const spellings = Object.keys(OPERATORS) as [Spelling, ...Spelling[]];

/** A comparison of a column's cells with a value. */
export interface ColumnFilter {
  readonly column: string;
  readonly operator: (typeof OPERATORS)[Spelling];
  readonly value: string | number;
}

/** `CSVReportAlgorithm` in a task file. */
export const csvReport = z.strictObject({
  original_cols: columns.nullable().optional().meta({
    description: 'Columns of the dataset in the report. Default: all that are no images.',
  }),
  rename_columns: z.record(column, column).optional().meta({ description: 'Column to its name in the report.' }),
  columns_to_drop: columns.optional().meta({ description: 'Columns that are left out.' }),
  columns_to_drop_prefix: z
    .union([column, columns])
    .optional()
    .meta({ description: 'Columns that begin so are left out.' }),
  columns_to_include: columns.optional().meta({
    description:
      'The columns of the report and their order, instead of original_cols; those that are not there are passed over.',
  }),
  filter: z
    .array(z.strictObject({ column, operator: z.enum(spellings), value: z.union([z.string().max(200), z.number()]) }))
    .max(100)
    .nullable()
    .optional()
    .meta({
      description:
        'Comparisons of columns with values. Each adds a column that says which rows match; several add one more for rows that match all.',
    }),
  sorting_columns: z
    .record(column, z.enum(['asc', 'desc']))
    .optional()
    .meta({ description: 'Columns by which rows are sorted, the first one first. Default: the order of the dataset.' }),
  decimal_places: z.int().min(0).max(15).default(2).meta({ description: 'Numbers are rounded to so many. Default 2.' }),
  ophthalmology_args: refused('trials of eye diseases are not supported by this version'),
  save_path: z.string().max(1_000).optional().meta({
    description: 'Deprecated, without effect: reports lie in the results folder of each pod.',
  }),
});
export type CsvReportFile = z.output<typeof csvReport>;

/** What a report looks like. */
export interface CsvReport {
  /** @default all that are no images */
  readonly originalColumns?: readonly string[];
  readonly rename: Readonly<Record<string, string>>;
  readonly drop: readonly string[];
  readonly dropPrefixes: readonly string[];
  /** All columns of the report, in this order. */
  readonly include?: readonly string[];
  readonly filters: readonly ColumnFilter[];
  readonly sorting: readonly { readonly column: string; readonly direction: 'asc' | 'desc' }[];
  readonly decimalPlaces: number;
}

/** A report as the program uses it. */
export function csvReportOf(file: CsvReportFile): CsvReport {
  const { original_cols, columns_to_drop_prefix: prefixes = [], columns_to_include: include } = file;
  return {
    ...(original_cols && { originalColumns: original_cols }),
    rename: file.rename_columns ?? {},
    drop: file.columns_to_drop ?? [],
    dropPrefixes: typeof prefixes === 'string' ? [prefixes] : prefixes,
    ...(include && { include }),
    filters: (file.filter ?? []).map(({ operator, ...rest }) => ({ ...rest, operator: OPERATORS[operator] })),
    sorting: Object.entries(file.sorting_columns ?? {}).map(([name, direction]) => ({ column: name, direction })),
    decimalPlaces: file.decimal_places,
  };
}

/** The keys of the file for `report`. */
export function csvReportFileOf(report: CsvReport): Record<string, unknown> {
  const { originalColumns, include, sorting } = report;
  return {
    ...(originalColumns && { original_cols: [...originalColumns] }),
    rename_columns: { ...report.rename },
    columns_to_drop: [...report.drop],
    columns_to_drop_prefix: [...report.dropPrefixes],
    ...(include && { columns_to_include: [...include] }),
    filter: report.filters.map((filter) => ({ ...filter })),
    sorting_columns: Object.fromEntries(sorting.map(({ column: name, direction }) => [name, direction])),
    decimal_places: report.decimalPlaces,
  };
}

/** Columns of datasets that a report may show something of, by name. */
export function columnsNamedBy(report: CsvReport): readonly string[] {
  return [
    ...(report.originalColumns ?? []),
    ...(report.include ?? []),
    ...report.filters.map((filter) => filter.column),
    ...report.sorting.map((order) => order.column),
  ];
}
