/** A table in memory as a data source, for tests that deal rows by the thousand. */
import type { ColumnSchema, DataSource, DataType, Value } from '../../src/datasources/index.ts';

export interface MemoryTable {
  readonly types: Readonly<Record<string, DataType>>;
  readonly rows: readonly Readonly<Record<string, Value>>[];
  /** Patient of a row. @default none is known */
  readonly patientOf?: (key: number) => string | null;
}

export function memorySource({ types, rows, patientOf = () => null }: MemoryTable): DataSource {
  const columns = Object.entries(types).map(([name, dataType]): ColumnSchema => {
    return { name, dataType, semanticType: 'continuous' };
  });
  const batchOf = (keys: readonly number[]): Awaited<ReturnType<DataSource['getData']>> => ({
    keys,
    columns: Object.fromEntries(columns.map(({ name }) => [name, keys.map((key) => rows[key]![name] ?? null)])),
  });
  return {
    ...{ kind: 'MemorySource', label: 'memory', columns: Object.keys(types), rowCount: rows.length },
    schema: { name: 'memory', datasource: 'MemorySource', rowCount: rows.length, columns },
    async *yieldData(size = 1_000) {
      for (let from = 0; from < rows.length; from += size)
        yield batchOf([...Array(Math.min(size, rows.length - from)).keys()].map((i) => from + i));
    },
    getData: async (keys) => batchOf(keys),
    findLine: async () => undefined,
    nameOf: String,
    groupOf: patientOf,
    close: () => undefined,
  };
}
