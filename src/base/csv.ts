/**
 * Tables as files that spreadsheets open.
 * @module
 */
import { utf8 } from './bytes.ts';

/** What a cell can have; null is an empty one. */
export type CsvCell = string | number | boolean | null;

/** Each row has a cell a column. */
export interface CsvTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly CsvCell[])[];
}

/**
 * One line of RFC 4180, UTF-8, ended by CR LF. Text that a spreadsheet would run as a formula is kept from it by a quote in front.
 * @source OWASP, CSV injection.
 */
export function csvLine(cells: readonly CsvCell[]): string {
  const cell = (value: CsvCell): string => {
    if (value === null) return '';
    if (typeof value !== 'string') return String(value);
    const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `${cells.map(cell).join(',')}\r\n`;
}

/** A table as lines of {@link csvLine}. */
export function tableToCsv({ columns, rows }: CsvTable): Uint8Array {
  return utf8([columns, ...rows].map(csvLine).join(''));
}
