/**
 * A folder of image files as a data source: a row for each record of each file, what the files say of themselves as columns,
 * their images as handles that are decoded when they are asked for.
 *
 * Only columns that identify nobody are there, and those that the site names besides: files of hospitals are full of names,
 * and a column nobody thought of must not be the one that gets out. Filters see all columns.
 * @module
 */
import { join } from 'node:path';
import { KonsilError, throwIfCancelled } from '../../base/index.ts';
import { ColumnTypes } from '../columnTypes.ts';
import type { Batch, Cell, DataSource, Found, ImageHandle, ScanCounts, UnreadableFile, Value } from '../dataSource.ts';
import type { ColumnSchema, Schema, SemanticType } from '../schema.ts';
import { didYouMean } from '../suggest.ts';
import { FileTable } from './fileTable.ts';
import { type FileFacts, type Filters, type SkipReason, skipsFile, skipsRecord } from './filters.ts';
import { LABEL_COLUMN, labelColumns, labelsOf, SPLIT_COLUMN } from './folderLabels.ts';
import { addTypes, type FileSourceOptions, type Row, requireRows, type Scan, scanFolder } from './scanFolder.ts';

/** Column of the images where no record has more than one; otherwise a number from 0 follows. */
export const PIXELS = 'Pixel Data';
/** Column of the SLO pictures of OCT scans. */
export const SLO_PIXELS = 'SLO Pixel Data';

export class FileSource implements DataSource {
  readonly kind: string;
  readonly label: string;
  readonly columns: readonly string[];
  readonly rowCount: number;
  readonly schema: Schema;
  readonly counts: ScanCounts;
  /** Columns that files have and nobody is shown. */
  readonly hiddenColumns: readonly string[];
  readonly #options: FileSourceOptions;
  readonly #folder: string;
  readonly #rows: readonly Row[];
  readonly #table: FileTable;
  readonly #images: readonly string[];
  readonly #isOwner: boolean;
  readonly #unreadable: readonly UnreadableFile[];
  #isClosed = false;

