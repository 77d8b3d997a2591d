/**
 * Queries of a modeller over the table, or the tables, of a site: one SELECT at a time, in a database that holds nothing
 * else and can reach nothing else, within limits of rows, memory and time.
 * @module
 */
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { throwIfCancelled } from '../../base/index.ts';
import { openTableDatabase, type TableDatabase } from '../csv/tableDatabase.ts';
import type { DataSource } from '../dataSource.ts';
import { checkQuery, type Scope } from './allowList.ts';
import {
  type GroupPolicy,
  IS_LARGE,
  type ShownGroups,
  shownGroups,
  withGroupSizes,
  withLargeGroups,
} from './groupGuard.ts';
import { limited } from './limited.ts';
import { LoadedTables, type LoadProgress } from './loadedTables.ts';
import { loadFailure, loadTable } from './loadTable.ts';
import { failureOf, type QueryLimits, refused } from './refused.ts';
import { readResult, type SqlResult } from './result.ts';
import { type Node, nodesOf, parseQuery, serialise } from './syntaxTree.ts';
import { parseTableName, type TableName, translateNames } from './tableNames.ts';
import type { SqlTable, TableSource } from './tableSource.ts';
import { usedTables } from './usedColumns.ts';

/** What a site lets a modeller ask. */
export interface SqlLimits {
  /** Rows of a result. @default 10_000 */
  readonly rowLimit?: number;
  /** Of the tables and a query, in 10^6 bytes, at least 48. @default 1_000 */
  readonly memoryLimitMb?: number;
  /** Where tables and a query may go that do not fit, in 10^6 bytes. @default 4_000 */
  readonly diskLimitMb?: number;
  /** Of one query. @default 30_000 */
  readonly timeoutMs?: number;
  /** Show only aggregates, of groups of at least so many rows, or patients where they are known. @default any query, any rows */
  readonly minimumGroupSize?: number;
  /** With `minimumGroupSize`: whether min, max and median are shown. @default false */
  readonly allowsExtremes?: boolean;
  /** Stops loading and queries. */
  readonly signal?: AbortSignal;
}

/** For one table. */
export interface SqlSandboxOptions extends SqlLimits {
  /** `dataset`, `pod/dataset` or `pod.dataset`; queries may use any of them in backticks, or the last part as it is. */
  readonly tableName: string;
}

/** For a database of several. */
export interface SqlTablesOptions extends SqlLimits {
  /** Of fetching the tables that one query is the first to need. @default 600_000 */
  readonly loadTimeoutMs?: number;
  /** Told while tables are fetched. */
  readonly onProgress?: (progress: LoadProgress) => void;
}

/** Answers queries; {@link SqlSandbox} does. */
export type SqlRunner = Pick<SqlSandbox, 'query' | 'close'>;

export class SqlSandbox {
  readonly #database: TableDatabase;
  /** Of the one table; several have no other names than their own. */
  readonly #name: TableName;
  readonly #scope: Scope;
  readonly #limits: QueryLimits & { readonly rowLimit: number };
  readonly #policy: GroupPolicy | undefined;
  readonly #signal: AbortSignal | undefined;
  /** Fetches what a query needs; nothing to do for a table that is there. */
  readonly #prepare: (query: Node) => Promise<void>;
  /** One query after the other, where they change which tables there are. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(
    database: TableDatabase,
    name: TableName,
    scope: Scope,
    options: SqlLimits,
    prepare: (query: Node) => Promise<void>,
  ) {
    const { rowLimit = 10_000, timeoutMs = 30_000, minimumGroupSize, allowsExtremes = false, signal } = options;
    this.#database = database;
    this.#name = name;
    this.#scope = scope;
    this.#prepare = prepare;
    this.#limits = { rowLimit, timeoutMs, memoryLimitMb: database.limits.memoryLimitMb };
    this.#policy = minimumGroupSize === undefined ? undefined : { minimumGroupSize, allowsExtremes };
    this.#signal = signal;
  }

  /**
   * Loads the source's columns, without images; the source stays open.
   * @throws KonsilError CANCELLED, DATA_UNSUPPORTED when it is too large or names differ only in case, or DATA_EMPTY;
   *   RangeError for an option out of range.
   */
  static async open(source: DataSource, options: SqlSandboxOptions): Promise<SqlSandbox> {
    const name = parseTableName(options.tableName);
    const database = await openLimited(options);
    try {
      const columns = await loadTable(database.connection, source, name.sqlName, { signal: options.signal });
      await lock(database);
      const scope = { tables: [{ name: name.sqlName, columns }] };
      return new SqlSandbox(database, name, scope, options, async () => {});
    } catch (error) {
      database.close();
      throw loadFailure(source.label, database.limits.memoryLimitMb, error);
    }
  }

