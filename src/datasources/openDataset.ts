/**
 * From a pod's configuration to an open data source.
 * @module
 */
import { CSVSource } from './csv/csvSource.ts';
import type { DataSource, DatasourceConfig } from './dataSource.ts';

/** As {@link openDataset}: pods of a simulation have their rows in memory. */
export type OpenDataset = (config: DatasourceConfig) => Promise<DataSource>;

/** Opens and reads the data source; the caller closes it. @throws KonsilError FILE_NOT_FOUND or DATA_*. */
export async function openDataset(config: DatasourceConfig): Promise<DataSource> {
  return CSVSource.open(config);
}
