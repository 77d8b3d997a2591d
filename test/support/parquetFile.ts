/** Files that DuckDB writes: what hospitals' own tools write is the same format. */
import { DuckDBInstance } from '@duckdb/node-api';

/** Writes the rows of `query` to `path`. @param options - As in COPY, `FORMAT parquet` and others. */
export async function writeParquet(path: string, query: string, options = 'FORMAT parquet'): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    await connection.run(`COPY (${query}) TO '${path.replaceAll("'", "''")}' (${options})`);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
