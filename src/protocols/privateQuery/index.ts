export {
  type ColumnRange,
  type PrivateQueryOptions,
  type PrivateQueryPlan,
  planPrivateQuery,
} from './planPrivateQuery.ts';
export type { ColumnNoise, PrivateResult } from './privateResult.ts';
export { type RunOptions, runPrivateQuery } from './runPrivateQuery.ts';
