/**
 * The plan of each algorithm of a task that asks.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import type { AnalysisAlgorithm } from '../../tasks/index.ts';
import { evaluationPlan } from './evaluationSums.ts';
import type { AnalysisPlan } from './plan.ts';
import { sqlPlan } from './sqlSums.ts';
import { statisticsPlan } from './statisticsSums.ts';
import { withVocabulary } from './vocabularyPlan.ts';

/** @throws KonsilError CONFIG_INVALID for an algorithm whose results are not added up. */
export function analysisPlan(algorithm: AnalysisAlgorithm): AnalysisPlan {
  switch (algorithm.name) {
    case 'SqlQuery':
    case 'PrivateSqlQuery':
      return sqlPlan(algorithm);
    case 'FederatedStatistics':
      return withVocabulary(statisticsPlan(algorithm), algorithm);
    case 'ModelEvaluation':
    case 'ModelTrainingAndEvaluation':
      return evaluationPlan(algorithm);
    case 'PrivateSetIntersection':
      throw new KonsilError('CONFIG_INVALID', 'an intersection is not added up');
    case 'ModelInference':
      throw new KonsilError('CONFIG_INVALID', 'rows of predictions are not added up');
  }
}
