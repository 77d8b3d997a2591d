/**
 * A table in a file as a data source: CSV or TSV text (also compressed by gzip) or Parquet, read by DuckDB.
 *
 * A table larger than memory is kept on disk. Columns whose names or values say that they identify a person are not
 * shown unless the site exposes them by name.
 * @module
 */
import { stat } from 'node:fs/promises';
import { KonsilError } from '../../base/index.ts';
import type { CsvConfig, CsvReading } from '../dataSource.ts';
import { findRecordLine, readHead } from './csvText.ts';
import { loadCsv } from './loadCsv.ts';
import { checkOptions, hiddenColumns, LoadedSource, namesOf } from './loadedSource.ts';
import { isParquet, loadParquet } from './loadParquet.ts';
import { findTooLarge, openTableDatabase, type TableDatabaseOptions } from './tableDatabase.ts';

/** Cells that mean "no value". */
export const DEFAULT_NULL_VALUES = ['', 'NA', 'NaN', 'null', '.', 'N/A', 'nan', 'NULL'] as const;

export type CsvOptions = Omit<CsvConfig, 'datasource'> & TableDatabaseOptions;

export class CSVSource extends LoadedSource {
  /**
   * Reads and checks the whole file.
   * @throws KonsilError FILE_NOT_FOUND, DATA_INVALID, DATA_EMPTY, DATA_UNSUPPORTED when the file is encrypted or too
   *   large, or DATA_COLUMN_MISSING when an option names no column.
   */
  static async open(options: CsvOptions): Promise<CSVSource> {
    const { path } = options;
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile() !== true)
      throw new KonsilError('FILE_NOT_FOUND', `no file ${path}; expected a CSV file`, { file: path });
    const nullValues = options.nullValues ?? DEFAULT_NULL_VALUES;
    const head = (await isParquet(path)) ? undefined : await readHead(path, options.delimiter, options.reading);
    if (head !== undefined) checkOptions(options, path, options.reading?.columns ?? head.names, []);
    const database = await openTableDatabase(options);
    try {
      const table =
        head === undefined
          ? await loadParquet(database, path, nullValues)
          : await loadCsv(database, path, head, nullValues, options.reading);
      checkOptions(options, path, namesOf(table), table.nested);
      const hidden = await hiddenColumns(database.connection, table, options);
      const lineOf =
        head !== undefined && hasPlainLines(options.reading)
          ? (key: number) => findRecordLine(path, head.gzip, key)
          : undefined;
      return new CSVSource(
        options,
        { kind: 'CSVSource', label: path, table, hidden, ...(lineOf && { lineOf }) },
        database,
      );
    } catch (error) {
      database.close();
      throw error instanceof KonsilError ? error : (findTooLarge(path, database, error) ?? error);
    }
  }
}

/** Whether lines can be counted as in any CSV file. */
function hasPlainLines({ quote, escape, comment, encoding, skipRows, hasHeader }: CsvReading = {}): boolean {
  return [quote, escape, comment, encoding, skipRows, hasHeader].every((option) => option === undefined);
}