  /**
   * Over several tables, of which a query fetches what it needs; the source stays open.
   * @throws KonsilError CANCELLED; RangeError for an option out of range.
   */
  static async openTables(source: TableSource, options: SqlTablesOptions = {}): Promise<SqlSandbox> {
    const { loadTimeoutMs = 600_000, onProgress, signal, minimumGroupSize } = options;
    checkAtLeast('loadTimeoutMs', loadTimeoutMs, 1);
    const database = await openLimited(options);
    try {
      await lock(database);
    } catch (error) {
      database.close();
      throw error;
    }
    const loaded = new LoadedTables(source, database.connection);
    const tables = [...source.tables.values()];
    const scope = { tables: tables.map((table) => ({ ...table, columns: table.columns.map(({ name }) => name) })) };
    return new SqlSandbox(database, { sqlName: '', spellings: new Set() }, scope, options, async (query) => {
      const used = usedTables(query, source.tables);
      const wanted = minimumGroupSize === undefined ? used : used.map((table) => withPatient(table, source));
      await loaded.load(wanted, { loadTimeoutMs, signal, ...(onProgress && { onProgress }) });
    });
  }

  /**
   * The result of one SELECT.
   * @throws KonsilError SQL_REFUSED for a query that is not allowed, or that breaks a limit; CANCELLED; of tables that
   *   it is the first to need also what {@link TableSource.read} throws.
   */
  async query(sql: string): Promise<SqlResult> {
    throwIfCancelled(this.#signal);
    const connection = await this.#database.connect();
    try {
      const text = translateNames(sql, this.#name);
      const { tree, groups } = await limited(connection, this.#limits, this.#signal, async () => {
        const tree = await parseQuery(connection, text);
        checkQuery(tree, this.#scope);
        return { tree, groups: this.#policy && shownGroups(tree, this.#scope, this.#policy) };
      });
      return await this.#inTurn(async () => {
        throwIfCancelled(this.#signal);
        await this.#prepare(tree).catch((error: unknown) => {
          throwIfCancelled(this.#signal);
          throw failureOf(error, this.#limits);
        });
        return limited(connection, this.#limits, this.#signal, async () => {
          if (groups !== undefined) return this.#aggregates(connection, tree, groups);
          return { ...(await this.#rows(connection, text)), suppressed: 0 };
        });
      });
    } finally {
      connection.closeSync();
    }
  }

  close(): void {
    this.#database.close();
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => {}); // whoever asked is told; the next is not concerned
    return mine;
  }

  async #rows(
    connection: DuckDBConnection,
    sql: string,
    values: DuckDBValue[] = [],
  ): Promise<Omit<SqlResult, 'suppressed'>> {
    return readResult(await connection.stream(sql, values), this.#limits.rowLimit);
  }

  async #aggregates(connection: DuckDBConnection, tree: Node, { sql, expected }: ShownGroups): Promise<SqlResult> {
    const condition = nodesOf((await parseQuery(connection, `SELECT ${sql}`)).select_list)[0]!;
    const sizes = await this.#rows(
      connection,
      `SELECT count(*) FILTER (WHERE ${IS_LARGE}), count(*) FROM json_execute_serialized_sql($1::VARCHAR)`,
      [serialise(withGroupSizes(tree, condition))],
    );
    const [large, all] = sizes.rows[0] as [number, number];
    // no group and a group that is too small look the same: which it is would say whether somebody is in it
    if (large === 0) throw refused(`no group has ${expected} with values in every column that it aggregates`);
    const result = await this.#rows(connection, 'SELECT * FROM json_execute_serialized_sql($1::VARCHAR)', [
      serialise(withLargeGroups(tree, condition)),
    ]);
    return { ...result, suppressed: all - large };
  }
}

async function openLimited(options: SqlLimits): Promise<TableDatabase> {
  const { rowLimit = 1, timeoutMs = 1, minimumGroupSize = 2, memoryLimitMb = 1_000, diskLimitMb = 4_000 } = options;
  checkAtLeast('rowLimit', rowLimit, 1);
  checkAtLeast('timeoutMs', timeoutMs, 1);
  checkAtLeast('minimumGroupSize', minimumGroupSize, 2);
  throwIfCancelled(options.signal);
  return openTableDatabase({ memoryLimitMb, diskLimitMb });
}

function checkAtLeast(key: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least)
    throw new RangeError(`${key} needs an integer ≥ ${least}, got ${value}`);
}

/** After which the database reads no file, and nothing can change that. */
async function lock({ connection }: TableDatabase): Promise<void> {
  await connection.run('SET enable_external_access = false');
  await connection.run('SET lock_configuration = true');
}

/** Groups of patients are counted by the column that names them. */
function withPatient(table: SqlTable, source: TableSource): SqlTable {
  const { about } = table;
  if (typeof about !== 'object' || table.columns.some(({ name }) => name === about.patient)) return table;
  const patient = source.tables.get(table.name)!.columns.filter(({ name }) => name === about.patient);
  return { ...table, columns: [...table.columns, ...patient] };
}
