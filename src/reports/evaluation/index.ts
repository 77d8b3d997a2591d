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
