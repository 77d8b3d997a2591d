/**
 * A CSV file as a data source, read by DuckDB into memory.
 *
 * Deviation from DuckDB's sniffing: names and delimiter are found here and given to `read_csv` in full, because the
 * sniffer answers a file with uneven rows by silently leaving rows out; a hospital must be told instead. Table columns
 * are called c0, c1, …, so no name of the file ever stands in SQL.
 * @module
 */
import { stat } from 'node:fs/promises';
import type { DuckDBConnection, DuckDBInstance, DuckDBValue } from '@duckdb/node-api';
import { KonsilError, throwIfCancelled } from '../../base/index.ts';
import type { Batch, Cell, CsvConfig, DataSource } from '../dataSource.ts';
import { type ColumnSchema, type DataType, type Schema, type SemanticType, semanticTypeOf } from '../schema.ts';
import { didYouMean } from '../suggest.ts';
import { type CsvHead, findRecordLine, invalid, readHead } from './csvText.ts';

/** Cells that mean "no value". */
export const DEFAULT_NULL_VALUES = ['', 'NA', 'NaN', 'null', '.', 'N/A', 'nan', 'NULL'] as const;

/** A number as CSV files write it; not "inf", not "0x10", not "1_000". */
const NUMBER = '[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?';
const INTEGER = '[+-]?[0-9]+';

type CsvOptions = Omit<CsvConfig, 'datasource'>;

export class CSVSource implements DataSource {
  readonly kind = 'CSVSource';
  readonly label: string;
  readonly columns: readonly string[];
  readonly rowCount: number;
  readonly schema: Schema;
  readonly #head: CsvHead;
  readonly #select: string;
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  #isClosed = false;

  private constructor(
    options: CsvOptions,
    head: CsvHead,
    loaded: Loaded,
    database: { instance: DuckDBInstance; connection: DuckDBConnection },
  ) {
    const ignored = new Set(options.ignoreColumns);
    const kept = head.names.flatMap((name, i) => (ignored.has(name) ? [] : [{ name, i, ...loaded.columns[i]! }]));
    const isForced = (type: SemanticType, name: string): boolean =>
      options.forceStypes?.[type]?.includes(name) === true;
    this.label = options.path;
    this.columns = kept.map((column) => column.name);
    this.rowCount = loaded.rowCount;
    this.schema = {
      name: options.name,
      datasource: this.kind,
      rowCount: loaded.rowCount,
      columns: kept.map(({ name, dataType, numberShare }): ColumnSchema => {
        const forced = (['categorical', 'continuous', 'text'] as const).find((type) => isForced(type, name));
        return { name, dataType, semanticType: forced ?? semanticTypeOf(dataType, numberShare) };
      }),
    };
    this.#head = head;
    this.#select = kept
      .map(({ i, dataType }) => (dataType === 'integer' || dataType === 'number' ? `c${i}::DOUBLE AS c${i}` : `c${i}`))
      .join(', ');
    this.#instance = database.instance;
    this.#connection = database.connection;
  }

  /**
   * Reads and checks the whole file.
   * @throws KonsilError FILE_NOT_FOUND, DATA_INVALID, DATA_EMPTY, or DATA_COLUMN_MISSING when an option names no column.
   */
  static async open(options: CsvOptions): Promise<CSVSource> {
    const found = await stat(options.path).catch(() => undefined);
    if (found?.isFile() !== true)
      throw new KonsilError('FILE_NOT_FOUND', `no file ${options.path}; expected a CSV file`, { file: options.path });
    const head = await readHead(options.path, options.delimiter);
    checkOptions(options, head.names);
    const { DuckDBInstance } = await import('@duckdb/node-api'); // 70 MB native library: only when data is read
    const instance = await DuckDBInstance.create(':memory:', {
      threads: '2',
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    });
    const connection = await instance.connect();
    try {
      const loaded = await load(connection, options, head);
      return new CSVSource(options, head, loaded, { instance, connection });
    } catch (error) {
      connection.closeSync();
      instance.closeSync();
      throw error;
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
    return findRecordLine(this.label, this.#head.gzip, key);
  }

  nameOf(key: number): string {
    return `row ${key}`;
  }

  groupOf(): null {
    return null;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection.closeSync();
    this.#instance.closeSync();
  }

  async #cells(where: string, values: DuckDBValue[]): Promise<Cell[][]> {
    if (this.columns.length === 0) return [];
    const sql = `SELECT ${this.#select} FROM data WHERE ${where} ORDER BY rowid`;
    const reader = await this.#connection.runAndReadAll(sql, values);
    return reader.getColumnsJS() as Cell[][];
  }

  #named(cells: readonly (readonly Cell[])[]): Batch['columns'] {
    return Object.fromEntries(this.columns.map((name, i) => [name, cells[i] ?? []]));
  }
}

