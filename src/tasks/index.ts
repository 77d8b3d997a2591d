export {
  type AggregateRule,
  type Analysis,
  type AnalysisAlgorithm,
  type ColumnRange,
  type IntersectionAlgorithm,
  type LocalAnalysis,
  type PrivateSqlAlgorithm,
  parseAnalysis,
  type SqlAlgorithm,
  type StatisticsAlgorithm,
  type VocabularyOptions,
} from './analysis/analysis.ts';
export type { EvaluatedModel, EvaluationAlgorithm, EvaluationSettings, Subgroup } from './analysis/evaluation.ts';
export {
  type AnyEvaluation,
  isEvaluation,
  localTrainingOf,
  type TrainedEvaluationAlgorithm,
} from './analysis/trainedEvaluation.ts';
export { withoutColumns } from './analysis/withoutColumns.ts';
export type { BlobStoreSettings } from './blobStore.ts';
export { type ConfigKind, type Path, type Problem, parseYaml, readConfigText, resolvePath } from './configFile.ts';
export { withoutOutcome } from './dataStructure/outcome.ts';
export type { TaskData } from './dataStructure/read.ts';
export type { EvaluationPolicy } from './evaluationPolicy.ts';
export type { TrainingSettings, TrainingUnit } from './hyperparameters.ts';
export { type ColumnFilter, type CsvReport, columnsNamedBy } from './inference/csvReport.ts';
export type { InferenceAlgorithm, InferenceModel, InputData } from './inference/inference.ts';
export { columnsOfRules, type RecordRule } from './inference/recordFilter.ts';
export { parseInference } from './inference/task.ts';
export type { IntersectionPolicy, RowFilterPolicy } from './intersectionPolicy.ts';
export { jsonSchemas } from './jsonSchema.ts';
export {
  checkModelReference,
  type LocatedModel,
  locateModel,
  type ModelReferenceFile,
  modelReference,
} from './modelReference.ts';
export {
  type BudgetPolicy,
  type InferenceLimits,
  type InferencePolicy,
  type PodConfig,
  type PodPolicy,
  parsePodConfig,
  type QueryPolicy,
  readPodConfig,
} from './podConfig.ts';
export { podFile } from './podFile.ts';
export {
  budgetOfModeller,
  hasModellerBudgets,
  type ModellerBudget,
  type PrivateQueryPolicy,
  type SiteRange,
} from './privateQueryPolicy.ts';
export { type Quantisation, quantisationOf, type Scale } from './quantisation.ts';
export type { StalenessSettings } from './staleness.ts';
export { FEDAVG } from './strategy.ts';
export {
  type Activation,
  type AggregatorSettings,
  type BrokerSettings,
  composeTask,
  type Deadlines,
  fromWire,
  type LocalSettings,
  type LocalTask,
  type ModelChoice,
  parseTask,
  readTask,
  roundsOf,
  splitIdentifier,
  type Task,
  toWire,
} from './task.ts';
export type { TaskFile } from './taskFile.ts';
export { type AnyLocalTask, type AnyTask, analysisToWire, anyFromWire, isAnalysis, readAnyTask } from './taskKinds.ts';
export { readTaskTemplates, type TaskTemplate } from './taskTemplates.ts';
export type { TemplateField } from './template/constraints.ts';
export { fieldsWithoutValue, type TaskInputs } from './template/fill.ts';
export { formOf, type TaskForm } from './template/form.ts';
export { valueFromTexts } from './template/values.ts';
