/**
 * `PrivateSqlQuery` at a site: answered with noise, and paid for from the dataset's account before it runs.
 * @module
 */
import { type DatasourceConfig, type OpenDataset, sqlRefused } from '../../datasources/index.ts';
import {
  type PrivateQueryPlan,
  planPrivateQuery,
  type ResultTable,
  runPrivateQuery,
  type StepSum,
  sqlInput,
} from '../../protocols/index.ts';
import type { PrivateSqlAlgorithm, SiteRange } from '../../tasks/index.ts';
import type { PodEvent } from '../notices.ts';
import type { QueryAccount } from '../queryAccount.ts';
import { Refusal } from '../refusal.ts';
import type { SiteAnalysis } from './siteAnalysis.ts';
import { siteRanges } from './siteRanges.ts';

export interface PrivateSqlOptions {
  readonly dataset: DatasourceConfig;
  readonly openDataset: OpenDataset;
  /** Of each row of the dataset. */
  readonly account: QueryAccount;
  /** Of the site, by column. @default none */
  readonly ranges?: Readonly<Record<string, SiteRange>> | undefined;
  readonly onEvent: (event: PodEvent) => void;
}

/** One query, run and paid for once however often its answer is asked for in a run. */
export class PrivateSqlAnalysis implements SiteAnalysis {
  readonly #algorithm: PrivateSqlAlgorithm;
  readonly #plan: PrivateQueryPlan;
  readonly #options: PrivateSqlOptions;
  #table: Promise<ResultTable> | undefined;

  private constructor(algorithm: PrivateSqlAlgorithm, plan: PrivateQueryPlan, options: PrivateSqlOptions) {
    this.#algorithm = algorithm;
    this.#plan = plan;
    this.#options = options;
  }

  /** @throws Refusal when the account has no room for it; KonsilError as {@link planPrivateQuery}. */
  static async open(algorithm: PrivateSqlAlgorithm, options: PrivateSqlOptions): Promise<PrivateSqlAnalysis> {
    const { dataset, openDataset, account } = options;
    const { query, table, epsilon, delta, columnRanges, maxGroups } = algorithm;
    const source = await openDataset(dataset);
    const { schema } = source;
    source.close();
    const plan = await planPrivateQuery(query, {
      ...{ tableName: table ?? dataset.name, schema, epsilon, delta, maxGroups },
      ranges: siteRanges(columnRanges, options.ranges),
    });
    try {
      account.checkRound(plan.cost);
    } catch (error) {
      throw new Refusal('UNAUTHORISED', (error as Error).message);
    }
    return new PrivateSqlAnalysis(algorithm, plan, options);
  }

  async input(_step: number, _given: unknown, signal: AbortSignal): Promise<StepSum> {
    return sqlInput(this.#algorithm, await this.result(signal));
  }

  result(signal: AbortSignal): Promise<ResultTable> {
    this.#table ??= this.#run(signal);
    return this.#table;
  }

  async close(): Promise<void> {}

  async #run(signal: AbortSignal): Promise<ResultTable> {
    const { dataset, openDataset, account, onEvent } = this.#options;
    const source = await openDataset(dataset, { signal });
    try {
      account.checkRound(this.#plan.cost);
      onEvent({ type: 'privacy', ...account.charge(this.#plan.cost, 'query') });
      const { columns, rows, noise } = await runPrivateQuery(this.#plan, source, { signal });
      if (rows.some((row) => row.length !== columns.length)) throw sqlRefused('its result is not a table');
      const deviations = noise.flatMap((one, i): [string, number][] =>
        one && 'standardDeviation' in one && one.standardDeviation !== null
          ? [[columns[i]!, one.standardDeviation]]
          : [],
      );
      return {
        ...{ columns: [...columns], rows: rows.map((row) => [...row]), suppressed: 0 },
        noise: Object.fromEntries(deviations),
      };
    } finally {
      source.close();
    }
  }
}
