/**
 * A table in a file as a data source: CSV or TSV text (also compressed by gzip) or Parquet, read by DuckDB.
 *
 * A table larger than memory is kept on disk. Columns whose names or values say that they identify a person are not
 * shown unless the site exposes them by name.
 * @module
 */
import { stat } from 'node:fs/promises';
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { KonsilError, throwIfCancelled } from '../../base/index.ts';
import type { Batch, Cell, CsvConfig, DataSource, ScanCounts } from '../dataSource.ts';
import { type ColumnSchema, type Schema, type SemanticType, semanticTypeOf } from '../schema.ts';
import { didYouMean } from '../suggest.ts';
import { findRecordLine, readHead } from './csvText.ts';
import { isIdentifyingName } from './identifyingColumns.ts';
import { loadCsv } from './loadCsv.ts';
import { cellOf, isMostlyDistinct, type LoadedColumn, type LoadedTable } from './loadedTable.ts';
import { isParquet, loadParquet } from './loadParquet.ts';
import { findTooLarge, openTableDatabase, type TableDatabase, type TableDatabaseOptions } from './tableDatabase.ts';

/** Cells that mean "no value". */
export const DEFAULT_NULL_VALUES = ['', 'NA', 'NaN', 'null', '.', 'N/A', 'nan', 'NULL'] as const;

export type CsvOptions = Omit<CsvConfig, 'datasource'> & TableDatabaseOptions;

/** A file whose table lies in the database. */
interface OpenTable {
  readonly table: LoadedTable;
  /** Columns of the table that are not shown. */
  readonly hidden: ReadonlySet<string>;
  /** The file is text: its lines can be found. */
  readonly text?: { readonly gzip: boolean };
}

export class CSVSource implements DataSource {
  readonly kind = 'CSVSource';
  readonly label: string;
  readonly columns: readonly string[];
  readonly rowCount: number;
  readonly schema: Schema;
  readonly #hiddenColumns: readonly string[];
  readonly #text: OpenTable['text'];
  readonly #select: string;
  readonly #database: TableDatabase;

  private constructor(options: CsvOptions, { table, hidden, text }: OpenTable, database: TableDatabase) {
    const ignored = new Set(options.ignoreColumns);
    const kept = table.columns.filter(({ name }) => !ignored.has(name) && !hidden.has(name));
    this.label = options.path;
    this.columns = kept.map((column) => column.name);
    this.rowCount = table.rowCount;
    this.schema = {
      name: options.name,
      datasource: this.kind,
      rowCount: table.rowCount,
      columns: kept.map((column) => columnSchema(column, options)),
    };
    this.#hiddenColumns = [...hidden, ...table.nested].filter((name) => !ignored.has(name)).sort();
    this.#text = text;
    this.#select = kept.map(cellOf).join(', ');
    this.#database = database;
  }

