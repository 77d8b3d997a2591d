/**
 * `SqlQuery` at a site: the query in its sandbox, under the site's rules for queries.
 * @module
 */
import { type DataSource, SqlSandbox } from '../../datasources/index.ts';
import { type ResultTable, type StepSum, sqlInput } from '../../protocols/index.ts';
import type { QueryPolicy, SqlAlgorithm } from '../../tasks/index.ts';
import type { SiteAnalysis } from './siteAnalysis.ts';

/** One query, run once however often it is asked for. */
export class SqlAnalysis implements SiteAnalysis {
  readonly #algorithm: SqlAlgorithm;
  readonly #sandbox: SqlSandbox;
  #table: Promise<ResultTable> | undefined;

  private constructor(algorithm: SqlAlgorithm, sandbox: SqlSandbox) {
    this.#algorithm = algorithm;
    this.#sandbox = sandbox;
  }

  /** @throws KonsilError as {@link SqlSandbox.open}. */
  static async open(
    algorithm: SqlAlgorithm,
    source: DataSource,
    tableName: string,
    policy: QueryPolicy,
    signal: AbortSignal,
  ): Promise<SqlAnalysis> {
    const { minimumGroupSize, rowLimit, timeoutMs, memoryLimitMb, allowsExtremes } = policy;
    const sandbox = await SqlSandbox.open(source, {
      ...{ tableName, rowLimit, timeoutMs, memoryLimitMb, signal },
      ...(minimumGroupSize > 1 && { minimumGroupSize, allowsExtremes }),
    });
    return new SqlAnalysis(algorithm, sandbox);
  }

  async input(): Promise<StepSum> {
    return sqlInput(this.#algorithm, await this.result());
  }

  result(): Promise<ResultTable> {
    this.#table ??= this.#sandbox.query(this.#algorithm.query).then(({ columns, rows, suppressed }) => ({
      columns: [...columns],
      rows: rows.map((row) => [...row]),
      suppressed,
    }));
    return this.#table;
  }

  async close(): Promise<void> {
    this.#sandbox.close();
  }
}
