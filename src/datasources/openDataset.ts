/**
 * From a pod's configuration to an open data source.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { CSVSource } from './csv/csvSource.ts';
import { ImagePathSource } from './csv/imagePathSource.ts';
import type {
  CsvConfig,
  DataSource,
  DatasourceConfig,
  FilesConfig,
  ImageFormatName,
  OmopConfig,
  ScanProgress,
  TableConfig,
} from './dataSource.ts';
import { describedSchema, offeredSchema } from './describedSchema.ts';
import { FileSource } from './files/fileSource.ts';
import { openFormat } from './formats/registry.ts';
import { download } from './http/download.ts';
import { parseHttpUrl, shownUrl } from './http/httpGet.ts';
import { InterMineSource } from './intermine/interMineSource.ts';
import { OMOPSource } from './omop/omopSource.ts';
import type { Schema } from './schema.ts';
import { SiteView } from './siteView.ts';
import { type SqlRunner, SqlSandbox, type SqlTablesOptions } from './sql/index.ts';

export interface OpenOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ScanProgress) => void;
  /** Of files that nobody has read yet the first ones alone, so that it is quick. @default false */
  readonly isPartial?: boolean;
}

/** As {@link openDataset}: pods of a simulation have their rows in memory. */
export type OpenDataset = (config: DatasourceConfig, options?: OpenOptions) => Promise<DataSource>;

/** Kinds of files that a source reads. */
const FORMATS: Readonly<Record<FilesConfig['datasource'], readonly ImageFormatName[]>> = {
  ImageSource: ['raster'],
  DICOMSource: ['dicom'],
  DICOMOphthalmologySource: ['dicom'],
  NIFTISource: ['nifti'],
  HeidelbergSource: ['heidelberg'],
  TopconSource: ['topcon'],
};

/** Whether the source is a database of several tables: for queries, not for training. */
export function isDatabase(config: DatasourceConfig): config is OmopConfig {
  return config.datasource === 'OMOPSource';
}

/** Where the data of a table is, for its owner. */
export function locationOf(config: TableConfig): string {
  if (config.datasource === 'InterMineSource') return `${config.serviceUrl}, ${config.templateName}`;
  return config.datasource === 'CSVSource' && config.url !== undefined ? shownUrl(new URL(config.url)) : config.path;
}

/**
 * Opens and reads the data source; the caller closes it.
 * @throws KonsilError FILE_NOT_FOUND, DATA_* or CANCELLED; DATA_UNSUPPORTED for a database of several tables.
 */
export async function openDataset(config: DatasourceConfig, options: OpenOptions = {}): Promise<DataSource> {
  if (isDatabase(config))
    throw new KonsilError(
      'DATA_UNSUPPORTED',
      `dataset "${config.name}" is an ${config.datasource}, a database of several tables; expected one table, or a query`,
    );
  const source = await openAsItIs(config, options);
  const { renameColumns: names, coarseDates: dates } = config;
  if (names === undefined && dates === undefined) return source;
  try {
    return new SiteView(source, { names, dates });
  } catch (error) {
    source.close();
    throw error;
  }
}

async function openAsItIs(config: TableConfig, options: OpenOptions): Promise<DataSource> {
  const { signal } = options;
  if (config.datasource === 'InterMineSource') return InterMineSource.open({ ...config, signal });
  if (config.datasource === 'CSVSource') {
    const { url, redirectHosts } = config;
    if (url !== undefined)
      await download(parseHttpUrl(url, `dataset "${config.name}"`), config.path, {
        ...options,
        ...(redirectHosts && { redirectHosts }),
      });
    return openTable(config);
  }
  const names = FORMATS[config.datasource];
  const formats = await Promise.all(names.map(async (name) => ({ name, format: await openFormat(name) })));
  const { datasource: kind, ...rest } = config;
  return FileSource.open({ ...rest, kind, formats, ...options });
}

/** A table, some of whose columns may name pictures: these are shown though they are text that hardly repeats. */
async function openTable(config: CsvConfig): Promise<DataSource> {
  const { forceStypes, imagePrefixes = [] } = config;
  const named = forceStypes?.image ?? [];
  if (named.length + imagePrefixes.length === 0) return CSVSource.open(config);
  const source = await CSVSource.open({ ...config, exposeColumns: [...(config.exposeColumns ?? []), ...named] });
  try {
    const missing = imagePrefixes.find((prefix) => !source.columns.some((column) => column.startsWith(prefix)));
    if (missing !== undefined)
      throw new KonsilError(
        'DATA_COLUMN_MISSING',
        `${source.label} has no column whose name begins with "${missing}" (force_stypes.image_prefix)`,
        { file: source.label },
      );
    const begun = source.columns.filter((column) => imagePrefixes.some((prefix) => column.startsWith(prefix)));
    return new ImagePathSource(source, [...named, ...begun], config.path);
  } catch (error) {
    source.close();
    throw error;
  }
}

/** What modellers may know of the dataset. @throws KonsilError as {@link openDataset} does, and CONFIG_INVALID. */
export async function readSchema(config: DatasourceConfig, open: OpenDataset = openDataset): Promise<Schema> {
  if (isDatabase(config)) {
    const database = await OMOPSource.open(config);
    database.close();
    return describedSchema(database.schema, config);
  }
  const source = await open(config);
  try {
    return await offeredSchema(source, config);
  } finally {
    source.close();
  }
}

/** How queries are answered, and over what. */
export interface QueryOptions extends SqlTablesOptions {
  /** Of a dataset that is one table. @default its own */
  readonly tableName?: string;
  /** @default openDataset */
  readonly open?: OpenDataset;
}

/**
 * A sandbox for queries over the dataset, whose table has its name, or over the tables of a database; the caller closes it.
 * @throws KonsilError as {@link openDataset} and {@link SqlSandbox} do.
 */
export async function openQueries(
  config: DatasourceConfig,
  { tableName = config.name, open = openDataset, ...options }: QueryOptions = {},
): Promise<SqlRunner> {
  const { signal } = options;
  if (isDatabase(config)) return SqlSandbox.openTables(await OMOPSource.open(config, signal), options);
  const source = await open(config, signal && { signal });
  try {
    return await SqlSandbox.open(source, { ...options, tableName });
  } finally {
    source.close(); // the sandbox has its rows
  }
}