interface Loaded {
  readonly rowCount: number;
  readonly columns: readonly { readonly dataType: DataType; readonly numberShare: number }[];
}

function checkOptions(options: CsvOptions, names: readonly string[]): void {
  const wanted = [
    ...Object.entries(options.forceStypes ?? {}).flatMap(([type, columns]) =>
      columns.map((column) => ({ column, key: `force_stypes.${type}` })),
    ),
    ...(options.ignoreColumns ?? []).map((column) => ({ column, key: 'ignore_cols' })),
  ];
  for (const { column, key } of wanted) {
    if (!names.includes(column))
      throw new KonsilError(
        'DATA_COLUMN_MISSING',
        `${options.path} has no column "${column}" (${key})${didYouMean(column, names)}`,
        {
          file: options.path,
          column,
        },
      );
  }
}

async function load(connection: DuckDBConnection, options: CsvOptions, head: CsvHead): Promise<Loaded> {
  const { LIST, listValue, VARCHAR } = await import('@duckdb/node-api');
  const ids = head.names.map((_, i) => `c${i}`);
  const nulls = listValue([...(options.nullValues ?? DEFAULT_NULL_VALUES)]);
  const cleaned = ids.map((id) => `CASE WHEN list_contains($3, trim(${id})) THEN NULL ELSE trim(${id}) END AS ${id}`);
  const read = `read_csv($1, auto_detect = false, delim = $2, quote = '"', escape = '"', header = true, strict_mode = true,
    null_padding = false, max_line_size = 16777216, compression = '${head.gzip ? 'gzip' : 'none'}',
    columns = {${ids.map((id) => `${id}: 'VARCHAR'`).join(', ')}})`;
  try {
    await connection.run(
      `CREATE TABLE data AS SELECT ${cleaned.join(', ')} FROM ${read}`,
      [literalPath(options.path), head.delimiter, nulls],
      [VARCHAR, VARCHAR, LIST(VARCHAR)],
    );
  } catch (error) {
    throw readFailure(options.path, head, error);
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
  if (rowCount === 0)
    throw new KonsilError('DATA_EMPTY', `${options.path} has column names but no rows`, { file: options.path });
  return {
    rowCount,
    columns: ids.map((_, i) => {
      const [values = 0, numbers = 0, integers = 0, booleans = 0, dates = 0] = rest.slice(5 * i, 5 * i + 5);
      const dataType: DataType =
        integers === values
          ? 'integer'
          : numbers === values
            ? 'number'
            : booleans === values
              ? 'boolean'
              : dates === values
                ? 'date'
                : 'text';
      // an empty column fits any type; it counts as a number so that using it is reported, not skipped
      return { dataType: values === 0 ? 'number' : dataType, numberShare: values === 0 ? 1 : numbers / values };
    }),
  };
}

/** The path with DuckDB's glob characters made literal, so that it names one file. */
function literalPath(path: string): string {
  return path.replace(/[*?[]/g, '[$&]');
}

/** DuckDB's message quotes the row, which may be a patient's; only its line number may pass, and no `cause`. */
function readFailure(path: string, head: CsvHead, error: unknown): KonsilError {
  const message = error instanceof Error ? error.message : '';
  const line = /CSV Error on Line: (\d+)/.exec(message)?.[1];
  const where = line === undefined ? '' : `, line ${line}:`;
  const fields = /Expected Number of Columns: \d+ Found: (\d+)/.exec(message)?.[1];
  if (fields !== undefined) return invalid(path, `${where} expected ${head.names.length} fields, got ${fields}`.trim());
  if (message.includes('unterminated quote')) return invalid(path, `${where} a quote is never closed`.trim());
  if (message.includes('unicode') || message.includes('utf-8'))
    return invalid(path, `${where} is not UTF-8 text; save it as UTF-8`.trim());
  return invalid(path, `${where} is not a CSV file with ${head.names.length} columns`.trim());
}
