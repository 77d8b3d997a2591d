export { type DotRow, dotKey, dotPlot } from './forest.ts';
export { renderReport } from './html.ts';
export { type Content, html, Markup, shorten } from './markup.ts';
export { lowerIsBetter, MAIN_METRIC, shownMetric } from './metric.ts';
export { countOf, duration, listOf, NOTHING, significant, size, whole } from './numbers.ts';
export type { Comparison, PrivacyResult, RoundResult, RunResult } from './result.ts';
export { linear, niceTicks, wholeTicks } from './scale.ts';
export { STYLE } from './style.ts';
export { renderSummary } from './text.ts';
