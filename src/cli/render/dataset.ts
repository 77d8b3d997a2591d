/**
 * What a dataset holds, as lines for its owner.
 * @module
 */
import { printable } from '../../base/index.ts';
import type { ColumnCategories, ColumnSchema, Found, UnreadableFile } from '../../datasources/index.ts';

/** Columns, values and files that are listed at most. */
const MOST_LINES = 60;

/** A column as the owner sees it. */
export interface ColumnContents {
  readonly name: string;
  readonly type: ColumnSchema['semanticType'];
  /** Rows without a value. */
  readonly missing: number;
  readonly description?: string;
  /** Values that modellers are told. */
  readonly released?: readonly string[];
  /** Only when asked for; null for too many. */
  readonly values?: ColumnCategories | null;
}

/** What a dataset holds. */
export interface Contents {
  readonly displayName?: string;
  readonly description?: string;
  readonly rows: number;
  /** Patients that are known to be different ones; null when the source knows none. */
  readonly patients: number | null;
  readonly files: number | null;
  readonly skipped: Found['counts']['skipped'];
  readonly columns: readonly ColumnContents[];
  readonly hidden: readonly string[];
  /** Files that could not be read. */
  readonly unreadable: readonly UnreadableFile[];
  /** Rows with an image that cannot be decoded, when asked for. */
  readonly undecodable?: readonly UnreadableFile[];
}

/** A line of columns: one, or frames that are alike and follow each other. */
export interface ColumnLine extends ColumnContents {
  readonly label: string;
}

/** The columns, with runs of numbered images such as "Pixel Data 0", "Pixel Data 1" as one line. */
export function columnLines(columns: readonly ColumnContents[]): ColumnLine[] {
  const lines: (ColumnLine & { readonly stem?: string; readonly last?: number })[] = [];
  for (const column of columns) {
    const [, stem, digits] = (column.type === 'image' && /^(.* )(\d+)$/.exec(column.name)) || [];
    const number = Number(digits);
    const before = lines.at(-1);
    if (stem !== undefined && before?.stem === stem && before.last === number - 1) {
      const missing = Math.max(before.missing, column.missing);
      lines[lines.length - 1] = { ...before, last: number, missing, label: `${before.name} … ${number}` };
    } else lines.push({ ...column, label: column.name, ...(stem !== undefined && { stem, last: number }) });
  }
  return lines.map(({ stem: _stem, last: _last, ...line }) => line);
}

/** Lines for people, below the dataset's name. */
export function* contentLines(contents: Contents, leastRows: number): Generator<string> {
  const { rows, patients, files, skipped, hidden, unreadable, undecodable, displayName, description } = contents;
  for (const text of [displayName, description]) if (text !== undefined) yield `  ${text}`;
  if (files !== null) yield `  files     ${files}`;
  for (const [reason, count] of Object.entries(skipped)) yield `            ${count} left out: ${reason}`;
  yield `  rows      ${rows}${patients === null ? '' : `, of ${patients} patients`}`;
  yield '';
  const some = contents.columns.some(({ released }) => released !== undefined);
  yield `  columns that tasks can use; modellers see these names and types, never ${some ? 'a number of rows, and values of released columns' : 'a value or a number of rows'}`;
  const lines = columnLines(contents.columns);
  const width = Math.max(...lines.map(({ label }) => label.length));
  for (const line of lines.slice(0, MOST_LINES)) {
    yield `    ${line.label.padEnd(width)}  ${line.type}${lacking(line, rows)}${line.description === undefined ? '' : `   ${line.description}`}`;
    if (line.released !== undefined) yield `      modellers are told ${line.released.length} values of it`;
    if (line.values !== undefined) yield* valueLines(line.values, leastRows);
  }
  if (lines.length > MOST_LINES) yield `    … and ${lines.length - MOST_LINES} more`;
  if (hidden.length > 0)
    yield* ['', '  columns that nobody sees; data_config.expose_cols would show them', `    ${hidden.join(', ')}`];
  if (unreadable.length > 0) yield* ['', '  files that cannot be read', ...fileLines(unreadable)];
  if (undecodable === undefined) return;
  yield '';
  if (undecodable.length === 0) yield '  all images can be decoded';
  else
    yield* [`  ${undecodable.length} of ${rows} rows have an image that cannot be decoded`, ...fileLines(undecodable)];
}

function lacking({ missing }: ColumnLine, rows: number): string {
  return missing === 0 ? '' : `   no value in ${missing} of ${rows} rows`;
}

function* valueLines(values: ColumnCategories | null, leastRows: number): Generator<string> {
  if (values === null) return yield '      too many different values to be categories';
  for (const { value, rows } of values.shown.slice(0, MOST_LINES)) yield `      ${printable(value)}: ${rows}`;
  const more = values.shown.length - MOST_LINES;
  if (more > 0) yield `      … and ${more} more`;
  if (values.suppressed > 0) yield `      ${values.suppressed} more, each of fewer than ${leastRows} rows or patients`;
}

function* fileLines(files: readonly UnreadableFile[]): Generator<string> {
  for (const { name, code } of files.slice(0, MOST_LINES)) yield `    ${printable(name)}: ${code}`;
  if (files.length > MOST_LINES) yield `    … and ${files.length - MOST_LINES} more (--json lists all)`;
}
