export type { SqlResult, SqlType } from './result.ts';
export { SqlSandbox, type SqlSandboxOptions } from './sqlSandbox.ts';
