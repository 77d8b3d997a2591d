export { sigmoid, softmax } from './activations.ts';
export { evaluateBinary, evaluateMulticlass, evaluateMultilabel, type Metrics, rocAuc } from './classification.ts';
export { countHits, evaluate, hasHits, type RowKind } from './evaluate.ts';
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
export { addStatistics, type SiteStatistics, statisticsLayout } from './layout.ts';
export { labelsOf, type Plane, planeOf } from './masks.ts';
export { type MetaAnalysisOptions, metaAnalysis, type SiteEstimate, scaleOf } from './metaAnalysis.ts';
export {
  type EvaluationProblem,
  type PooledMetric,
  type PooledOptions,
  pooledEvaluation,
  pooledMetrics,
  TRAINING_METRICS,
} from './pooled.ts';
export { evaluateRegression } from './regression.ts';
export { imageStatistics } from './segmentation.ts';
export { siteStatistics } from './statistics.ts';
export type { SurvivalPredictions, SurvivalTargets } from './survival.ts';
