/**
 * The port that every source of data implements: a table of rows that is read, never changed.
 * @module
 */
import type { Filters, SkipReason } from './files/filters.ts';
import type { Schema, SemanticType } from './schema.ts';
import type { Value } from './value.ts';

export { type Cell, type ImageFormatName, type ImageHandle, isImage, textOf, type Value } from './value.ts';

/** Files and records that are there, and those left out by reason. */
export interface ScanCounts {
  readonly files: number;
  readonly records: number;
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>;
}

/** Told while files are read. */
export interface ScanProgress {
  /** Files read so far, of those found. */
  readonly done: number;
  readonly total: number;
  readonly secondsLeft: number;
}

/** Some rows of a source, column by column. */
export interface Batch {
  /** Row numbers from 0, ascending in `yieldData`, as asked in `getData`. */
  readonly keys: readonly number[];
  /** Column name to its cells, one a key; every column of the source is there. */
  readonly columns: Readonly<Record<string, readonly Value[]>>;
}

export interface DataSource {
  /** Class name in configuration, `CSVSource`. */
  readonly kind: string;
  /** Where the data is, for messages. */
  readonly label: string;
  readonly columns: readonly string[];
  readonly rowCount: number;
  readonly schema: Schema;
  /** All rows in order, at most `partitionSize` at a time. */
  yieldData(partitionSize?: number, signal?: AbortSignal): AsyncIterable<Batch>;
  /** The rows with these numbers, in this order. @throws RangeError for a number that is no row. */
  getData(keys: readonly number[]): Promise<Batch>;
  /** Line of a row in the file a person would open, when there is one, for messages. */
  findLine(key: number): Promise<number | undefined>;
  /** What the row is called at the site and nowhere else, the same as long as its file is: for the site's own reports. */
  nameOf(key: number): string;
  /** Rows with the same group are of the same patient; null where that is not known. Never leaves the site. */
  groupOf(key: number): string | null;
  /** What was found and left out, for the owner; a table in memory has none. */
  found?(): { readonly counts: ScanCounts; readonly hiddenColumns: readonly string[] };
  /** The rows that pass a task's filters besides; only sources of files have it. @throws KonsilError DATA_EMPTY */
  narrowed?(filters: Filters): DataSource;
  /** Frees what is held; harmless when repeated. */
  close(): void;
}

/** Class names of sources that read folders of files. */
export const FILE_SOURCES = [
  'ImageSource',
  'DICOMSource',
  'DICOMOphthalmologySource',
  'NIFTISource',
  'HeidelbergSource',
  'TopconSource',
] as const;

interface BaseConfig {
  readonly name: string;
  /** Absolute path. */
  readonly path: string;
  readonly forceStypes?: Readonly<Partial<Record<SemanticType, readonly string[]>>>;
  readonly ignoreColumns?: readonly string[];
  /** Column of the site to the name that tasks use for it. */
  readonly renameColumns?: Readonly<Record<string, string>>;
}

/** A table in a file: CSV, TSV or Parquet. */
export interface CsvConfig extends BaseConfig {
  readonly datasource: 'CSVSource';
  /** @default found out from the file */
  readonly delimiter?: string;
  /** @default DEFAULT_NULL_VALUES */
  readonly nullValues?: readonly string[];
  /** Columns shown although their name or their values say that they identify a person. */
  readonly exposeColumns?: readonly string[];
}

/** A folder of image files. */
export interface FilesConfig extends BaseConfig {
  readonly datasource: (typeof FILE_SOURCES)[number];
  /** Rules of the site. */
  readonly filters?: Filters;
  /** Also read files with another ending when they begin as files of this kind do. @default false */
  readonly detectsByContent?: boolean;
  /** Folders name classes and splits. @default false */
  readonly infersLabels?: boolean;
  /** Also take images that may show text, such as a patient's name. @default false */
  readonly allowsBurnedInText?: boolean;
  /** Columns shown besides those that identify nobody. */
  readonly exposeColumns?: readonly string[];
  /** Where what the files say of themselves is kept, so that they are read once. @default in memory */
  readonly cacheFile?: string;
}

/** Versions of the OMOP Common Data Model that a site may have. */
export const CDM_VERSIONS = ['v3.0', 'v5.3', 'v5.4'] as const;
export type CdmVersion = (typeof CDM_VERSIONS)[number];

/** A database of several tables, for queries only. */
export interface OmopConfig {
  readonly name: string;
  readonly datasource: 'OMOPSource';
  readonly version: CdmVersion;
  /** Of Postgres: a string with a password in it, or the file that holds it. Secret. */
  readonly connection: { readonly string: string } | { readonly file: string };
  /** @default the one that has a table `person` */
  readonly schema?: string;
  /** Columns `table.column` shown although they may identify a person. */
  readonly exposeColumns?: readonly string[];
  /** Columns `table.column` that nobody sees. */
  readonly ignoreColumns?: readonly string[];
}

/** A data source of a pod that is one table. */
export type TableConfig = CsvConfig | FilesConfig;

/** A data source of a pod. */
export type DatasourceConfig = TableConfig | OmopConfig;
