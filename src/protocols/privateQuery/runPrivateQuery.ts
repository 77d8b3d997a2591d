/**
 * A planned query on the rows of a site. The caller charges the plan's cost before; running it again costs again.
 * @module
 */
import { RandomWords } from '../../aggregation/index.ts';
import { KonsilError } from '../../base/index.ts';
import { type RandomBytes, randomBytes as systemBytes } from '../../crypto/index.ts';
import { type BoundedOptions, type BoundedQuery, BoundedTable, type DataSource } from '../../datasources/index.ts';
import { noisyGroups } from './noisyGroups.ts';
import type { PrivateQueryPlan } from './planPrivateQuery.ts';
import { type PrivateResult, resultOf } from './privateResult.ts';

export interface RunOptions extends Omit<BoundedOptions, 'drawTag'> {
  /** Of all noise. @default the system's generator */
  readonly randomBytes?: RandomBytes;
}

/**
 * @throws KonsilError DATA_UNSUPPORTED when the source has not the columns of the plan, DATA_COLUMN_MISSING, SQL_REFUSED for
 *   too many groups, too little memory or time, CANCELLED.
 */
export async function runPrivateQuery(
  plan: PrivateQueryPlan,
  source: DataSource,
  options: RunOptions = {},
): Promise<PrivateResult> {
  const { randomBytes = systemBytes, ...bounded } = options;
  checkColumns(plan, source);
  const tags = new RandomWords(randomBytes);
  const table = await BoundedTable.open(source, boundedQuery(plan), { ...bounded, drawTag: () => tags.next() });
  try {
    return resultOf(plan, await noisyGroups(plan, table, randomBytes, options.signal), table.unit);
  } finally {
    tags.wipe();
    table.close();
  }
}

/** The rows that a plan wants. */
export function boundedQuery({ query, grids, maxGroups, declared }: PrivateQueryPlan): BoundedQuery {
  return {
    ...{ table: query.table, projection: query.projection, personColumn: query.personColumn, grids, maxGroups },
    keys: query.keys.map(({ dataType }, i) => ({
      isNumber: dataType === 'integer' || dataType === 'number',
      ...(declared ? { values: declared[i]! } : {}),
    })),
  };
}

/** The source may have changed since it was planned for. */
function checkColumns({ query }: PrivateQueryPlan, source: DataSource): void {
  for (const { name, dataType } of [...query.columns, ...query.keys])
    if (!source.schema.columns.some((column) => column.name === name && column.dataType === dataType))
      throw new KonsilError('DATA_UNSUPPORTED', `${source.label} has no column "${name}" of the kind ${dataType}`, {
        file: source.label,
      });
}
