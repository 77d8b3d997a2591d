export { renderReport } from './html.ts';
export { MAIN_METRIC } from './metric.ts';
export { size } from './numbers.ts';
export type { Comparison, PrivacyResult, RoundResult, RunResult } from './result.ts';
export { renderSummary } from './text.ts';
