export { renderReport } from './html.ts';
export type { Comparison, RunResult } from './result.ts';
export { renderSummary } from './text.ts';
