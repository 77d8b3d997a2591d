/**
 * A DuckDB database for one table: of bounded memory, with a folder for what does not fit, able to load nothing by itself.
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { KonsilError, messageOf } from '../../base/index.ts';

/** Memory of DuckDB for one table. */
export const DEFAULT_MEMORY_LIMIT_MB = 2_000;
/** On disk besides: a small compressed file may claim a table of any size. */
export const DEFAULT_DISK_LIMIT_MB = 64_000;
/** Below it two threads of DuckDB 1.5 can load neither a Parquet file nor, with the buffer of `loadCsv.ts`, a CSV file. */
const MIN_MEMORY_LIMIT_MB = 48;

export interface TableDatabaseOptions {
  /** In 10^6 bytes, at least 48. @default DEFAULT_MEMORY_LIMIT_MB */
  readonly memoryLimitMb?: number;
  /** In 10^6 bytes, at least 1. @default DEFAULT_DISK_LIMIT_MB */
  readonly diskLimitMb?: number;
}

/** An open database; `close` also removes its folder and is harmless when repeated. */
export interface TableDatabase {
  readonly connection: DuckDBConnection;
  /** Another connection, that the caller closes: what interrupts one does not stop the others. */
  connect(): Promise<DuckDBConnection>;
  /** Where tables that do not fit into memory go. */
  readonly folder: string;
  readonly limits: Required<TableDatabaseOptions>;
  close(): void;
}

/** Opens an empty database. @throws RangeError for limits below the smallest. */
export async function openTableDatabase(options: TableDatabaseOptions = {}): Promise<TableDatabase> {
  const { memoryLimitMb = DEFAULT_MEMORY_LIMIT_MB, diskLimitMb = DEFAULT_DISK_LIMIT_MB } = options;
  if (!Number.isSafeInteger(memoryLimitMb) || memoryLimitMb < MIN_MEMORY_LIMIT_MB)
    throw new RangeError(`memoryLimitMb needs an integer ≥ ${MIN_MEMORY_LIMIT_MB}, got ${memoryLimitMb}`);
  if (!Number.isSafeInteger(diskLimitMb) || diskLimitMb < 1)
    throw new RangeError(`diskLimitMb needs an integer ≥ 1, got ${diskLimitMb}`);
  const { DuckDBInstance } = await import('@duckdb/node-api'); // 70 MB native library: only when data is read
  const folder = mkdtempSync(join(tmpdir(), 'konsil-table-'));
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    const instance = await DuckDBInstance.create(':memory:', {
      threads: '2',
      memory_limit: `${memoryLimitMb}MB`,
      temp_directory: folder,
      preserve_insertion_order: 'true', // row numbers are those of the file
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    });
    const connection = await instance.connect();
    // among the options of `create` DuckDB 1.5 shows this limit but does not keep it
    await connection.run(`SET max_temp_directory_size = '${diskLimitMb}MB'`);
    let isClosed = false;
    const close = (): void => {
      if (isClosed) return;
      isClosed = true;
      connection.closeSync();
      instance.closeSync();
      removeFolder();
    };
    return {
      connection,
      connect: async () => instance.connect(),
      folder,
      limits: { memoryLimitMb, diskLimitMb },
      close,
    };
  } catch (error) {
    removeFolder();
    throw error;
  }
}

/** DATA_UNSUPPORTED when `error` of DuckDB says that memory or disk ran out, else undefined. */
export function findTooLarge(path: string, { limits }: TableDatabase, error: unknown): KonsilError | undefined {
  if (!/out of memory|max_temp_directory_size/i.test(messageOf(error))) return undefined;
  const { memoryLimitMb, diskLimitMb } = limits;
  return new KonsilError(
    'DATA_UNSUPPORTED',
    `${path} needs more than ${memoryLimitMb} MB of memory and ${diskLimitMb} MB of disk to be read`,
    { file: path, memoryLimitMb, diskLimitMb },
  );
}
