/**
 * Rows of a simulated federation: numbers in columns, and a target.
 * @module
 */
import { isImage, type Value } from '../../src/datasources/index.ts';

/** A table column by column; all columns have `rows` cells. */
export interface Table {
  readonly rows: number;
  readonly columns: Readonly<Record<string, readonly Value[]>>;
  readonly target: string;
  /** Values of the target in order; none when it is a number. */
  readonly classes: readonly string[];
}

/** The rows with these numbers, in this order. */
export function takeRows(table: Table, rows: ArrayLike<number>): Table {
  const columns = Object.entries(table.columns).map(([name, cells]) => [
    name,
    Array.from(rows, (row) => cells[row] ?? null),
  ]);
  return { ...table, rows: rows.length, columns: Object.fromEntries(columns) as Table['columns'] };
}

/** Names of all columns but the target. */
export function featuresOf({ columns, target }: Table): string[] {
  return Object.keys(columns).filter((name) => name !== target);
}

/** The table as a CSV file; shortest decimal forms, so that reading it gives the same numbers. */
export function toCsv({ columns, rows }: Table): string {
  const quoted = (cell: Value): string => {
    if (isImage(cell)) throw new TypeError('a picture has no place in a CSV file');
    const text = cell === null ? '' : String(cell);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [Object.keys(columns).map(quoted).join(',')];
  const cells = Object.values(columns);
  for (let row = 0; row < rows; row++) lines.push(cells.map((column) => quoted(column[row]!)).join(','));
  return `${lines.join('\n')}\n`;
}
