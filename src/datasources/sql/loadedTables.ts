/**
 * Tables of a database in the sandbox, fetched when a query first needs them and kept until it closes.
 * @module
 */
import type { DuckDBConnection, DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { KonsilError, throwIfCancelled } from '../../base/index.ts';
import { refused } from './refused.ts';
import { quoted } from './tableNames.ts';
import type { SqlColumnType, SqlTable, TableBatch, TableSource } from './tableSource.ts';

/** Rows of a chunk of DuckDB. */
const CHUNK_ROWS = 2_048;

/** Told while tables are fetched. */
export interface LoadProgress {
  readonly table: string;
  readonly rows: number;
}

export interface LoadOptions {
  /** Of fetching what one query needs. */
  readonly loadTimeoutMs: number;
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal | undefined;
}

export class LoadedTables {
  readonly #source: TableSource;
  readonly #connection: DuckDBConnection;
  /** Names of the columns that each table has. */
  readonly #loaded = new Map<string, ReadonlySet<string>>();

  constructor(source: TableSource, connection: DuckDBConnection) {
    this.#source = source;
    this.#connection = connection;
  }

  /**
   * Fetches what of `wanted` is not there yet; tables of one call are of one moment, those of another call of another.
   * @throws KonsilError of the source, SQL_REFUSED when it takes too long; what DuckDB throws when memory is spent.
   */
  async load(wanted: readonly SqlTable[], { loadTimeoutMs, onProgress, signal }: LoadOptions): Promise<void> {
    const missing = wanted.flatMap((table) => this.#missing(table));
    if (missing.length === 0) return;
    const late = AbortSignal.timeout(loadTimeoutMs);
    const either = signal === undefined ? late : AbortSignal.any([signal, late]);
    const fillers = new Map<string, TableFiller>();
    try {
      for (const table of missing) fillers.set(table.name, await this.#create(table));
      for await (const batch of this.#source.read(missing, either)) {
        const filler = fillers.get(batch.table.name)!;
        filler.append(batch);
        onProgress?.({ table: batch.table.name, rows: filler.rows });
      }
      for (const filler of fillers.values()) filler.close();
    } catch (error) {
      for (const { name } of missing) await this.#drop(name);
      throwIfCancelled(signal);
      throw late.aborted ? refused(`its tables are not read within ${loadTimeoutMs} ms`) : error;
    }
    for (const { name, columns } of missing) this.#loaded.set(name, new Set(columns.map((column) => column.name)));
  }

  /** The table with the columns it has and those it lacks; nothing when it lacks none. */
  #missing({ name, columns }: SqlTable): SqlTable[] {
    const there = this.#loaded.get(name);
    if (there !== undefined && columns.every((column) => there.has(column.name))) return [];
    const names = new Set([...(there ?? []), ...columns.map((column) => column.name)]);
    const table = this.#source.tables.get(name)!;
    return [{ ...table, columns: table.columns.filter((column) => names.has(column.name)) }];
  }

  async #create({ name, columns }: SqlTable): Promise<TableFiller> {
    await this.#drop(name);
    const { BIGINT, BOOLEAN, DATE, DOUBLE, TIMESTAMP, VARCHAR } = await import('@duckdb/node-api');
    const types = { BIGINT, BOOLEAN, DATE, DOUBLE, TIMESTAMP, VARCHAR };
    const definitions = columns.map((column) => `${quoted(column.name)} ${column.type}`);
    await this.#connection.run(`CREATE TABLE ${quoted(name)} (${definitions.join(', ')})`);
    return TableFiller.create(
      this.#connection,
      name,
      columns.map((column) => types[column.type]),
      columns.map(({ type }) => type),
    );
  }

  async #drop(name: string): Promise<void> {
    this.#loaded.delete(name);
    await this.#connection.run(`DROP TABLE IF EXISTS ${quoted(name)}`);
  }
}

type Duck = typeof import('@duckdb/node-api');
type Appender = Awaited<ReturnType<DuckDBConnection['createAppender']>>;

/** Rows as text into a table of DuckDB. */
class TableFiller {
  rows = 0;
  readonly #duck: Duck;
  readonly #appender: Appender;
  readonly #types: readonly DuckDBType[];
  readonly #cells: readonly ((text: string) => DuckDBValue)[];

  private constructor(
    duck: Duck,
    appender: Appender,
    types: readonly DuckDBType[],
    cells: readonly ((text: string) => DuckDBValue)[],
  ) {
    this.#duck = duck;
    this.#appender = appender;
    this.#types = types;
    this.#cells = cells;
  }

  static async create(
    connection: DuckDBConnection,
    name: string,
    types: readonly DuckDBType[],
    kinds: readonly SqlColumnType[],
  ): Promise<TableFiller> {
    const duck = await import('@duckdb/node-api');
    const cells = kinds.map((kind) => cellReader(kind, duck));
    return new TableFiller(duck, await connection.createAppender(name), types, cells);
  }

  append({ rows }: TableBatch): void {
    for (let from = 0; from < rows.length; from += CHUNK_ROWS) {
      const part = rows.slice(from, from + CHUNK_ROWS);
      const chunk = this.#duck.DuckDBDataChunk.create(this.#types, part.length);
      this.#cells.forEach((cell, i) => {
        chunk.setColumnValues(
          i,
          part.map((row) => {
            const text = row[i];
            return text === null || text === undefined ? null : cell(text);
          }),
        );
      });
      this.#appender.appendDataChunk(chunk);
    }
    this.rows += rows.length;
  }

  close(): void {
    this.#appender.closeSync();
  }
}

const MS_PER_DAY = 86_400_000;

/** From text to a value of DuckDB. @throws KonsilError DATA_INVALID, without the text. */
function cellReader(
  type: SqlColumnType,
  { DuckDBDateValue, DuckDBTimestampValue }: Duck,
): (text: string) => DuckDBValue {
  const wrong = (): KonsilError => new KonsilError('DATA_INVALID', `a value that the database sent is no ${type}`);
  switch (type) {
    case 'VARCHAR':
      return (text) => text;
    case 'BOOLEAN':
      return (text) => text === 'true';
    case 'DOUBLE':
      return (text) => {
        const number = Number(text);
        if (Number.isNaN(number) && text !== 'NaN') throw wrong();
        return number;
      };
    case 'BIGINT':
      return (text) => {
        if (!/^-?\d{1,19}$/.test(text)) throw wrong();
        return BigInt(text);
      };
    case 'DATE':
      return (text) => {
        const ms = Date.parse(`${text}T00:00:00Z`);
        if (text.length !== 10 || Number.isNaN(ms)) throw wrong();
        return new DuckDBDateValue(ms / MS_PER_DAY);
      };
    case 'TIMESTAMP':
      return (text) => {
        const [, second = '', fraction = ''] = /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.(\d{1,6}))?$/.exec(text) ?? [];
        const ms = Date.parse(`${second.replace(' ', 'T')}Z`);
        if (Number.isNaN(ms)) throw wrong();
        return new DuckDBTimestampValue(BigInt(ms) * 1_000n + BigInt(fraction.padEnd(6, '0')));
      };
  }
}
