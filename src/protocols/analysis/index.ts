export { tableToCsv } from '../../base/index.ts';
export { joinChunks, listBytes, splitChunks } from './chunkList.ts';
export {
  type EvaluatedGroup,
  evaluatedGroups,
  evaluationInput,
  groupIndex,
} from './evaluationSums.ts';
export {
  type ExactScores,
  exactFigures,
  MAX_SCORED_ROWS,
  MAX_SCORES_BYTES,
  readExactScores,
  writeExactScores,
} from './exactScores.ts';
export type { FederatedColumn, FederatedSummary, FederatedVocabulary } from './federatedSummary.ts';
export {
  isSignedLocalModel,
  type LocalModelView,
  packLocalModel,
  signLocalModel,
  unpackLocalModel,
} from './localModel.ts';
export { type AnalysisAnswer, type PublicFacts, type StepSum, stepSums } from './plan.ts';
export { analysisPlan } from './plans.ts';
export { probabilitiesOf } from './probabilities.ts';
export { type ResultTable, readTable } from './resultTable.ts';
export { type RingPlan, readRingPlan, writeRingPlan } from './ringPlan.ts';
export {
  checkEvaluationAnswer,
  type EvaluationFinding,
  type EvaluationView,
  evaluationStatement,
  isSignedEvaluation,
  MAX_SITE_EVALUATION_BYTES,
  readSiteEvaluation,
  type SiteEvaluation,
  signEvaluation,
} from './siteEvaluation.ts';
export { MAX_SITE_INFERENCE_BYTES, readSiteInference, type SiteInference } from './siteInference.ts';
export { sqlInput } from './sqlSums.ts';
export {
  CHANNELS,
  columnsOf,
  FIGURE_STEPS,
  type StatisticsRows,
  statisticsInput,
} from './statisticsSums.ts';
export type { SummedGroup } from './summedGroup.ts';
export {
  bucketInput,
  textInput,
  type VocabularyGiving,
  type VocabularyRows,
  vocabularyProblems,
} from './vocabularySums.ts';
