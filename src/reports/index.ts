export { renderReport } from './html.ts';
export type { Comparison, RoundResult, RunResult } from './result.ts';
export { renderSummary } from './text.ts';
