export { tableToCsv } from '../../base/index.ts';
export { joinChunks, listBytes, splitChunks } from './chunkList.ts';
export type { FederatedColumn, FederatedSummary, FederatedVocabulary } from './federatedSummary.ts';
export { type AnalysisAnswer, type PublicFacts, type StepSum, stepSums } from './plan.ts';
export { analysisPlan } from './plans.ts';
export { type ResultTable, readTable } from './resultTable.ts';
export { sqlInput } from './sqlSums.ts';
export {
  CHANNELS,
  columnsOf,
  FIGURE_STEPS,
  type StatisticsRows,
  statisticsInput,
} from './statisticsSums.ts';
export {
  bucketInput,
  textInput,
  type VocabularyGiving,
  type VocabularyRows,
  vocabularyProblems,
} from './vocabularySums.ts';
