/**
 * A Parquet file into the database table `data`, with the types that the file declares.
 *
 * Numbers become numbers when a double holds them exactly enough, dates and times text as `YYYY-MM-DD hh:mm:ss` (UTC
 * where the file has a time zone), and columns of lists, records or bytes are left out and named.
 * @module
 */
import { open } from 'node:fs/promises';
import { extname } from 'node:path';
import type { DuckDBConnection, DuckDBType } from '@duckdb/node-api';
import { KonsilError } from '../../base/index.ts';
import type { DataType } from '../schema.ts';
import { invalid } from './csvText.ts';
import { literalPath } from './loadCsv.ts';
import type { LoadedTable } from './loadedTable.ts';
import { findTooLarge, type TableDatabase } from './tableDatabase.ts';

const MAGIC = 'PAR1';
const ENCRYPTED_MAGIC = 'PARE';
/** Magic number at both ends, and the length of the footer. @source Apache Parquet format, file format */
const SMALLEST = 12;
/** More columns than any table of patients has, and than DuckDB plans in reasonable memory. */
const MAX_COLUMNS = 10_000;

/**
 * Whether the file is meant to be Parquet: by its magic number, at either end for a name that says so, at both otherwise.
 * @throws KonsilError DATA_INVALID for a damaged file, DATA_UNSUPPORTED for an encrypted one.
 */
export async function isParquet(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const isNamed = extname(path).toLowerCase() === '.parquet';
    const text = async (position: number): Promise<string> =>
      size < 4 ? '' : (await file.read(Buffer.alloc(4), 0, 4, position)).buffer.toString('latin1');
    const [first, last] = [await text(0), await text(size - 4)];
    const isClaimed = isNamed || (first === last && (first === MAGIC || first === ENCRYPTED_MAGIC));
    if (!isClaimed) return false;
    if (first === ENCRYPTED_MAGIC && last === ENCRYPTED_MAGIC)
      throw new KonsilError('DATA_UNSUPPORTED', `${path} is an encrypted Parquet file; expected a plain one`, {
        file: path,
      });
    if (first !== MAGIC || last !== MAGIC || size < SMALLEST)
      throw invalid(path, `is not a whole Parquet file; expected ${MAGIC} as its first and last 4 bytes`);
    const footer = (await file.read(Buffer.alloc(4), 0, 4, size - 8)).buffer.readUInt32LE();
    if (footer > size - SMALLEST)
      throw invalid(path, `has a footer of ${footer} bytes at byte ${size - 8}; expected at most ${size - SMALLEST}`);
    return true;
  } finally {
    await file.close();
  }
}

/** @throws KonsilError DATA_INVALID, DATA_EMPTY, or DATA_UNSUPPORTED when it is too large. */
export async function loadParquet(
  database: TableDatabase,
  path: string,
  nullValues: readonly string[],
): Promise<LoadedTable> {
  const { connection } = database;
  const { LIST, listValue, VARCHAR } = await import('@duckdb/node-api');
  const source = 'read_parquet($1, hive_partitioning = false, file_row_number = false)';
  const fail = (error: unknown): KonsilError =>
    // DuckDB's message may quote values; no `cause` for the same reason
    findTooLarge(path, database, error) ?? invalid(path, 'is a damaged Parquet file, or one with unknown features');
  const file = literalPath(path);
  let kinds: readonly ({ readonly name: string } & Partial<Kind>)[];
  try {
    const reader = await connection.runAndReadAll(`SELECT * FROM ${source} LIMIT 0`, [file]);
    const types = reader.columnTypes();
    if (types.length > MAX_COLUMNS) throw invalid(path, `has ${types.length} columns; expected at most ${MAX_COLUMNS}`);
    kinds = await Promise.all(reader.columnNames().map(async (name, i) => ({ name, ...(await kindOf(types[i]!)) })));
  } catch (error) {
    throw error instanceof KonsilError ? error : fail(error);
  }
  const kept = kinds.flatMap(({ name, dataType, select }, i) =>
    dataType === undefined || select === undefined ? [] : [{ name, id: `c${i}`, dataType, sql: select(`c${i}`) }],
  );
  const nested = kinds.filter(({ dataType }) => dataType === undefined).map(({ name }) => name);
  if (kept.length === 0) throw invalid(path, 'has no column of numbers, text, dates or booleans');
  const names = kinds.map((_, i) => `c${i}`).join(', ');
  const cells = kept.map(({ id, sql }) => `${sql} AS ${id}`).join(', ');
  try {
    // the list of null values is used even when no column is text: every parameter must be
    await connection.run(
      `CREATE TABLE data AS SELECT ${cells} FROM ${source} AS file(${names}) WHERE len($2) >= 0`,
      [file, listValue([...nullValues])],
      [VARCHAR, LIST(VARCHAR)],
    );
  } catch (error) {
    throw fail(error);
  }
  await connection.run('SET enable_external_access = false');
  const counts = await connection.runAndReadAll('SELECT count(*) FROM data');
  const rowCount = Number(counts.getRowsJS()[0]![0]);
  if (rowCount === 0) throw new KonsilError('DATA_EMPTY', `${path} has columns but no rows`, { file: path });
  const columns = kept.map(({ name, id, dataType }) => ({
    name,
    id,
    dataType,
    numberShare: isNumber(dataType) ? 1 : 0,
  }));
  await checkNumbers(
    connection,
    path,
    columns.filter(({ dataType }) => isNumber(dataType)),
  );
  return { rowCount, columns, nested };
}

