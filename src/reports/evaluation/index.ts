export { renderEvaluation } from './html.ts';
export { readEvaluation } from './read.ts';
export type {
  EvaluatedModel,
  EvaluatedPod,
  EvaluationPolicy,
  EvaluationResult,
  Findings,
  ModelFindings,
  SignedAnswer,
  SiteData,
  Subgroups,
} from './record.ts';
export { evaluationJsonSchema } from './schema.ts';
export { evaluationSummary } from './summary.ts';
export { type EvaluationTable, evaluationTables } from './tables.ts';
