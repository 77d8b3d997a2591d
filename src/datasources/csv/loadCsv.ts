/**
 * A CSV file into the database table `data`, as text, and what kinds of values its columns hold.
 *
 * Deviation from DuckDB's sniffing: names and delimiter are found by `csvText.ts` and given to `read_csv` in full,
 * because the sniffer answers a file with uneven rows by silently leaving rows out; a hospital must be told instead.
 * @module
 */
import { KonsilError, messageOf } from '../../base/index.ts';
import type { CsvReading } from '../dataSource.ts';
import { didYouMean } from '../suggest.ts';
import { type CsvHead, invalid } from './csvText.ts';
import type { LoadedColumn, LoadedTable } from './loadedTable.ts';
import { findTooLarge, type TableDatabase } from './tableDatabase.ts';
import { NumberText, readTypes, type TextColumn } from './textColumns.ts';

/** A row with remarks of many pages still fits. */
const MAX_LINE_BYTES = 16_777_216;
/** More than a line; by itself DuckDB takes 16 lines, 256 MiB, which no small memory limit allows. */
const BUFFER_BYTES = 20_000_000;

/**
 * @throws KonsilError DATA_INVALID, DATA_EMPTY, DATA_COLUMN_MISSING for a column that `reading` names, or DATA_UNSUPPORTED
 *   when it is too large.
 */
export async function loadCsv(
  database: TableDatabase,
  path: string,
  head: CsvHead,
  nullValues: readonly string[],
  reading: CsvReading = {},
): Promise<LoadedTable> {
  const { connection } = database;
  const { LIST, listValue, VARCHAR } = await import('@duckdb/node-api');
  const ids = head.names.map((_, i) => `c${i}`);
  const kept = keptColumns(path, head.names, reading);
  const cleaned = kept.map(
    ({ id }) => `CASE WHEN list_contains($3, trim(${id})) THEN NULL ELSE trim(${id}) END AS ${id}`,
  );
  const { quote = '"', escape = quote, comment = '', hasHeader = true, skipRows = 0, maxRows } = reading;
  const read = `read_csv($1, auto_detect = false, delim = $2, quote = $4, escape = $5, comment = $6, header = ${hasHeader},
    skip = ${skipRows}, strict_mode = true, null_padding = false, max_line_size = ${MAX_LINE_BYTES},
    buffer_size = ${BUFFER_BYTES}, compression = '${head.gzip ? 'gzip' : 'none'}', encoding = '${reading.encoding ?? 'utf-8'}',
    columns = {${ids.map((id) => `${id}: 'VARCHAR'`).join(', ')}})`;
  try {
    await connection.run(
      `CREATE TABLE data AS SELECT ${cleaned.join(', ')} FROM ${read} ${maxRows === undefined ? '' : `LIMIT ${maxRows}`}`,
      [literalPath(path), head.delimiter, listValue([...nullValues]), quote, escape, comment],
      [VARCHAR, VARCHAR, LIST(VARCHAR), VARCHAR, VARCHAR, VARCHAR],
    );
  } catch (error) {
    throw findTooLarge(path, database, error) ?? readFailure(path, head, error);
  }
  await connection.run('SET enable_external_access = false');
  const text = new NumberText(reading);
  const names = kept.map(({ id }) => id);
  const { rowCount, columns } = await readTypes(connection, names, text);
  if (rowCount === 0) throw new KonsilError('DATA_EMPTY', `${path} has column names but no rows`, { file: path });
  return {
    rowCount,
    columns: kept.map((column, i) => ({ ...column, ...typed(path, column, columns[i]!, text) })),
    nested: [],
  };
}

/** A column that is read, and the type that the site gives it. */
interface KeptColumn {
  readonly name: string;
  readonly id: string;
  readonly type: 'text' | 'number' | undefined;
}

function keptColumns(path: string, names: readonly string[], { columns, types = {} }: CsvReading): KeptColumn[] {
  for (const [key, list] of [
    ['usecols', columns ?? []],
    ['dtype', Object.keys(types)],
  ] as const)
    for (const column of list)
      if (!names.includes(column))
        throw new KonsilError(
          'DATA_COLUMN_MISSING',
          `${path} has no column "${column}" (read_csv_kwargs.${key})${didYouMean(column, names)}`,
          { file: path, column },
        );
  return names
    .map((name, i) => ({ name, id: `c${i}`, type: Object.hasOwn(types, name) ? types[name] : undefined }))
    .filter(({ name }) => columns === undefined || columns.includes(name));
}

function typed(
  path: string,
  { name, id, type }: KeptColumn,
  { dataType, numberShare, values, numbers }: TextColumn,
  text: NumberText,
): Pick<LoadedColumn, 'dataType' | 'numberShare' | 'sql'> {
  if (type === 'text') return { dataType: 'text', numberShare: 0 };
  if (type === 'number' && numbers < values)
    throw new KonsilError(
      'DATA_INVALID',
      `${path}, column "${name}": ${values - numbers} of ${values} values are no numbers; expected numbers (read_csv_kwargs.dtype)`,
      { file: path, column: name },
    );
  const sql = text.plain(id);
  const isNumber = dataType === 'integer' || dataType === 'number';
  return { dataType, numberShare, ...(isNumber && sql !== id && { sql }) };
}

/** The path with DuckDB's glob characters made literal, so that it names one file. */
export function literalPath(path: string): string {
  return path.replace(/[*?[]/g, '[$&]');
}

/** DuckDB's message quotes the row, which may be a patient's; only its line number may pass, and no `cause`. */
function readFailure(path: string, head: CsvHead, error: unknown): KonsilError {
  const message = messageOf(error);
  const line = /CSV Error on Line: (\d+)/.exec(message)?.[1];
  const where = line === undefined ? '' : `, line ${line}:`;
  const fields = /Expected Number of Columns: \d+ Found: (\d+)/.exec(message)?.[1];
  if (fields !== undefined) return invalid(path, `${where} expected ${head.names.length} fields, got ${fields}`.trim());
  if (message.includes('unterminated quote')) return invalid(path, `${where} a quote is never closed`.trim());
  if (message.includes('unicode') || message.includes('utf-8'))
    return invalid(path, `${where} is not UTF-8 text; save it as UTF-8`.trim());
  return invalid(path, `${where} is not a CSV file with ${head.names.length} columns`.trim());
}
