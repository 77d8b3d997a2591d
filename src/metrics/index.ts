export { sigmoid, softmax } from './activations.ts';
export { evaluateBinary, evaluateMulticlass, evaluateMultilabel, type Metrics, rocAuc } from './classification.ts';
export { countHits, evaluate } from './evaluate.ts';
export { aucFromHistogram, type ScoreHistogram, scoreHistogram } from './histogram.ts';
export { aucInterval, f1Interval, type Interval, meanInterval, wilsonInterval } from './intervals.ts';
export {
  addStatistics,
  type MetricKind,
  type PooledMetric,
  pooledMetrics,
  type SiteStatistics,
  siteStatistics,
  statisticsLayout,
} from './pooled.ts';
export { evaluateRegression } from './regression.ts';
