/**
 * What is in a folder of files: every file that is new or has changed is read once, and records that the site's rules leave
 * take part.
 * @module
 */
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isKonsilError, KonsilError, throwIfCancelled } from '../../base/index.ts';
import { ColumnTypes } from '../columnTypes.ts';
import type { ImageFormatName, ScanProgress, UnreadableFile } from '../dataSource.ts';
import type { ImageFormat } from '../formats/imageRecord.ts';
import type { SemanticType } from '../schema.ts';
import type { FileTable, KnownFile, StoredRecord } from './fileTable.ts';
import {
  type FileFacts,
  type Filters,
  mayShowText,
  modalityOf,
  type SkipReason,
  skipsFile,
  skipsRecord,
} from './filters.ts';
import { LABEL_COLUMN, labelsOf, SPLIT_COLUMN } from './folderLabels.ts';
import { listFiles } from './listFiles.ts';
import { matchPictures } from './matchPictures.ts';

/** A way to read some kind of files. */
export interface NamedFormat {
  readonly name: ImageFormatName;
  readonly format: ImageFormat;
}

export interface FileSourceOptions {
  readonly name: string;
  /** Class name in configuration. */
  readonly kind: string;
  /** Folder, or one file. */
  readonly path: string;
  /** Tried in this order. */
  readonly formats: readonly NamedFormat[];
  readonly filters?: Filters;
  /** Also read files with another ending, when they begin as files of these kinds do. @default false */
  readonly detectsByContent?: boolean;
  /** Folders name classes and splits. @default false */
  readonly infersLabels?: boolean;
  /** Also take images that may show text, such as a patient's name. @default false */
  readonly allowsBurnedInText?: boolean;
  /** Gives OCT scans their SLO pictures as a column; `require` leaves out scans without one. @default the pictures are rows */
  readonly slo?: 'match' | 'require';
  /** Columns shown besides those that identify nobody. */
  readonly exposeColumns?: readonly string[];
  readonly ignoreColumns?: readonly string[];
  readonly forceStypes?: Readonly<Partial<Record<SemanticType, readonly string[]>>>;
  /** Keeps what files say of themselves, so that they are read once. @default in memory */
  readonly cacheFile?: string;
  /** Reads some of the files that are new, to know what columns there are, and leaves out the others. @default false */
  readonly isPartial?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ScanProgress) => void;
}

/** Where a row is. */
export interface Row {
  readonly file: number;
  readonly record: number;
  /** Relative path. */
  readonly path: string;
  readonly format: ImageFormatName;
  readonly frames: number;
  /** The picture of an OCT scan, where it is asked for and there is one. */
  readonly slo?: Row;
}

/** Most new files that a partial scan reads. */
const FIRST_FILES = 20;

/** What is found in a folder. */
export interface Scan {
  readonly folder: string;
  readonly rows: readonly Row[];
  readonly files: number;
  readonly types: ColumnTypes;
  readonly skipped: ReadonlyMap<SkipReason, number>;
  readonly unreadable: readonly UnreadableFile[];
  /** Files were left out that are not read yet. */
  readonly isPartial?: boolean;
}

