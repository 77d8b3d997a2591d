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
/** Protocols that run a model over a site's rows and write a report. */
export const INFERENCE_PROTOCOLS = [
  'InferenceAndCSVReport',
  'InferenceAndReturnCSVReport',
  'InstrumentedInferenceAndCSVReport',
  'InferenceAndImageOutput',
] as const;
/** Protocols this version runs. */
export const PROTOCOLS = [...TRAINING_PROTOCOLS, ...ANALYSIS_PROTOCOLS, ...INFERENCE_PROTOCOLS] as const;
/** Algorithms that train. */
export const TRAINING_ALGORITHMS = ['FederatedModelTraining'] as const;
/** Algorithms of tasks that only ask. */
export const ANALYSIS_ALGORITHMS = [
  'SqlQuery',
  'PrivateSqlQuery',
  'PrivateSetIntersection',
  'FederatedStatistics',
  'ModelEvaluation',
  'ModelTrainingAndEvaluation',
] as const;
/** Algorithms of tasks that run a model over a site's rows, in the order in which they may stand. */
export const INFERENCE_ALGORITHMS = [
  'RecordFilterAlgorithm',
  'ImageSelectionAlgorithm',
  'ModelInference',
  'CSVReportAlgorithm',
] as const;

/** Which algorithms a protocol takes. */
export const FITTING: Readonly<Record<(typeof PROTOCOLS)[number], readonly string[]>> = {
  FederatedAveraging: TRAINING_ALGORITHMS,
  ResultsOnly: [...ANALYSIS_ALGORITHMS, ...INFERENCE_ALGORITHMS.filter((name) => name !== 'CSVReportAlgorithm')],
  InferenceAndCSVReport: INFERENCE_ALGORITHMS,
  InferenceAndReturnCSVReport: INFERENCE_ALGORITHMS,
  InstrumentedInferenceAndCSVReport: INFERENCE_ALGORITHMS,
  InferenceAndImageOutput: INFERENCE_ALGORITHMS,
};

/** The protocols that take an algorithm. */
export function protocolsOf(algorithm: string): readonly string[] {
  return PROTOCOLS.filter((protocol) => FITTING[protocol].includes(algorithm));
}
/** Data sources that are one table, which models train on. */
export const TABLE_DATASOURCES = ['CSVSource', ...FILE_SOURCES, 'InterMineSource'] as const;
/** Data sources this version reads. */
export const DATASOURCES = [...TABLE_DATASOURCES, 'OMOPSource'] as const;
/** Built-in models, referred to as `builtin:<name>`. */
export const BUILTIN_MODELS = ['mlp', 'logistic_regression'] as const;

/** Protocols of the specification (§2.1) that are not run yet. */
export const KNOWN_PROTOCOLS = [
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