  /**
   * Reads and checks the whole file.
   * @throws KonsilError FILE_NOT_FOUND, DATA_INVALID, DATA_EMPTY, DATA_UNSUPPORTED when the file is encrypted or too
   *   large, or DATA_COLUMN_MISSING when an option names no column.
   */
  static async open(options: CsvOptions): Promise<CSVSource> {
    const { path } = options;
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile() !== true)
      throw new KonsilError('FILE_NOT_FOUND', `no file ${path}; expected a CSV file`, { file: path });
    const nullValues = options.nullValues ?? DEFAULT_NULL_VALUES;
    const head = (await isParquet(path)) ? undefined : await readHead(path, options.delimiter);
    if (head !== undefined) checkOptions(options, head.names, []);
    const database = await openTableDatabase(options);
    try {
      const table =
        head === undefined
          ? await loadParquet(database, path, nullValues)
          : await loadCsv(database, path, head, nullValues);
      checkOptions(options, namesOf(table), table.nested);
      const hidden = await hiddenColumns(database.connection, table, options);
      return new CSVSource(options, { table, hidden, ...(head && { text: { gzip: head.gzip } }) }, database);
    } catch (error) {
      database.close();
      throw error instanceof KonsilError ? error : (findTooLarge(path, database, error) ?? error);
    }
  }

  async *yieldData(partitionSize = 10_000, signal?: AbortSignal): AsyncIterable<Batch> {
    if (!Number.isSafeInteger(partitionSize) || partitionSize < 1)
      throw new RangeError(`partitionSize needs an integer ≥ 1, got ${partitionSize}`);
    for (let from = 0; from < this.rowCount; from += partitionSize) {
      throwIfCancelled(signal);
      const to = Math.min(from + partitionSize, this.rowCount);
      const keys = Array.from({ length: to - from }, (_, i) => from + i);
      const columns = await this.#cells('rowid >= $1 AND rowid < $2', [BigInt(from), BigInt(to)]);
      yield { keys, columns: this.#named(columns) };
    }
  }

  async getData(keys: readonly number[]): Promise<Batch> {
    for (const key of keys) {
      if (!Number.isSafeInteger(key) || key < 0 || key >= this.rowCount)
        throw new RangeError(`key needs an integer in [0, ${this.rowCount}), got ${key}`);
    }
    if (keys.length === 0) return { keys, columns: this.#named(this.columns.map(() => [])) };
    const wanted = [...new Set(keys)].sort((a, b) => a - b);
    const list = wanted.map((key) => BigInt(key)).join(','); // checked integers
    const cells = await this.#cells(`rowid IN (${list})`, []);
    const at = new Map(wanted.map((key, i) => [key, i]));
    return { keys: [...keys], columns: this.#named(cells.map((column) => keys.map((key) => column[at.get(key)!]!))) };
  }

  async findLine(key: number): Promise<number | undefined> {
    return this.#text === undefined ? undefined : findRecordLine(this.label, this.#text.gzip, key);
  }

  nameOf(key: number): string {
    return `row ${key}`;
  }

  groupOf(): null {
    return null;
  }

  found(): { readonly counts: ScanCounts; readonly hiddenColumns: readonly string[] } {
    return { counts: { files: 1, records: this.rowCount, skipped: {} }, hiddenColumns: this.#hiddenColumns };
  }

  close(): void {
    this.#database.close();
  }

  async #cells(where: string, values: DuckDBValue[]): Promise<Cell[][]> {
    if (this.columns.length === 0) return [];
    const sql = `SELECT ${this.#select} FROM data WHERE ${where} ORDER BY rowid`;
    const reader = await this.#database.connection.runAndReadAll(sql, values);
    return reader.getColumnsJS() as Cell[][];
  }

  #named(cells: readonly (readonly Cell[])[]): Batch['columns'] {
    return Object.fromEntries(this.columns.map((name, i) => [name, cells[i] ?? []]));
  }
}

function columnSchema({ name, dataType, numberShare }: LoadedColumn, { forceStypes }: CsvOptions): ColumnSchema {
  const types: readonly SemanticType[] = ['categorical', 'continuous', 'text'];
  const forced = types.find((type) => forceStypes?.[type]?.includes(name) === true);
  return { name, dataType, semanticType: forced ?? semanticTypeOf(dataType, numberShare) };
}

function namesOf(table: LoadedTable): string[] {
  return table.columns.map(({ name }) => name);
}

/** Columns that identify by their name, or are text that hardly repeats, and are not exposed. */
async function hiddenColumns(
  connection: DuckDBConnection,
  table: LoadedTable,
  options: CsvOptions,
): Promise<ReadonlySet<string>> {
  const known = new Set([...(options.exposeColumns ?? []), ...(options.ignoreColumns ?? [])]);
  const hidden = new Set<string>();
  for (const column of table.columns) {
    if (known.has(column.name)) continue;
    const isText = column.dataType === 'text' && semanticTypeOf(column.dataType, column.numberShare) === 'text';
    // one column at a time: each count holds that column's different values
    if (isIdentifyingName(column.name) || (isText && (await isMostlyDistinct(connection, column))))
      hidden.add(column.name);
  }
  return hidden;
}

/** @param nested - Columns that are there but can be neither shown nor typed. */
function checkOptions(options: CsvOptions, names: readonly string[], nested: readonly string[]): void {
  const { path: file, forceStypes = {}, ignoreColumns = [], exposeColumns = [] } = options;
  const wanted = [
    ...Object.entries(forceStypes).flatMap(([type, columns]) =>
      columns.map((column) => ({ column, key: `force_stypes.${type}` })),
    ),
    ...ignoreColumns.filter((column) => !nested.includes(column)).map((column) => ({ column, key: 'ignore_cols' })),
    ...exposeColumns.map((column) => ({ column, key: 'expose_cols' })),
  ];
  for (const { column, key } of wanted) {
    if (names.includes(column)) continue;
    if (nested.includes(column))
      throw new KonsilError(
        'DATA_UNSUPPORTED',
        `${file}, column "${column}" (${key}): expected numbers, text, dates or booleans, not lists, records or bytes`,
        { file, column },
      );
    throw new KonsilError(
      'DATA_COLUMN_MISSING',
      `${file} has no column "${column}" (${key})${didYouMean(column, names)}`,
      { file, column },
    );
  }
}
