/**
 * A table in which everybody stands at most `maxGroups` times, once in a group, with one whole number a column: what a
 * query can be answered from with noise. EXACT: nothing of it may leave before noise is added.
 *
 * Of the modeller's query only WHERE runs, on a plain projection; the rest is SQL that stands here. What a person adds
 * depends on the person's own rows alone: on whole numbers, so not on the order of rows either.
 * @module
 */
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { openTableDatabase, type TableDatabase } from '../../csv/tableDatabase.ts';
import type { DataSource } from '../../dataSource.ts';
import { limited } from '../limited.ts';
import { loadFailure, loadTable } from '../loadTable.ts';
import type { QueryLimits } from '../refused.ts';
import { type Node, serialise } from '../syntaxTree.ts';
import { quoted } from '../tableNames.ts';
import { type Grid, gridSql } from './grid.ts';
import { numberPersons, type PrivateUnit, TAG_BITS } from './persons.ts';

/** A value that rows are grouped by. */
export type Key = number | string | null;

/** Rows that a query wants, and how they are bounded. */
export interface BoundedQuery {
  /** Name of the table in SQL. */
  readonly table: string;
  /** Syntax tree of the projection `p, k0, …, x0, … FROM table WHERE …`. */
  readonly projection: Node;
  /** Of the projection's column for persons; no column of the source has it. */
  readonly personColumn: string;
  readonly keys: readonly {
    readonly isNumber: boolean;
    /** The only ones that count. @default all that there are */
    readonly values?: readonly (number | string)[];
  }[];
  /** Of each aggregated column; null where values are only counted. */
  readonly grids: readonly (Grid | null)[];
  /** Groups that one person is counted in, at least 1. */
  readonly maxGroups: number;
}

export interface BoundedOptions {
  /** Uniform whole numbers in [0, 2^32), for which of a person's groups count. */
  readonly drawTag: () => number;
  /** Column that says whose a row is. @default what the source knows of patients */
  readonly patientColumn?: string;
  /** Of the table and the query, in 10^6 bytes. @default 1_000 */
  readonly memoryLimitMb?: number;
  /** What does not fit, in 10^6 bytes. @default 4_000 */
  readonly diskLimitMb?: number;
  /** Of each step of the query. @default 300_000 */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Exact figures of a group that has anybody. */
export interface ExactGroup {
  readonly keys: readonly Key[];
  readonly people: bigint;
  /** By aggregated column: people with a value, and the sum of these in steps of the grid. */
  readonly counts: readonly bigint[];
  readonly sums: readonly bigint[];
}

/** People of a group by the place of their value: `bins` of some steps of the grid each, ascending; empty ones are left out. */
export interface ExactHistogram {
  readonly keys: readonly Key[];
  readonly bins: readonly { readonly bin: number; readonly people: bigint }[];
}

export class BoundedTable {
  /** Whom `maxGroups` is about. */
  readonly unit: PrivateUnit;
  readonly #database: TableDatabase;
  readonly #connection: DuckDBConnection;
  readonly #query: BoundedQuery;
  readonly #limits: QueryLimits;
  readonly #signal: AbortSignal | undefined;

  private constructor(database: TableDatabase, unit: PrivateUnit, query: BoundedQuery, options: BoundedOptions) {
    this.#database = database;
    this.#connection = database.connection;
    this.unit = unit;
    this.#query = query;
    this.#limits = { memoryLimitMb: database.limits.memoryLimitMb, timeoutMs: options.timeoutMs ?? 300_000 };
    this.#signal = options.signal;
  }

  /**
   * Loads the source and bounds it; the source stays open.
   * @throws KonsilError DATA_COLUMN_MISSING for `patientColumn`, DATA_UNSUPPORTED, SQL_REFUSED, CANCELLED.
   */
  static async open(source: DataSource, query: BoundedQuery, options: BoundedOptions): Promise<BoundedTable> {
    const { memoryLimitMb = 1_000, diskLimitMb = 4_000, signal } = options;
    const persons = numberPersons(source, options.patientColumn, options.drawTag);
    const database = await openTableDatabase({ memoryLimitMb, diskLimitMb });
    try {
      const person = { name: query.personColumn, numberOf: persons.numberOf };
      await loadTable(database.connection, source, query.table, { signal, person });
      await database.connection.run('SET enable_external_access = false');
      await database.connection.run('SET lock_configuration = true');
    } catch (error) {
      database.close();
      throw loadFailure(source.label, memoryLimitMb, error);
    }
    const table = new BoundedTable(database, persons.unit(), query, options);
    try {
      await table.#bound();
      return table;
    } catch (error) {
      table.close();
      throw error;
    }
  }

  /** Every group that has anybody, in no order that means anything. */
  async *groups(): AsyncGenerator<ExactGroup> {
    const keys = this.#keyNames();
    const columns = this.#query.grids.map((_, i) => i);
    const figures = ['count(*)', ...columns.flatMap((i) => [`count(j${i})`, `coalesce(sum(j${i}), 0)::HUGEINT`])];
    for await (const row of this.#rows(`SELECT ${[...keys, ...figures].join(', ')} FROM bounded ${grouped(keys)}`)) {
      const numbers = row.slice(keys.length) as bigint[];
      yield {
        keys: row.slice(0, keys.length) as Key[],
        people: numbers[0]!,
        counts: columns.map((i) => numbers[1 + 2 * i]!),
        sums: columns.map((i) => numbers[2 + 2 * i]!),
      };
    }
  }