/** Lists the folder, reads what is new, and says which records take part. */
export async function scanFolder(options: FileSourceOptions, table: FileTable): Promise<Scan> {
  const { path, filters = {}, slo, isPartial, signal, onProgress } = options;
  const found: FileFacts[] = [];
  for await (const facts of listFiles(path, signal)) found.push(facts);
  const isOneFile = found.length === 1 && found[0]!.path === basename(path);
  const folder = isOneFile ? dirname(path) : path;
  const skipped = new Map<SkipReason, number>();
  const skip = (reason: SkipReason): void => void skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
  const types = new ColumnTypes();
  const rows: Row[] = [];
  const pictures: Row[] = [];
  const unreadable: UnreadableFile[] = [];
  let files = 0;
  let fresh = 0;
  const started = performance.now();
  for (const [i, facts] of found.entries()) {
    throwIfCancelled(signal);
    const reason = skipsFile(facts, filters);
    if (reason !== undefined) {
      skip(reason);
      continue;
    }
    if (isPartial && table.find(facts) === undefined && ++fresh > FIRST_FILES) continue;
    const file = await readOnce(join(folder, facts.path), facts, options, table);
    if (file === undefined) {
      skip('EXTENSION');
      continue;
    }
    if (file.known.failure !== null) {
      skip('UNREADABLE');
      unreadable.push({ name: facts.path, code: file.known.failure });
      continue;
    }
    const before = rows.length;
    for (const [record, stored] of table.records(file.known.id).entries()) {
      const isUnsafe = options.allowsBurnedInText !== true && mayShowText(stored.columns);
      const row = { file: file.known.id, record, path: facts.path, format: file.format, frames: stored.frames };
      if (slo !== undefined && !isUnsafe && modalityOf(stored.columns) === 'SLO') {
        pictures.push(row); // of scans: rules about scans do not hold for them
        continue;
      }
      const left = isUnsafe ? 'BURNED_IN_TEXT' : skipsRecord(stored, filters);
      if (left !== undefined) {
        skip(left);
        continue;
      }
      addTypes(types, stored, facts.path, options);
      rows.push(row);
    }
    if (rows.length > before) files++;
    const seconds = (performance.now() - started) / 1_000;
    onProgress?.({ done: i + 1, total: found.length, secondsLeft: (seconds / (i + 1)) * (found.length - i - 1) });
  }
  const left = { isPartial: fresh > FIRST_FILES };
  if (slo === undefined) {
    requireRows(path, rows.length, skipped);
    return { folder, rows, files, types, skipped, unreadable, ...left };
  }
  const matched = matchPictures(rows, pictures, (row) => table.record(row.file, row.record));
  const kept = slo === 'require' ? matched.filter((row) => row.slo !== undefined) : matched;
  for (let i = kept.length; i < matched.length; i++) skip('SLO_MISSING');
  requireRows(path, kept.length, skipped);
  return { folder, rows: kept, files: new Set(kept.map(({ file }) => file)).size, types, skipped, unreadable, ...left };
}

/** The file as the table has it, read first if need be; undefined when it is of no kind that is wanted. */
async function readOnce(
  file: string,
  facts: FileFacts,
  { formats, detectsByContent }: FileSourceOptions,
  table: FileTable,
): Promise<{ readonly known: KnownFile; readonly format: ImageFormatName } | undefined> {
  const name = facts.path.toLowerCase();
  const byName = formats.find(({ format }) => format.extensions.some((extension) => name.endsWith(extension)));
  const known = byName && table.find(facts);
  if (byName !== undefined && known !== undefined) return { known, format: byName.name };
  if (byName === undefined && detectsByContent !== true) return undefined;
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch {
    // on a network drive the next scan may find it
    return byName && { known: { id: -1, failure: 'FILE_NOT_FOUND' }, format: byName.name };
  }
  const chosen = byName ?? formats.find(({ format }) => format.matches(bytes.subarray(0, format.headBytes)));
  if (chosen === undefined) return undefined;
  try {
    const records = await chosen.format.read(bytes, file);
    return { known: { id: table.put(facts, records), failure: null }, format: chosen.name };
  } catch (error) {
    if (!isKonsilError(error)) throw error;
    return { known: { id: table.put(facts, [], error.code), failure: error.code }, format: chosen.name };
  }
}

/** Tells `types` what stands in the record. */
export function addTypes(
  types: ColumnTypes,
  { columns }: Pick<StoredRecord, 'columns'>,
  path: string,
  { infersLabels }: FileSourceOptions,
): void {
  for (const [column, cell] of Object.entries(columns)) types.add(column, cell);
  if (infersLabels !== true) return;
  const { label, split } = labelsOf(path);
  types.add(LABEL_COLUMN, label ?? null);
  types.add(SPLIT_COLUMN, split ?? null);
}

/** @throws KonsilError DATA_EMPTY with the reasons when no row is left. */
export function requireRows(path: string, rows: number, skipped: ReadonlyMap<SkipReason, number>): void {
  if (rows > 0) return;
  const reasons = [...skipped].map(([reason, count]) => `${count} ${reason}`).join(', ');
  throw new KonsilError(
    'DATA_EMPTY',
    `${path}: no file is left to read${reasons === '' ? '; the folder is empty' : ` (left out: ${reasons})`}`,
    { file: path },
  );
}
