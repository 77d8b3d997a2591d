export { renderReport } from './html.ts';
export type { Comparison, PrivacyResult, RoundResult, RunResult } from './result.ts';
export { renderSummary } from './text.ts';
