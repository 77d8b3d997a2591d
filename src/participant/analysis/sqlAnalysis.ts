/**
 * `SqlQuery` at a site: the query in its sandbox, under the site's rules for queries.
 * @module
 */
import { type DatasourceConfig, type OpenDataset, openQueries, type SqlRunner } from '../../datasources/index.ts';
import { type ResultTable, type StepSum, sqlInput } from '../../protocols/index.ts';
import type { QueryPolicy, SqlAlgorithm } from '../../tasks/index.ts';
import type { SiteAnalysis } from './siteAnalysis.ts';

/** One query, run once however often it is asked for. */
export class SqlAnalysis implements SiteAnalysis {
  readonly #algorithm: SqlAlgorithm;
  readonly #sandbox: SqlRunner;
  #table: Promise<ResultTable> | undefined;

  private constructor(algorithm: SqlAlgorithm, sandbox: SqlRunner) {
    this.#algorithm = algorithm;
    this.#sandbox = sandbox;
  }

  /** @throws KonsilError as {@link openQueries}. */
  static async open(
    algorithm: SqlAlgorithm,
    config: DatasourceConfig,
    policy: QueryPolicy,
    open: OpenDataset,
    signal: AbortSignal,
  ): Promise<SqlAnalysis> {
    const { minimumGroupSize, rowLimit, timeoutMs, memoryLimitMb, allowsExtremes } = policy;
    const sandbox = await openQueries(config, {
      ...{ tableName: algorithm.table ?? config.name, rowLimit, timeoutMs, memoryLimitMb, open, signal },
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
