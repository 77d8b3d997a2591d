/**
 * A CSV file into the database table `data`, as text, and what kinds of values its columns hold.
 *
 * Deviation from DuckDB's sniffing: names and delimiter are found by `csvText.ts` and given to `read_csv` in full,
 * because the sniffer answers a file with uneven rows by silently leaving rows out; a hospital must be told instead.
 * @module
 */
import { KonsilError, messageOf } from '../../base/index.ts';
import type { DataType } from '../schema.ts';
import { type CsvHead, invalid } from './csvText.ts';
import type { LoadedTable } from './loadedTable.ts';
import { findTooLarge, type TableDatabase } from './tableDatabase.ts';

/** A number as CSV files write it; not "inf", not "0x10", not "1_000". */
const NUMBER = '[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?';
const INTEGER = '[+-]?[0-9]+';

/** A row with remarks of many pages still fits. */
const MAX_LINE_BYTES = 16_777_216;
/** More than a line; by itself DuckDB takes 16 lines, 256 MiB, which no small memory limit allows. */
const BUFFER_BYTES = 20_000_000;

/** @throws KonsilError DATA_INVALID, DATA_EMPTY, or DATA_UNSUPPORTED when it is too large. */
export async function loadCsv(
  database: TableDatabase,
  path: string,
  head: CsvHead,
  nullValues: readonly string[],
): Promise<LoadedTable> {
  const { connection } = database;
  const { LIST, listValue, VARCHAR } = await import('@duckdb/node-api');
  const ids = head.names.map((_, i) => `c${i}`);
  const cleaned = ids.map((id) => `CASE WHEN list_contains($3, trim(${id})) THEN NULL ELSE trim(${id}) END AS ${id}`);
  const read = `read_csv($1, auto_detect = false, delim = $2, quote = '"', escape = '"', header = true, strict_mode = true,
    null_padding = false, max_line_size = ${MAX_LINE_BYTES}, buffer_size = ${BUFFER_BYTES}, compression = '${head.gzip ? 'gzip' : 'none'}',
    columns = {${ids.map((id) => `${id}: 'VARCHAR'`).join(', ')}})`;
  try {
    await connection.run(
      `CREATE TABLE data AS SELECT ${cleaned.join(', ')} FROM ${read}`,
      [literalPath(path), head.delimiter, listValue([...nullValues])],
      [VARCHAR, VARCHAR, LIST(VARCHAR)],
    );
  } catch (error) {
    throw findTooLarge(path, database, error) ?? readFailure(path, head, error);
  }
  await connection.run('SET enable_external_access = false');
  const counts = await connection.runAndReadAll(
    `SELECT count(*), ${ids
      .map(
        (
          id,
        ) => `count(${id}), count(*) FILTER (regexp_full_match(${id}, $1)), count(*) FILTER (regexp_full_match(${id}, $2)),
        count(*) FILTER (lower(${id}) IN ('true', 'false')), count(TRY_CAST(${id} AS DATE))`,
      )
      .join(', ')} FROM data`,
    [NUMBER, INTEGER],
  );
  const [rowCount = 0, ...rest] = counts.getRowsJS()[0]!.map(Number);
  if (rowCount === 0) throw new KonsilError('DATA_EMPTY', `${path} has column names but no rows`, { file: path });
  const columns = ids.map((id, i) => ({ id, name: head.names[i]!, ...typeOf(rest.slice(5 * i, 5 * i + 5)) }));
  return { rowCount, columns, nested: [] };
}

/** From counts of values and of those that are numbers, integers, booleans and dates. */
function typeOf([values = 0, numbers = 0, integers = 0, booleans = 0, dates = 0]: readonly number[]): {
  dataType: DataType;
  numberShare: number;
} {
  // an empty column fits any type; it counts as a number so that using it is reported, not skipped
  if (values === 0) return { dataType: 'number', numberShare: 1 };
  const kinds = [
    ['integer', integers],
    ['number', numbers],
    ['boolean', booleans],
    ['date', dates],
  ] as const;
  return { dataType: kinds.find(([, count]) => count === values)?.[0] ?? 'text', numberShare: numbers / values };
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
