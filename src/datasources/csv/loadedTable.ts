/**
 * What is known of a table that lies in the database: columns by position, so that no name of the file stands in SQL.
 * @module
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { DataType } from '../schema.ts';

/** A column of the database table `data`. */
export interface LoadedColumn {
  /** Name in the file. */
  readonly name: string;
  /** Name in SQL, `c0`, `c1`, … */
  readonly id: string;
  readonly dataType: DataType;
  /** Where its text is a number written otherwise than SQL does. @default id */
  readonly sql?: string;
  /** Of the values that are there, those that are numbers, in [0, 1]. */
  readonly numberShare: number;
}

/** The table `data`; its rows are numbered as those of the file by DuckDB's `rowid`, from 0. */
export interface LoadedTable {
  readonly rowCount: number;
  readonly columns: readonly LoadedColumn[];
  /** Columns of the file that no table of numbers and text can hold. */
  readonly nested: readonly string[];
}

/** SQL for the cells of a column as {@link Cell}s. */
export function cellOf({ id, sql = id, dataType }: LoadedColumn): string {
  return dataType === 'integer' || dataType === 'number' ? `${sql}::DOUBLE AS ${id}` : id;
}

/** Fewer values say nothing of whether they repeat. */
const MIN_DISTINCT_VALUES = 20;
const DISTINCT_SHARE = 0.95;

/** Whether more than 95 % of at least 20 values differ from each other, as names and remarks do, and classes do not. */
export async function isMostlyDistinct(connection: DuckDBConnection, { id }: LoadedColumn): Promise<boolean> {
  const reader = await connection.runAndReadAll(`SELECT count(${id}), count(DISTINCT ${id}) FROM data`);
  const [values = 0, distinct = 0] = reader.getRowsJS()[0]!.map(Number);
  return values >= MIN_DISTINCT_VALUES && distinct / values > DISTINCT_SHARE;
}
