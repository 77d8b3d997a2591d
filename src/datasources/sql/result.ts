/**
 * Rows of a result as plain JSON, as many as a site gives.
 * @module
 */
import type { DuckDBResult, DuckDBType, DuckDBValue } from '@duckdb/node-api';
import type { Cell } from '../dataSource.ts';
import { refused } from './refused.ts';

/** What a result's column holds; dates and times are text as `YYYY-MM-DD hh:mm:ss`. */
export type SqlType = 'number' | 'boolean' | 'text';

/** A result, as plain JSON. */
export interface SqlResult {
  readonly columns: readonly string[];
  readonly types: readonly SqlType[];
  /** A cell a column; NaN and infinity are null. */
  readonly rows: readonly (readonly (Cell | boolean)[])[];
  /** Groups that are too small to be shown. */
  readonly suppressed: number;
}

/** Characters of the text of a result: rows alone do not bound it. */
const MAX_RESULT_CHARS = 16_000_000;

/** @throws KonsilError SQL_REFUSED for more than `rowLimit` rows, too much text, or lists and records. */
export async function readResult(result: DuckDBResult, rowLimit: number): Promise<Omit<SqlResult, 'suppressed'>> {
  const columns = result.columnNames();
  const types = await Promise.all(result.columnTypes().map((type, i) => typeOf(type, columns[i]!)));
  const rows: (Cell | boolean)[][] = [];
  let chars = 0;
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) break;
    if (rows.length + chunk.rowCount > rowLimit)
      throw refused(`its result has more than ${rowLimit} rows; use LIMIT or aggregates`);
    for (const row of chunk.getRows()) {
      const cells = row.map((value, i) => cellOf(value, types[i]!));
      for (const cell of cells) chars += typeof cell === 'string' ? cell.length : 8;
      rows.push(cells);
    }
    if (chars > MAX_RESULT_CHARS) throw refused(`its result has more than ${MAX_RESULT_CHARS} characters`);
  }
  return { columns, types, rows };
}

async function typeOf(type: DuckDBType, column: string): Promise<SqlType> {
  const { DuckDBTypeId: id } = await import('@duckdb/node-api');
  const numbers = [
    ...[id.TINYINT, id.SMALLINT, id.INTEGER, id.BIGINT, id.HUGEINT, id.UTINYINT, id.USMALLINT, id.UINTEGER, id.UBIGINT],
    ...[id.UHUGEINT, id.FLOAT, id.DOUBLE, id.DECIMAL],
  ];
  const texts = [id.VARCHAR, id.DATE, id.TIME, id.TIMESTAMP, id.TIMESTAMP_TZ, id.INTERVAL, id.SQLNULL];
  if (numbers.includes(type.typeId)) return 'number';
  if (texts.includes(type.typeId)) return 'text';
  if (type.typeId === id.BOOLEAN) return 'boolean';
  throw refused(`the column "${column}" of its result holds lists, records or bytes; expected numbers or text`);
}

function cellOf(value: DuckDBValue, type: SqlType): Cell | boolean {
  if (value === null) return null;
  if (type === 'boolean') return value === true;
  if (type === 'text') return String(value);
  if (typeof value !== 'bigint') {
    const number = Number(typeof value === 'number' ? value : String(value)); // a DECIMAL is an object
    return Number.isFinite(number) ? number : null;
  }
  if (!Number.isSafeInteger(Number(value))) throw refused('a whole number is beyond 2^53; cast it to DOUBLE');
  return Number(value);
}
