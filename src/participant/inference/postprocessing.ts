/**
 * Postprocessors on a table of outputs: what a report can hold goes in and comes out.
 * @module
 */
import { type Json, type Postprocessor, postprocess } from '../../postprocessing/index.ts';
import type { OutputTable, ReportCell } from './outputs.ts';

/**
 * The table after all steps. Steps that speak of the model's output by its name get one column of lists; lists of numbers in the end
 * are a column for each number, other JSON is text.
 * @param output - Name of the model's output.
 * @throws KonsilError as {@link postprocess}.
 */
export function postprocessed(table: OutputTable, output: string, steps: readonly Postprocessor[]): OutputTable {
  if (steps.length === 0) return table;
  const isWhole = !table.columns.includes(output) && steps.some((step) => names(step).includes(output));
  const given = isWhole ? { columns: [output], rows: table.rows.map((row) => [row]) } : table;
  return flattened(postprocess(given, steps));
}

/** Columns that a step names. */
function names(step: Postprocessor): readonly string[] {
  if (step.type === 'compound') return step.postprocessing_sequence.flatMap(names);
  if (step.type === 'rename') return Object.keys(step.column_mapping);
  return 'columns' in step ? (step.columns ?? []) : [];
}

function flattened({ columns, rows }: ReturnType<typeof postprocess>): OutputTable {
  const widths = columns.map((_, at) => widthOf(rows.map((row) => row[at]!)));
  const isFlat = rows.every((row) => row.every((cell) => cell === null || typeof cell !== 'object'));
  if (isFlat) return { columns, rows: rows as OutputTable['rows'] };
  return {
    columns: columns.flatMap((name, at) =>
      widths[at] === null ? [name] : Array.from({ length: widths[at]! }, (_, i) => `${name}_${i}`),
    ),
    rows: rows.map((row) => row.flatMap((cell, at) => (widths[at] === null ? [textOf(cell)] : (cell as ReportCell[])))),
  };
}

/** Length of the lists of numbers that all cells of a column are; null for other columns. */
function widthOf(cells: readonly Json[]): number | null {
  const [first] = cells;
  if (!Array.isArray(first)) return null;
  const { length } = first;
  const isList = (cell: Json): boolean =>
    Array.isArray(cell) && cell.length === length && cell.every((one) => one === null || typeof one === 'number');
  return length > 0 && cells.every(isList) ? length : null;
}

const textOf = (cell: Json): ReportCell =>
  typeof cell === 'object' && cell !== null ? JSON.stringify(cell) : (cell as ReportCell);
