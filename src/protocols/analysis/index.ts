export { joinChunks, listBytes, splitChunks } from './chunkList.ts';
export type { FederatedColumn, FederatedSummary } from './federatedSummary.ts';
export { type AnalysisAnswer, type PublicFacts, type StepSum, stepSums } from './plan.ts';
export { analysisPlan } from './plans.ts';
export { type ResultTable, readTable, tableToCsv } from './resultTable.ts';
export { sqlInput } from './sqlSums.ts';
export {
  CHANNELS,
  columnsOf,
  type StatisticsRows,
  statisticsInput,
} from './statisticsSums.ts';
