export * from './private/index.ts';
export { refused as sqlRefused } from './refused.ts';
export type { SqlResult, SqlType } from './result.ts';
export { SqlSandbox, type SqlSandboxOptions } from './sqlSandbox.ts';
