export {
  type BoundedOptions,
  type BoundedQuery,
  BoundedTable,
  type ExactGroup,
  type ExactHistogram,
  type Key,
} from './boundedTable.ts';
export { type Bounds, type Grid, gridOf, onGrid } from './grid.ts';
export type { PrivateUnit } from './persons.ts';
export { type PreparedQuery, preparePrivateQuery } from './prepareQuery.ts';
export type { Aggregate, Share } from './privateSelect.ts';