  private constructor(options: FileSourceOptions, scan: Scan, table: FileTable, isOwner: boolean) {
    const { name, kind, path, ignoreColumns = [], forceStypes } = options;
    this.#options = options;
    this.#folder = scan.folder;
    this.#table = table;
    this.#rows = scan.rows;
    this.#isOwner = isOwner;
    this.#unreadable = scan.unreadable;
    this.kind = kind;
    this.label = path;
    this.rowCount = scan.rows.length;
    this.counts = { files: scan.files, records: scan.rows.length, skipped: Object.fromEntries(scan.skipped) };
    const ignored = new Set(ignoreColumns);
    const shown = shownColumns(options, scan);
    this.hiddenColumns = scan.types.names.filter((column) => !shown.includes(column));
    const most = scan.rows.reduce((found, { frames }) => Math.max(found, frames), 0);
    this.#images = most <= 1 ? [PIXELS].slice(0, most) : Array.from({ length: most }, (_, i) => `${PIXELS} ${i}`);
    const pictures = scan.rows.some(({ slo }) => slo !== undefined) ? [SLO_PIXELS] : [];
    this.columns = [...shown, ...this.#images, ...pictures].filter((column) => !ignored.has(column));
    const forced = (column: string): SemanticType | undefined =>
      (['categorical', 'continuous', 'text'] as const).find((type) => forceStypes?.[type]?.includes(column));
    this.schema = {
      name,
      datasource: kind,
      rowCount: this.rowCount,
      ...(scan.isPartial && { partial: true }),
      columns: this.columns.map(
        (column): ColumnSchema =>
          column === SLO_PIXELS || this.#images.includes(column)
            ? { name: column, dataType: 'image', semanticType: 'image' }
            : scan.types.schemaOf(column, forced(column)),
      ),
    };
  }

  /**
   * Lists the folder and reads every file that is new or has changed; the pixels stay where they are. What was read before
   * a cancellation is in the cache.
   * @throws KonsilError FILE_NOT_FOUND, DATA_EMPTY with the reasons when nothing is left, DATA_COLUMN_MISSING when an option
   *   names no column, CANCELLED.
   */
  static async open(options: FileSourceOptions): Promise<FileSource> {
    const about = options.formats.map(({ name }) => name).join(' ');
    const table = FileTable.open(options.cacheFile, `${options.path} ${about}`);
    try {
      const scan = await scanFolder(options, table);
      checkNames(options, scan);
      return new FileSource(options, scan, table, true);
    } catch (error) {
      table.close();
      throw error;
    }
  }

  /**
   * The rows that pass `filters` besides: what a task leaves of a dataset. To be used while this source is open.
   * @throws KonsilError DATA_EMPTY with the reasons
   */
  narrowed(filters: Filters): FileSource {
    const skipped = new Map<SkipReason, number>();
    const types = new ColumnTypes();
    const rows = this.#rows.filter((row) => {
      const stored = this.#table.record(row.file, row.record);
      const reason = skipsRecord(stored, filters) ?? skipsFile(this.#table.facts(row.file), filters);
      if (reason !== undefined) skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
      else addTypes(types, stored, row.path, this.#options);
      return reason === undefined;
    });
    requireRows(this.label, rows.length, skipped);
    const scan = {
      folder: this.#folder,
      rows,
      files: new Set(rows.map(({ file }) => file)).size,
      types,
      skipped,
      unreadable: [],
    };
    return new FileSource(this.#options, scan, this.#table, false);
  }

  async *yieldData(partitionSize = 1_000, signal?: AbortSignal): AsyncIterable<Batch> {
    if (!Number.isSafeInteger(partitionSize) || partitionSize < 1)
      throw new RangeError(`partitionSize needs an integer ≥ 1, got ${partitionSize}`);
    for (let from = 0; from < this.rowCount; from += partitionSize) {
      throwIfCancelled(signal);
      const length = Math.min(partitionSize, this.rowCount - from);
      yield this.#batch(Array.from({ length }, (_, i) => from + i));
    }
  }

  async getData(keys: readonly number[]): Promise<Batch> {
    for (const key of keys) {
      if (!Number.isSafeInteger(key) || key < 0 || key >= this.rowCount)
        throw new RangeError(`key needs an integer in [0, ${this.rowCount}), got ${key}`);
    }
    return this.#batch(keys);
  }

  async findLine(): Promise<undefined> {
    return undefined;
  }

  found(): Found {
    return { counts: this.counts, hiddenColumns: this.hiddenColumns, unreadable: this.#unreadable };
  }

  nameOf(key: number): string {
    const row = this.#rows[key];
    if (row === undefined) throw new RangeError(`key needs an integer in [0, ${this.rowCount}), got ${key}`);
    return row.record === 0 ? row.path : `${row.path}#${row.record}`;
  }

  groupOf(key: number): string | null {
    const row = this.#rows[key];
    if (row === undefined) throw new RangeError(`key needs an integer in [0, ${this.rowCount}), got ${key}`);
    return this.#table.record(row.file, row.record).patient;
  }

  fileOf(key: number): FileFacts {
    const row = this.#rows[key];
    if (row === undefined) throw new RangeError(`key needs an integer in [0, ${this.rowCount}), got ${key}`);
    return this.#table.facts(row.file);
  }

  close(): void {
    // what was narrowed from another source reads that one's table
    if (this.#isClosed || !this.#isOwner) return;
    this.#isClosed = true;
    this.#table.close();
  }

  #batch(keys: readonly number[]): Batch {
    const columns: Record<string, Value[]> = Object.fromEntries(this.columns.map((column) => [column, []]));
    for (const key of keys) {
      const row = this.#rows[key]!;
      const { columns: cells } = this.#table.record(row.file, row.record);
      const labels = this.#options.infersLabels === true ? labelsOf(row.path) : {};
      for (const column of this.columns) {
        const image = this.#images.indexOf(column);
        if (column === SLO_PIXELS) columns[column]!.push(row.slo ? this.#handle(row.slo, 0) : null);
        else columns[column]!.push(image >= 0 ? this.#handle(row, image) : cellOf(column, cells, labels));
      }
    }
    return { keys: [...keys], columns };
  }

  #handle({ path, format, record, frames }: Row, frame: number): ImageHandle | null {
    return frame < frames ? { file: join(this.#folder, path), format, record, frame } : null;
  }
}

function cellOf(
  column: string,
  cells: Readonly<Record<string, Cell>>,
  { label, split }: ReturnType<typeof labelsOf>,
): Cell {
  if (column === LABEL_COLUMN && label !== undefined) return label;
  if (column === SPLIT_COLUMN && split !== undefined) return split;
  return cells[column] ?? null;
}

function shownColumns({ formats, exposeColumns = [], infersLabels, path }: FileSourceOptions, scan: Scan): string[] {
  const isOpen = (column: string): boolean =>
    exposeColumns.includes(column) || formats.some(({ format }) => format.openColumns.has(column));
  const inferred = infersLabels === true ? labelColumns(path, [...new Set(scan.rows.map((row) => row.path))]) : [];
  return [...inferred, ...scan.types.names.filter((column) => !inferred.includes(column) && isOpen(column))];
}

function checkNames(
  { path, exposeColumns = [], ignoreColumns = [], forceStypes = {} }: FileSourceOptions,
  scan: Scan,
): void {
  const names = scan.types.names;
  const wanted = [
    ...exposeColumns.map((column) => ({ column, key: 'expose_cols' })),
    ...ignoreColumns.map((column) => ({ column, key: 'ignore_cols' })),
    ...Object.entries(forceStypes).flatMap(([type, columns]) =>
      columns.map((column) => ({ column, key: `force_stypes.${type}` })),
    ),
  ].filter(({ column }) => !column.startsWith(PIXELS) && column !== SLO_PIXELS);
  const missing = wanted.find(({ column }) => !names.includes(column));
  if (missing !== undefined)
    throw new KonsilError(
      'DATA_COLUMN_MISSING',
      `${path}: no file has "${missing.column}" (${missing.key})${didYouMean(missing.column, names)}`,
      { file: path, column: missing.column },
    );
}
