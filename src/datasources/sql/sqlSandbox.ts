/**
 * Queries of a modeller over one table of a site: one SELECT at a time, in a database that holds nothing else and can
 * reach nothing else, within limits of rows, memory and time.
 * @module
 */
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { throwIfCancelled } from '../../base/index.ts';
import { openTableDatabase, type TableDatabase } from '../csv/tableDatabase.ts';
import type { DataSource } from '../dataSource.ts';
import { checkQuery, type Scope } from './allowList.ts';
import { type GroupPolicy, groupCondition, IS_LARGE, withGroupSizes, withLargeGroups } from './groupGuard.ts';
import { limited } from './limited.ts';
import { loadFailure, loadTable } from './loadTable.ts';
import { type QueryLimits, refused } from './refused.ts';
import { readResult, type SqlResult } from './result.ts';
import { type Node, nodesOf, parseQuery, serialise } from './syntaxTree.ts';
import { parseTableName, type TableName, translateNames } from './tableNames.ts';

export interface SqlSandboxOptions {
  /** `dataset`, `pod/dataset` or `pod.dataset`; queries may use any of them in backticks, or the last part as it is. */
  readonly tableName: string;
  /** Rows of a result. @default 10_000 */
  readonly rowLimit?: number;
  /** Of the table and a query, in 10^6 bytes, at least 48. @default 1_000 */
  readonly memoryLimitMb?: number;
  /** Where a table and a query may go that do not fit, in 10^6 bytes. @default 4_000 */
  readonly diskLimitMb?: number;
  /** Of one query. @default 30_000 */
  readonly timeoutMs?: number;
  /** Show only aggregates, of groups of at least so many rows. @default any query, any rows */
  readonly minimumGroupSize?: number;
  /** With `minimumGroupSize`: whether min, max and median are shown. @default false */
  readonly allowsExtremes?: boolean;
  /** Stops loading and queries. */
  readonly signal?: AbortSignal;
}

export class SqlSandbox {
  readonly #database: TableDatabase;
  readonly #name: TableName;
  readonly #scope: Scope;
  readonly #limits: QueryLimits & { readonly rowLimit: number };
  readonly #policy: GroupPolicy | undefined;
  readonly #signal: AbortSignal | undefined;

  private constructor(
    database: TableDatabase,
    name: TableName,
    columns: readonly string[],
    options: SqlSandboxOptions,
  ) {
    const { rowLimit = 10_000, timeoutMs = 30_000, minimumGroupSize, allowsExtremes = false, signal } = options;
    this.#database = database;
    this.#name = name;
    this.#scope = { table: name.sqlName, columns };
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
    const { rowLimit = 1, timeoutMs = 1, minimumGroupSize = 2, memoryLimitMb = 1_000, diskLimitMb = 4_000 } = options;
    for (const [key, value, least] of [
      ['rowLimit', rowLimit, 1],
      ['timeoutMs', timeoutMs, 1],
      ['minimumGroupSize', minimumGroupSize, 2],
    ] as const)
      if (!Number.isSafeInteger(value) || value < least)
        throw new RangeError(`${key} needs an integer ≥ ${least}, got ${value}`);
    throwIfCancelled(options.signal);
    const name = parseTableName(options.tableName);
    const database = await openTableDatabase({ memoryLimitMb, diskLimitMb });
    try {
      const columns = await loadTable(database.connection, source, name.sqlName, { signal: options.signal });
      await database.connection.run('SET enable_external_access = false');
      await database.connection.run('SET lock_configuration = true');
      return new SqlSandbox(database, name, columns, options);
    } catch (error) {
      database.close();
      throw loadFailure(source.label, memoryLimitMb, error);
    }
  }

  /**
   * The result of one SELECT.
   * @throws KonsilError SQL_REFUSED for a query that is not allowed, or that breaks a limit; CANCELLED.
   */
  async query(sql: string): Promise<SqlResult> {
    throwIfCancelled(this.#signal);
    const connection = await this.#database.connect();
    try {
      return await limited(connection, this.#limits, this.#signal, async () => {
        const text = translateNames(sql, this.#name);
        const tree = await parseQuery(connection, text);
        checkQuery(tree, this.#scope);
        if (this.#policy !== undefined) return this.#aggregates(connection, tree, this.#policy);
        return { ...(await this.#rows(connection, text)), suppressed: 0 };
      });
    } finally {
      connection.closeSync();
    }
  }

  close(): void {
    this.#database.close();
  }

  async #rows(
    connection: DuckDBConnection,
    sql: string,
    values: DuckDBValue[] = [],
  ): Promise<Omit<SqlResult, 'suppressed'>> {
    return readResult(await connection.stream(sql, values), this.#limits.rowLimit);
  }

  async #aggregates(connection: DuckDBConnection, tree: Node, policy: GroupPolicy): Promise<SqlResult> {
    const sql = groupCondition(tree, this.#scope, policy);
    const condition = nodesOf((await parseQuery(connection, `SELECT ${sql}`)).select_list)[0]!;
    const sizes = await this.#rows(
      connection,
      `SELECT count(*) FILTER (WHERE ${IS_LARGE}), count(*) FROM json_execute_serialized_sql($1::VARCHAR)`,
      [serialise(withGroupSizes(tree, condition))],
    );
    const [large, all] = sizes.rows[0] as [number, number];
    // no group and a group that is too small look the same: which it is would say whether somebody is in it
    if (large === 0)
      throw refused(`no group has ${policy.minimumGroupSize} rows with values in every column that it aggregates`);
    const result = await this.#rows(connection, 'SELECT * FROM json_execute_serialized_sql($1::VARCHAR)', [
      serialise(withLargeGroups(tree, condition)),
    ]);
    return { ...result, suppressed: all - large };
  }
}
