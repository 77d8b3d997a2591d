export type { LoadProgress } from './loadedTables.ts';
export * from './private/index.ts';
export { refused as sqlRefused } from './refused.ts';
export type { SqlResult, SqlType } from './result.ts';
export {
  type SqlLimits,
  type SqlRunner,
  SqlSandbox,
  type SqlSandboxOptions,
  type SqlTablesOptions,
} from './sqlSandbox.ts';
export type { SqlColumn, SqlColumnType, SqlTable, TableBatch, TableSource } from './tableSource.ts';
