/**
 * The plan of each algorithm of a task that asks.
 * @module
 */
import type { AnalysisAlgorithm } from '../../tasks/index.ts';
import type { AnalysisPlan } from './plan.ts';
import { sqlPlan } from './sqlSums.ts';
import { statisticsPlan } from './statisticsSums.ts';
import { withVocabulary } from './vocabularyPlan.ts';

/** @throws KonsilError CONFIG_INVALID for an algorithm whose results are not added up. */
export function analysisPlan(algorithm: AnalysisAlgorithm): AnalysisPlan {
  switch (algorithm.name) {
    case 'SqlQuery':
      return sqlPlan(algorithm);
    case 'FederatedStatistics':
      return withVocabulary(statisticsPlan(algorithm), algorithm);
  }
}
