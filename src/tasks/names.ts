/**
 * Names of the task language: what Konsil runs today, and what the platform's specification knows besides, so that a
 * message can tell "not supported yet" from "no such thing".
 * @module
 */
import { FILE_SOURCES } from '../datasources/index.ts';

/** Protocols that train. */
export const TRAINING_PROTOCOLS = ['FederatedAveraging'] as const;
/** Protocols that only ask. */
export const ANALYSIS_PROTOCOLS = ['ResultsOnly'] as const;
/** Protocols this version runs. */
export const PROTOCOLS = [...TRAINING_PROTOCOLS, ...ANALYSIS_PROTOCOLS] as const;
/** Algorithms that train. */
export const TRAINING_ALGORITHMS = ['FederatedModelTraining'] as const;
/** Algorithms of tasks that only ask. */
export const ANALYSIS_ALGORITHMS = [
  'SqlQuery',
  'PrivateSqlQuery',
  'PrivateSetIntersection',
  'FederatedStatistics',
  'ModelEvaluation',
] as const;
/** Data sources that are one table, which models train on. */
export const TABLE_DATASOURCES = ['CSVSource', ...FILE_SOURCES, 'InterMineSource'] as const;
/** Data sources this version reads. */
export const DATASOURCES = [...TABLE_DATASOURCES, 'OMOPSource'] as const;
/** Built-in models, referred to as `builtin:<name>`. */
export const BUILTIN_MODELS = ['mlp', 'logistic_regression'] as const;

/** Protocols of the specification (§2.1) that are not run yet. */
export const KNOWN_PROTOCOLS = [
  'InferenceAndCSVReport',
  'InferenceAndReturnCSVReport',
  'InstrumentedInferenceAndCSVReport',
  'InferenceAndImageOutput',
  'RetinalDiseaseProtocolCobalt',
  'BasicOCTProtocol',
  'FluidVolumeScreeningProtocol',
  'GAScreeningProtocol',
  'GAScreeningProtocolJade',
  'GAScreeningProtocolAmethyst',
  'GAScreeningProtocolBronze',
  'GAScreeningProtocolBronzeWithEHR',
  'GAScreeningProtocolCharcoal',
  'DataExtractionProtocolCharcoal',
  'InSiteInsightsProtocol',
  'NextGenSearchProtocol',
  'WetAMDScreeningProtocolSapphire',
] as const;

/** Algorithms of the specification (§2.2) that are not run yet; the ones a newcomer may reach for. */
export const KNOWN_ALGORITHMS = [
  'ModelTrainingAndEvaluation',
  'ModelInference',
  'CSVReportAlgorithm',
  'HuggingFaceImageClassificationInference',
  'HuggingFaceImageSegmentationInference',
  'HuggingFaceImageTextGenerationInference',
  'HuggingFaceTextClassificationInference',
  'HuggingFaceTextGenerationInference',
  'HuggingFaceNERInference',
  'HuggingFacePerplexityEvaluation',
  'TIMMFineTuning',
  'TIMMInference',
  'MONAIBundleInference',
] as const;

/** `name` without its `bitfount.` or `konsil.` prefix; plugins keep theirs. */
export function bareName(name: string): string {
  return name.replace(/^(?:bitfount|konsil)\./, '');
}
