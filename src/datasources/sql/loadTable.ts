/**
 * The rows of a data source into a table of DuckDB, through its columnar appender.
 * @module
 */
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { KonsilError } from '../../base/index.ts';
import { type DataSource, isImage, type Value } from '../dataSource.ts';
import { quoted } from './tableNames.ts';

/** Rows of a chunk of DuckDB. */
const CHUNK_ROWS = 2_048;

/** Names of the columns that the table has: those of the source without images. */
export async function loadTable(
  connection: DuckDBConnection,
  source: DataSource,
  table: string,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const { DOUBLE, DuckDBDataChunk, VARCHAR } = await import('@duckdb/node-api');
  const columns = source.schema.columns.filter(({ dataType }) => dataType !== 'image');
  checkNames(
    source.label,
    columns.map(({ name }) => name),
  );
  const isNumber = columns.map(({ dataType }) => dataType === 'integer' || dataType === 'number');
  const types = isNumber.map((number) => (number ? DOUBLE : VARCHAR));
  const definitions = columns.map(({ name }, i) => `${quoted(name)} ${isNumber[i] ? 'DOUBLE' : 'VARCHAR'}`);
  await connection.run(`CREATE TABLE ${quoted(table)} (${definitions.join(', ')})`);
  const appender = await connection.createAppender(table);
  for await (const batch of source.yieldData(CHUNK_ROWS, signal)) {
    const chunk = DuckDBDataChunk.create(types, batch.keys.length);
    columns.forEach(({ name }, i) => {
      const values = batch.columns[name] ?? [];
      chunk.setColumnValues(
        i,
        values.map((value) => cell(value, isNumber[i]!)),
      );
    });
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
  return columns.map(({ name }) => name);
}

function cell(value: Value, isNumber: boolean): DuckDBValue {
  if (value === null || isImage(value)) return null;
  if (!isNumber) return String(value);
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
