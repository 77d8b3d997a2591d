/**
 * The rows of a data source into a table of DuckDB, through its columnar appender.
 * @module
 */
import type { DuckDBConnection, DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { KonsilError } from '../../base/index.ts';
import { type Batch, type DataSource, isImage, type Value } from '../dataSource.ts';
import type { ColumnSchema, Schema } from '../schema.ts';
import { quoted } from './tableNames.ts';

/** Rows of a chunk of DuckDB. */
const CHUNK_ROWS = 2_048;

/** Numbers the persons of a source's rows; a row of nobody known is a person of its own. */
export interface PersonColumn {
  /** Name of the column besides those of the source. */
  readonly name: string;
  numberOf(batch: Batch, at: number): bigint;
}

/**
 * An empty table with the columns of a source but images, and the person of each row.
 * @returns the columns of the source that it has.
 */
export async function createTable(
  connection: DuckDBConnection,
  { name: label, columns: all }: Schema,
  table: string,
  personColumn?: string,
): Promise<readonly ColumnSchema[]> {
  const columns = all.filter(({ dataType }) => dataType !== 'image');
  checkNames(
    label,
    columns.map(({ name }) => name),
  );
  const definitions = columns.map((column) => `${quoted(column.name)} ${isNumber(column) ? 'DOUBLE' : 'VARCHAR'}`);
  if (personColumn !== undefined) definitions.push(`${quoted(personColumn)} BIGINT`);
  await connection.run(`CREATE TABLE ${quoted(table)} (${definitions.join(', ')})`);
  return columns;
}

/** Names of the columns that the table has: those of the source without images. */
export async function loadTable(
  connection: DuckDBConnection,
  source: DataSource,
  table: string,
  options: { readonly signal?: AbortSignal | undefined; readonly person?: PersonColumn } = {},
): Promise<readonly string[]> {
  const { BIGINT, DOUBLE, DuckDBDataChunk, VARCHAR } = await import('@duckdb/node-api');
  const { person, signal } = options;
  const columns = await createTable(connection, { ...source.schema, name: source.label }, table, person?.name);
  const types: DuckDBType[] = columns.map((column) => (isNumber(column) ? DOUBLE : VARCHAR));
  if (person !== undefined) types.push(BIGINT);
  const appender = await connection.createAppender(table);
  for await (const batch of source.yieldData(CHUNK_ROWS, signal)) {
    const chunk = DuckDBDataChunk.create(types, batch.keys.length);
    columns.forEach((column, i) => {
      const values = batch.columns[column.name] ?? [];
      chunk.setColumnValues(
        i,
        values.map((value) => cell(value, isNumber(column))),
      );
    });
    if (person !== undefined)
      chunk.setColumnValues(
        columns.length,
        batch.keys.map((_, at) => person.numberOf(batch, at)),
      );
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
  return columns.map(({ name }) => name);
}

/** What becomes of an error while a source is loaded: its message quotes no value. */
export function loadFailure(label: string, memoryLimitMb: number, error: unknown): unknown {
  if (error instanceof KonsilError || error instanceof RangeError) return error;
  // DuckDB's message may quote values
  return new KonsilError('DATA_UNSUPPORTED', `${label} cannot be held for queries in ${memoryLimitMb} MB of memory`, {
    file: label,
  });
}

/** Whether a column is DOUBLE in SQL; all others are VARCHAR. */
export function isNumber({ dataType }: ColumnSchema): boolean {
  return dataType === 'integer' || dataType === 'number';
}

function cell(value: Value, isNumeric: boolean): DuckDBValue {
  if (value === null || isImage(value)) return null;
  if (!isNumeric) return String(value);
  return typeof value === 'number' ? value : null; // a mistake among numbers is no number
}

/** SQL does not tell `Age` from `age`. */
function checkNames(label: string, names: readonly string[]): void {
  if (names.length === 0)
    throw new KonsilError('DATA_EMPTY', `${label} has no column that a query may use`, { file: label });
  const seen = new Map<string, string>();
  for (const name of names) {
    const other = seen.get(name.toLowerCase());
    if (other !== undefined)
      throw new KonsilError(
        'DATA_UNSUPPORTED',
        `${label} has columns "${other}" and "${name}"; SQL needs names that differ not only in case`,
        { file: label },
      );
    seen.set(name.toLowerCase(), name);
  }
}
