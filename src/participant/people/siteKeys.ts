/**
 * Keys of the people in a dataset, for intersections: read by the pod for itself, so that no task needs to see the columns.
 * @module
 */
import { type DatasourceConfig, isDatabase, type OpenDataset } from '../../datasources/index.ts';
import { collectKeys, type KeyCell, type KeyRule, type KeySet } from '../../intersection/index.ts';
import { Refusal } from '../refusal.ts';

export interface SiteKeysOptions {
  readonly dataset: DatasourceConfig;
  readonly openDataset: OpenDataset;
  /** In the order of the rule, under the names that tasks use; the site's policy has allowed them. */
  readonly columns: readonly string[];
  readonly rule: KeyRule;
  readonly signal: AbortSignal;
}

/** @throws Refusal when a column is missing; KonsilError as the data source. */
export async function readSiteKeys({
  dataset,
  openDataset,
  columns,
  rule,
  signal,
}: SiteKeysOptions): Promise<{ readonly keys: KeySet; readonly rows: number }> {
  const source = await openDataset(withColumns(dataset, columns), { signal });
  try {
    const missing = columns.find((column) => !source.columns.includes(column));
    if (missing !== undefined)
      throw new Refusal('INCOMPATIBLE_DATASOURCE', `dataset "${dataset.name}" has no column "${missing}"`);
    const rows: KeyCell[][] = [];
    for await (const { keys, columns: cells } of source.yieldData(10_000, signal))
      for (const at of keys.keys()) rows.push(columns.map((column) => cellOf(cells[column]![at] ?? null)));
    return { keys: collectKeys(rule, rows), rows: rows.length };
  } finally {
    source.close();
  }
}

/** The dataset with these columns shown, whole, to whoever opens it so: the pod itself. */
function withColumns(dataset: DatasourceConfig, columns: readonly string[]): DatasourceConfig {
  if (isDatabase(dataset))
    throw new Refusal(
      'INCOMPATIBLE_DATASOURCE',
      `dataset "${dataset.name}" is an ${dataset.datasource}, a database of several tables; people are looked for in one table`,
    );
  // dates are coarse for tasks; people are told apart by what the site has
  const { coarseDates: _coarse, ...whole } = dataset;
  const { renameColumns = {}, exposeColumns = [] } = whole;
  const own = columns.map((column) => Object.keys(renameColumns).find((at) => renameColumns[at] === column) ?? column);
  return { ...whole, exposeColumns: [...new Set([...exposeColumns, ...own])] };
}

/** Images are no keys. */
function cellOf(value: unknown): KeyCell {
  return typeof value === 'string' || typeof value === 'number' ? value : null;
}
