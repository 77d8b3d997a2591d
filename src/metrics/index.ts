export { sigmoid, softmax } from './activations.ts';
export { evaluateBinary, evaluateMulticlass, evaluateMultilabel, type Metrics, rocAuc } from './classification.ts';
export { countHits, evaluate } from './evaluate.ts';
export { type EvaluationInputs, evaluateGroup, type GroupOptions, groupStatistics } from './evaluateGroup.ts';
export type {
  Band,
  Curves,
  Estimate,
  EvaluationKind,
  GroupEvaluation,
  MetaAnalysis,
  Withheld,
} from './groupEvaluation.ts';
export { Group, Kind, Meta, WithheldGroup } from './groupSchema.ts';
export { type Guard, guardGroup } from './guards.ts';
export { aucFromHistogram, type ScoreHistogram, scoreHistogram } from './histogram.ts';
export { aucInterval, f1Interval, type Interval, meanInterval, wilsonInterval } from './intervals.ts';
export { addStatistics, type MetricKind, type SiteStatistics, statisticsLayout } from './layout.ts';
export { type MetaAnalysisOptions, metaAnalysis, type SiteEstimate, scaleOf } from './metaAnalysis.ts';
export {
  type EvaluationProblem,
  type PooledMetric,
  type PooledOptions,
  pooledEvaluation,
  pooledMetrics,
} from './pooled.ts';
export { evaluateRegression } from './regression.ts';
export { imageStatistics } from './segmentation.ts';
export { siteStatistics } from './statistics.ts';
export type { SurvivalPredictions, SurvivalTargets } from './survival.ts';
