/**
 * The port of a database of several tables, of which queries are answered elsewhere: its tables are read, never asked.
 * @module
 */

/** What a column becomes in the sandbox; whole numbers, floating point numbers, `YYYY-MM-DD`, `YYYY-MM-DD hh:mm:ss[.ffffff]`. */
export type SqlColumnType = 'BIGINT' | 'DOUBLE' | 'BOOLEAN' | 'DATE' | 'TIMESTAMP' | 'VARCHAR';

export interface SqlColumn {
  /** In lower case. */
  readonly name: string;
  readonly type: SqlColumnType;
}

export interface SqlTable {
  /** In lower case. */
  readonly name: string;
  /** At least one: those that are shown. */
  readonly columns: readonly SqlColumn[];
  /**
   * Whom its rows are about, where a site shows groups only: a column that names the patient, nobody, or patients that
   * cannot be told apart.
   */
  readonly about: { readonly patient: string } | 'nobody' | 'unknown';
}

/** Rows of one table, in no order. */
export interface TableBatch {
  readonly table: SqlTable;
  /** A cell a column of `table`, as text; booleans are `true` and `false`. */
  readonly rows: readonly (readonly (string | null)[])[];
}

/** A database of several tables. */
export interface TableSource {
  /** Class name in configuration, `OMOPSource`. */
  readonly kind: string;
  /** Where it is, for messages; without secrets. */
  readonly label: string;
  /** By name. */
  readonly tables: ReadonlyMap<string, SqlTable>;
  /** Columns that nobody sees, `table.column`. */
  readonly hiddenColumns: readonly string[];
  /**
   * Rows of these tables, each with the columns it names, all as they were at one moment.
   * @throws KonsilError DATA_UNREACHABLE, DATA_INVALID, DATA_UNSUPPORTED or CANCELLED.
   */
  read(wanted: readonly SqlTable[], signal?: AbortSignal): AsyncIterable<TableBatch>;
  /** Frees what is held; harmless when repeated. */
  close(): void;
}