  /** Of every group that has a value in the column, one after the other. @param width - Steps of a bin, whole. */
  async *histograms(column: number, width: number): AsyncGenerator<ExactHistogram> {
    const keys = this.#keyNames();
    const { low } = this.#query.grids[column]!;
    const by = [...keys, 'bin'];
    const sql = `SELECT ${keys.map((key) => `${key}, `).join('')}(j${column} - ${low}) // ${width} AS bin, count(*)
      FROM bounded WHERE j${column} IS NOT NULL ${grouped(by)} ORDER BY ${by.join(', ')}`;
    let current: { keys: Key[]; id: string; bins: { bin: number; people: bigint }[] } | undefined;
    for await (const row of this.#rows(sql)) {
      const rowKeys = row.slice(0, keys.length) as Key[];
      const id = JSON.stringify(rowKeys);
      if (current?.id !== id) {
        if (current) yield current;
        current = { keys: rowKeys, id, bins: [] };
      }
      current.bins.push({ bin: Number(row[keys.length]), people: row[keys.length + 1] as bigint });
    }
    if (current) yield current;
  }

  /** Forgets everything; harmless when repeated. */
  close(): void {
    this.#database.close();
  }

  #keyNames(): string[] {
    return this.#query.keys.map((_, i) => `k${i}`);
  }

  async #bound(): Promise<void> {
    const { keys, grids, maxGroups, projection } = this.#query;
    await this.#run('CREATE TEMP TABLE chosen AS SELECT * FROM json_execute_serialized_sql($1::VARCHAR)', [
      serialise(projection),
    ]);
    const declared: string[] = [];
    for (const [i, { isNumber, values }] of keys.entries()) {
      if (values === undefined) continue;
      const type = isNumber ? 'DOUBLE' : 'VARCHAR';
      await this.#run(`CREATE TEMP TABLE declared${i} AS SELECT unnest(CAST($1::JSON AS ${type}[])) AS v`, [
        JSON.stringify(values),
      ]);
      declared.push(`k${i} IN (SELECT v FROM declared${i})`);
    }
    const names = this.#keyNames();
    // infinity and NaN are no keys: JSON has none of them
    const plainKeys = keys.map(({ isNumber }, i) =>
      isNumber ? `CASE WHEN isfinite(k${i}) THEN k${i} END AS k${i}` : `k${i}`,
    );
    const whole = grids.map((grid, i) =>
      grid ? `${gridSql(`x${i}`, grid)} AS j${i}` : `CASE WHEN x${i} IS NOT NULL THEN 0 END AS j${i}`,
    );
    const means = grids.map((_, i) => `(sum(j${i}) // count(j${i}))::BIGINT AS j${i}`);
    const order = [`hash(${[`p % ${1n << TAG_BITS}`, ...names].join(', ')})`, ...names].join(', ');
    const kept = [...names, ...grids.map((_, i) => `j${i}`)];
    await this.#run(`CREATE TEMP TABLE bounded AS
      WITH whole AS (SELECT ${['p', ...plainKeys, ...whole].join(', ')} FROM chosen),
      once AS (SELECT ${['p', ...names, ...means].join(', ')} FROM whole
        ${declared.length > 0 ? `WHERE ${declared.join(' AND ')}` : ''} GROUP BY ${['p', ...names].join(', ')}),
      placed AS (SELECT *, row_number() OVER (PARTITION BY p ORDER BY ${order}) AS place FROM once)
      SELECT ${kept.length > 0 ? kept.join(', ') : '1 AS one'} FROM placed WHERE place <= ${maxGroups}`);
  }

  async #run(sql: string, values: DuckDBValue[] = []): Promise<void> {
    await limited(this.#connection, this.#limits, this.#signal, async () => {
      await this.#connection.run(sql, values);
    });
  }

  async *#rows(sql: string): AsyncGenerator<DuckDBValue[]> {
    const within = <T>(work: () => Promise<T>): Promise<T> =>
      limited(this.#connection, this.#limits, this.#signal, work);
    const result = await within(() => this.#connection.stream(sql));
    for (;;) {
      const chunk = await within(() => result.fetchChunk());
      if (chunk === null || chunk.rowCount === 0) return;
      yield* chunk.getRows();
    }
  }
}

const grouped = (keys: readonly string[]): string => (keys.length > 0 ? `GROUP BY ${keys.join(', ')}` : '');

/** SQL of the projection whose syntax tree, with WHERE put in, is a {@link BoundedQuery}'s. */
export function projectionSql(
  table: string,
  personColumn: string,
  keys: readonly string[],
  columns: readonly string[],
): string {
  const named = [
    `${quoted(personColumn)} AS p`,
    ...keys.map((key, i) => `${quoted(key)} AS k${i}`),
    ...columns.map((column, i) => `${quoted(column)} AS x${i}`),
  ];
  return `SELECT ${named.join(', ')} FROM ${quoted(table)}`;
}