function isNumber(dataType: DataType): boolean {
  return dataType === 'integer' || dataType === 'number';
}

interface Kind {
  readonly dataType: DataType;
  /** SQL that gives a column's cells. */
  readonly select: (id: string) => string;
}

/** What becomes of a column of the file; nothing for a type that no cell can hold. */
async function kindOf(type: DuckDBType): Promise<Partial<Kind>> {
  const { DuckDBTypeId: id } = await import('@duckdb/node-api');
  const asIs = (column: string): string => column;
  const asText = (column: string): string => `CAST(${column} AS VARCHAR)`;
  switch (type.typeId) {
    case id.TINYINT:
    case id.SMALLINT:
    case id.INTEGER:
    case id.BIGINT:
    case id.UTINYINT:
    case id.USMALLINT:
    case id.UINTEGER:
    case id.UBIGINT:
    case id.HUGEINT:
    case id.UHUGEINT:
      return { dataType: 'integer', select: asIs };
    case id.DECIMAL:
      return { dataType: type.toString().endsWith(',0)') ? 'integer' : 'number', select: asIs };
    case id.FLOAT:
    case id.DOUBLE:
      // how pandas and R write "no value"
      return { dataType: 'number', select: (column) => `CASE WHEN isnan(${column}) THEN NULL ELSE ${column} END` };
    case id.BOOLEAN:
      return { dataType: 'boolean', select: asText };
    case id.DATE:
    case id.TIMESTAMP:
    case id.TIMESTAMP_S:
    case id.TIMESTAMP_MS:
    case id.TIMESTAMP_NS:
      return { dataType: 'date', select: asText };
    case id.TIMESTAMP_TZ:
      return { dataType: 'date', select: (column) => `CAST(${column} AT TIME ZONE 'UTC' AS VARCHAR)` };
    case id.VARCHAR:
    case id.ENUM:
    case id.UUID:
    case id.TIME:
      return { dataType: 'text', select: (column) => cleanText(asText(column)) };
    default:
      return {};
  }
}

/** Cut at NUL, without control characters, trimmed; null where that leaves a text that means "no value" (`$2`). */
function cleanText(text: string): string {
  const clean = `trim(regexp_replace(split_part(${text}, chr(0), 1), '\\p{C}', ' ', 'g'))`;
  return `CASE WHEN list_contains($2, ${clean}) THEN NULL ELSE ${clean} END`;
}

/** A cell is a double: whole numbers that it would round are refused rather than changed, and so is infinity. */
async function checkNumbers(
  connection: DuckDBConnection,
  path: string,
  columns: LoadedTable['columns'],
): Promise<void> {
  if (columns.length === 0) return;
  const wrong = columns.map(({ id, dataType }) =>
    dataType === 'integer'
      ? `count(*) FILTER (${id} > 9007199254740991 OR ${id} < -9007199254740991)`
      : `count(*) FILTER (isinf(${id}::DOUBLE))`,
  );
  const reader = await connection.runAndReadAll(`SELECT ${wrong.join(', ')} FROM data`);
  const counts = reader.getRowsJS()[0]!.map(Number);
  const at = counts.findIndex((count) => count > 0);
  if (at < 0) return;
  const { name, dataType } = columns[at]!;
  const expected = dataType === 'integer' ? 'whole numbers of at most 2^53 - 1, or text' : 'finite numbers';
  throw new KonsilError(
    'DATA_INVALID',
    `${path}, column "${name}": ${counts[at]} values out of range; expected ${expected}`,
    { file: path, column: name, values: counts[at]! },
  );
}
