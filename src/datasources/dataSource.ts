/**
 * The port that every source of data implements: a table of rows that is read, never changed.
 * @module
 */
import type { CoarseDate } from './coarseDates.ts';
import type { FileFacts, Filters, SkipReason } from './files/filters.ts';
import type { Schema, SemanticType } from './schema.ts';
import type { Value } from './value.ts';

export { type Cell, type ImageFormatName, type ImageHandle, isImage, textOf, type Value } from './value.ts';

/** Files and records that are there, and those left out by reason. */
export interface ScanCounts {
  readonly files: number;
  readonly records: number;
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>;
}

/** A file that could not be read, or of which an image cannot be decoded; for the site's own people. */
export interface UnreadableFile {
  /** Relative path. */
  readonly name: string;
  readonly code: string;
}

/** What a source has found besides its rows. */
export interface Found {
  readonly counts: ScanCounts;
  /** Columns that nobody is shown. */
  readonly hiddenColumns: readonly string[];
  /** @default none */
  readonly unreadable?: readonly UnreadableFile[];
}

/** Told while files are read, or one is fetched. */
export interface ScanProgress {
  /** @default files */
  readonly unit?: 'files' | 'bytes' | 'images';
  /** So far, of those there are. */
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
  /** The file that a row is in, where rows are in files of their own. @throws RangeError for a number that is no row. */
  fileOf?(key: number): FileFacts | undefined;
  /** What was found and left out, for the owner; a table in memory has none. */
  found?(): Found;
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

/** What a site says of a dataset for people. */
export interface Description {
  readonly displayName?: string;
  readonly description?: string;
  /** Column of the site to what it means. */
  readonly columns?: Readonly<Record<string, string>>;
}

/** What a site says of any source of one table. */
export interface TableOptions {
  readonly name: string;
  readonly description?: Description;
  /** Columns of the site whose values modellers may know, where enough rows have them. */
  readonly releasedCategories?: readonly string[];
  readonly forceStypes?: Readonly<Partial<Record<SemanticType, readonly string[]>>>;
  /** Of a table: columns whose names begin so have paths of pictures, as those of `forceStypes.image`. */
  readonly imagePrefixes?: readonly string[];
  readonly ignoreColumns?: readonly string[];
  /** Column of the site to the name that tasks use for it. */
  readonly renameColumns?: Readonly<Record<string, string>>;
  /** What tasks see of dates. @default all */
  readonly coarseDates?: CoarseDate;
  /** Columns shown although their name or their values say that they identify a person, or besides those that do not. */
  readonly exposeColumns?: readonly string[];
}

interface PathConfig extends TableOptions {
  /** Absolute path. */
  readonly path: string;
}

/** How CSV text is read where it is not as RFC 4180 has it. */
export interface CsvReading {
  /** Characters. @default '"', and the quote itself */
  readonly quote?: string;
  readonly escape?: string;
  /** Begins what is no data, to the end of the line. @default none */
  readonly comment?: string;
  /** In numbers. @default '.', and none */
  readonly decimal?: string;
  readonly thousands?: string;
  /** @default 'utf-8' */
  readonly encoding?: 'utf-8' | 'latin-1';
  /** Lines before the names, or before the data. @default 0 */
  readonly skipRows?: number;
  /** Whether a line of names comes first. @default true */
  readonly hasHeader?: boolean;
  /** In place of the names in the file; needed without a header. */
  readonly names?: readonly string[];
  /** Columns that are read. @default all */
  readonly columns?: readonly string[];
  /** What columns hold whatever their values look like. */
  readonly types?: Readonly<Record<string, 'text' | 'number'>>;
  /** Rows that are read. @default all */
  readonly maxRows?: number;
}

/** A table in a file: CSV, TSV or Parquet. */
export interface CsvConfig extends PathConfig {
  readonly datasource: 'CSVSource';
  /** Where the file comes from, by http or https; `path` is where it is kept. */
  readonly url?: string;
  /** Hosts besides the URL's that its server may redirect to, by https. */
  readonly redirectHosts?: readonly string[];
  /** Of text. */
  readonly reading?: CsvReading;
  /** @default found out from the file */
  readonly delimiter?: string;
  /** @default DEFAULT_NULL_VALUES */
  readonly nullValues?: readonly string[];
}

/** A folder of image files. */
export interface FilesConfig extends PathConfig {
  readonly datasource: (typeof FILE_SOURCES)[number];
  /** Rules of the site. */
  readonly filters?: Filters;
  /** Also read files with another ending when they begin as files of this kind do. @default false */
  readonly detectsByContent?: boolean;
  /** Folders name classes and splits. @default false */
  readonly infersLabels?: boolean;
  /** Also take images that may show text, such as a patient's name. @default false */
  readonly allowsBurnedInText?: boolean;
  /** Gives OCT scans their SLO pictures as a column; `require` leaves out scans without one. @default the pictures are rows */
  readonly slo?: 'match' | 'require';
  /** Where what the files say of themselves is kept, so that they are read once. @default in memory */
  readonly cacheFile?: string;
}

/** Rows of a template query of an InterMine server. */
export interface InterMineConfig extends TableOptions {
  readonly datasource: 'InterMineSource';
  /** Of the web service, that ends in `/service`. */
  readonly serviceUrl: string;
  readonly templateName: string;
  /** Of the API, or the file that holds it; secret. @default public templates only */
  readonly token?: { readonly string: string } | { readonly file: string };
}

/** Versions of the OMOP Common Data Model that a site may have. */
export const CDM_VERSIONS = ['v3.0', 'v5.3', 'v5.4'] as const;
export type CdmVersion = (typeof CDM_VERSIONS)[number];

/** A database of several tables, for queries only. */
export interface OmopConfig {
  readonly name: string;
  /** Columns as `table.column`. */
  readonly description?: Description;
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
export type TableConfig = CsvConfig | FilesConfig | InterMineConfig;

/** A data source of a pod. */
export type DatasourceConfig = TableConfig | OmopConfig;
