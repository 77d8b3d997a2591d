/**
 * A table that lies in a database of DuckDB as a data source, wherever it came from.
 * @module
 */
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { KonsilError, throwIfCancelled } from '../../base/index.ts';
import type { Batch, Cell, DataSource, Found, TableOptions } from '../dataSource.ts';
import { type ColumnSchema, type Schema, type SemanticType, semanticTypeOf } from '../schema.ts';
import { didYouMean } from '../suggest.ts';
import { isIdentifyingName } from './identifyingColumns.ts';
import { cellOf, isMostlyDistinct, type LoadedColumn, type LoadedTable } from './loadedTable.ts';
import type { TableDatabase } from './tableDatabase.ts';

/** What a site says of its table. */
export type LoadedOptions = Omit<TableOptions, 'renameColumns' | 'description' | 'releasedCategories'>;

/** A table that lies in the database. */
export interface OpenTable {
  /** Class name in configuration. */
  readonly kind: string;
  /** Where it came from, for messages. */
  readonly label: string;
  readonly table: LoadedTable;
  /** Columns of the table that are not shown. */
  readonly hidden: ReadonlySet<string>;
  /** Line of a row in the file, where there is one. */
  readonly lineOf?: (key: number) => Promise<number | undefined>;
}

export class LoadedSource implements DataSource {
  readonly kind: string;
  readonly label: string;
  readonly columns: readonly string[];
  readonly rowCount: number;
  readonly schema: Schema;
  readonly #hiddenColumns: readonly string[];
  readonly #lineOf: OpenTable['lineOf'];
  readonly #select: string;
  readonly #database: TableDatabase;

  /** Takes the database over; `hidden` are columns of the table that are not shown. */
  constructor(options: LoadedOptions, { kind, label, table, hidden, lineOf }: OpenTable, database: TableDatabase) {
    const ignored = new Set(options.ignoreColumns);
    const kept = table.columns.filter(({ name }) => !ignored.has(name) && !hidden.has(name));
    this.kind = kind;
    this.label = label;
    this.columns = kept.map((column) => column.name);
    this.rowCount = table.rowCount;
    this.schema = {
      name: options.name,
      datasource: this.kind,
      rowCount: table.rowCount,
      columns: kept.map((column) => columnSchema(column, options)),
    };
    this.#hiddenColumns = [...hidden, ...table.nested].filter((name) => !ignored.has(name)).sort();
    this.#lineOf = lineOf;
    this.#select = kept.map(cellOf).join(', ');
    this.#database = database;
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
    // the range lets DuckDB pass over what is far away
    const cells = await this.#cells(`rowid >= $1 AND rowid <= $2 AND rowid IN (${list})`, [
      BigInt(wanted[0]!),
      BigInt(wanted.at(-1)!),
    ]);
    const at = new Map(wanted.map((key, i) => [key, i]));
    return { keys: [...keys], columns: this.#named(cells.map((column) => keys.map((key) => column[at.get(key)!]!))) };
  }

  async findLine(key: number): Promise<number | undefined> {
    return this.#lineOf?.(key);
  }

  nameOf(key: number): string {
    return `row ${key}`;
  }

  groupOf(): null {
    return null;
  }

  found(): Found {
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

function columnSchema({ name, dataType, numberShare }: LoadedColumn, { forceStypes }: LoadedOptions): ColumnSchema {
  const types: readonly SemanticType[] = ['categorical', 'continuous', 'text'];
  const forced = types.find((type) => forceStypes?.[type]?.includes(name) === true);
  return { name, dataType, semanticType: forced ?? semanticTypeOf(dataType, numberShare) };
}

/** Names of the columns. */
export function namesOf(table: LoadedTable): string[] {
  return table.columns.map(({ name }) => name);
}

/** Columns that identify by their name, or are text that hardly repeats, and are not exposed. */
export async function hiddenColumns(
  connection: DuckDBConnection,
  table: LoadedTable,
  options: LoadedOptions,
): Promise<ReadonlySet<string>> {
  const known = new Set([...(options.exposeColumns ?? []), ...(options.ignoreColumns ?? [])]);
  const hidden = new Set<string>();
  for (const column of table.columns) {
    if (known.has(column.name) || options.imagePrefixes?.some((prefix) => column.name.startsWith(prefix))) continue;
    const isText = column.dataType === 'text' && semanticTypeOf(column.dataType, column.numberShare) === 'text';
    // one column at a time: each count holds that column's different values
    if (isIdentifyingName(column.name) || (isText && (await isMostlyDistinct(connection, column))))
      hidden.add(column.name);
  }
  return hidden;
}

/**
 * @param nested - Columns that are there but can be neither shown nor typed.
 * @throws KonsilError DATA_COLUMN_MISSING, or DATA_UNSUPPORTED, for a column that an option names.
 */
export function checkOptions(
  options: LoadedOptions,
  file: string,
  names: readonly string[],
  nested: readonly string[],
): void {
  const { forceStypes = {}, ignoreColumns = [], exposeColumns = [] } = options;
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
