/**
 * A task that asks, as the program uses it: every default filled in, all names bare.
 * @module
 */
import { dirname } from 'node:path';
import type { z } from 'zod';
import type { CohortAssumptions } from '../../aggregation/index.ts';
import { KonsilError } from '../../base/index.ts';
import { type ConfigKind, parseJson, parseYaml, resolvePath } from '../configFile.ts';
import { dataStructureFileOf, dataStructureOf, type TaskData } from '../dataStructure/read.ts';
import type { InferenceAlgorithm } from '../inference/inference.ts';
import type { IntersectionKind } from '../intersectionPolicy.ts';
import type { INFERENCE_PROTOCOLS } from '../names.ts';
import { locateModels, modelFilesOf, type TaskModel } from '../storedModels.ts';
import { commonLocal, type Deadlines, type LocalSettings } from '../task.ts';
import { fillIn } from '../template/fill.ts';
import { openYaml, type YamlFile } from '../yamlFile.ts';
import { checkAnalysis } from './checks.ts';
import { algorithmsOf, evaluationFileOf, evaluationOf, modelReferencesOf } from './evaluation.ts';
import { ANALYSIS_ARGUMENTS, type AnalysisFile, analysisFile, type SAVE_LOCATIONS } from './file.ts';
import { structureOf } from './structure.ts';
import {
  type AnyEvaluation,
  NOT_TFJS,
  trainedEvaluationFileOf,
  trainedEvaluationOf,
  trainedReferencesOf,
} from './trainedEvaluation.ts';
import { withoutColumns } from './withoutColumns.ts';

/** What becomes of the pods' values of one column: their mean is weighted by another column, or not. */
export type AggregateRule = 'sum' | 'mean' | 'count' | { readonly mean: string };

/** One SELECT on each dataset. */
export interface SqlAlgorithm {
  readonly name: 'SqlQuery';
  readonly query: string;
  readonly table?: string;
  readonly aggregate?: Readonly<Record<string, AggregateRule>>;
  readonly groups?: Readonly<Record<string, readonly (string | number)[]>>;
}

/** What is publicly known of a column: the range of its values, or the groups they name. */
export interface ColumnRange {
  readonly lower?: number | string;
  readonly upper?: number | string;
  readonly values?: readonly (number | string)[];
}

/** One SELECT on each dataset, answered with noise. */
export interface PrivateSqlAlgorithm extends Omit<SqlAlgorithm, 'name'> {
  readonly name: 'PrivateSqlQuery';
  readonly epsilon: number;
  readonly delta: number;
  readonly columnRanges: Readonly<Record<string, ColumnRange>>;
  readonly maxGroups: number;
}

/** What does not count in a column of a key. */
export interface KeyColumn {
  readonly trim?: boolean;
  readonly case?: 'keep' | 'fold';
  readonly digits?: boolean;
}

/** Who of the modeller's list is in the datasets, or how many. */
export interface IntersectionAlgorithm {
  readonly name: 'PrivateSetIntersection';
  readonly columns: readonly string[];
  /** One a column. */
  readonly rule: readonly KeyColumn[];
  readonly kind: IntersectionKind;
  /** Of `row_filter`: what the pods call it. */
  readonly saveAs?: string;
  /** Whether lists of pods are compared with each other, and none of the modeller. */
  readonly amongPods: boolean;
  readonly padTo?: number;
  /** Length of the modeller's list, padded; absent until it was read. */
  readonly identifiers?: number;
}

/** Columns whose values are to be found. */
export interface VocabularyOptions {
  readonly columns: readonly string[];
  /** A value of fewer sites is not shown; at least 2. */
  readonly minimumSites: number;
  /** Decides, with the name of the column, which values collide. */
  readonly salt: number;
}

/** Figures of the columns of a data structure over all sites. */
export interface StatisticsAlgorithm {
  readonly name: 'FederatedStatistics';
  readonly quantiles: readonly number[];
  readonly bins: number;
  readonly minimumCount: number;
  /** Without the columns of the vocabulary. */
  readonly dataStructure: TaskData;
  readonly vocabulary?: VocabularyOptions;
}

export type AnalysisAlgorithm =
  | SqlAlgorithm
  | PrivateSqlAlgorithm
  | IntersectionAlgorithm
  | StatisticsAlgorithm
  | AnyEvaluation
  | InferenceAlgorithm;

/** As all parties know it; nothing in it is local to a machine. */
export interface Analysis {
  readonly pods: readonly string[];
  readonly modellerName?: string;
  readonly protocol: {
    readonly name: 'ResultsOnly' | (typeof INFERENCE_PROTOCOLS)[number];
    readonly saveLocation: readonly (typeof SAVE_LOCATIONS)[number][];
  };
  readonly algorithm: AnalysisAlgorithm;
  readonly aggregator: {
    /** Whether the pods' results are added up; otherwise each is given by itself, in the open. */
    readonly adds: boolean;
    readonly secure: boolean;
    readonly minimumCohort: number;
    readonly cohort?: CohortAssumptions;
  };
  readonly deadlines: Deadlines;
}

/** One whose answer is figures: anything but rows of predictions. */
export type Question = Analysis & { readonly algorithm: Exclude<AnalysisAlgorithm, InferenceAlgorithm> };

export interface LocalAnalysis extends Analysis {
  readonly local: LocalSettings;
}

const fileKind: ConfigKind<typeof analysisFile> = { schema: analysisFile, check: (file) => checkAnalysis(file) };
const wireKind: ConfigKind<typeof analysisFile> = {
  schema: analysisFile,
  check: (file) => checkAnalysis(file, true),
  code: 'TASK_REJECTED',
};

/**
 * Touches no disk: models of the store are looked for by {@link readAnalysis} only.
 * @throws KonsilError CONFIG_INVALID that lists every problem as `file:line:column key.path: …`.
 */
export function parseAnalysis(text: string | YamlFile, file: string): LocalAnalysis {
  const yaml = typeof text === 'string' ? fillIn(openYaml(text, file)) : text;
  return localOf(parseYaml(yaml, file, fileKind), file);
}

/**
 * As {@link parseAnalysis}, of a file that is open and filled in, with its models found.
 * @throws KonsilError CONFIG_INVALID, FILE_NOT_FOUND, MODEL_UNKNOWN, MODEL_STORE_CORRUPT.
 */
export async function readAnalysis(yaml: YamlFile): Promise<LocalAnalysis> {
  const { file } = yaml;
  const parsed = parseYaml(yaml, file, fileKind);
  const task = localOf(parsed, file);
  const places = { file, models: task.local.models, owner: parsed.modeller?.username };
  const found = await locateModels(referencesOf(parsed), places);
  const { algorithm } = task;
  const local = { ...task.local, ...(found.length > 0 && { modelFiles: found.map((model) => model.file) }) };
  if (algorithm.name === 'ModelTrainingAndEvaluation' && found.some(({ kind }) => kind === 'tfjs'))
    throw new KonsilError('CONFIG_INVALID', `${file}: ${NOT_TFJS}`, { file });
  if (algorithm.name !== 'ModelEvaluation') return { ...task, local };
  const models = algorithm.models.map((model, i) => ({ ...model, kind: found[i]!.kind }));
  return { ...task, algorithm: { ...algorithm, models }, local };
}

/** The models that the modeller's machine has to find. */
function referencesOf(file: AnalysisFile): readonly TaskModel[] {
  const isTrained = algorithmsOf(file)[0]!.name === 'ModelTrainingAndEvaluation';
  return isTrained ? trainedReferencesOf(file) : modelReferencesOf(file);
}

/** @param parsed - Accepted by {@link checkAnalysis}. */
function localOf(parsed: AnalysisFile, file: string): LocalAnalysis {
  const list = algorithmsOf(parsed)[0]!.arguments['identifiers_file'];
  const modelFiles = modelFilesOf(referencesOf(parsed), { file, owner: parsed.modeller?.username });
  return {
    ...analysisOf(parsed),
    local: {
      ...commonLocal(parsed.konsil, file),
      ...(typeof list === 'string' && { identifiersFile: resolvePath(dirname(file), list) }),
      ...(modelFiles.length > 0 && { modelFiles }),
    },
  };
}

/** The task that another party sent, checked as strictly as a file. @throws KonsilError TASK_REJECTED. */
export function analysisFromWire(json: unknown): Analysis {
  return analysisOf(parseJson(structuredClone(json), 'received task', wireKind));
}

/** @param file - Accepted by {@link checkAnalysis}. */
function analysisOf(file: AnalysisFile): Analysis {
  const { protocol, deadlines } = file.task;
  const given = file.task.aggregator ?? protocol.arguments.aggregator;
  const older = protocol.arguments.secure_aggregation;
  const adds = given !== undefined || older === true;
  const secure = adds && (given?.secure ?? true);
  return {
    pods: file.pods.identifiers,
    ...(file.modeller?.username !== undefined && { modellerName: file.modeller.username }),
    protocol: { name: protocol.name, saveLocation: protocol.arguments.save_location },
    algorithm: argumentsOf(file),
    aggregator: {
      ...{ adds, secure, minimumCohort: given?.minimum_cohort ?? (secure ? 3 : 1) },
      ...(given?.colluding !== undefined && { cohort: { colluding: given.colluding } }),
    },
    deadlines: deadlines ?? { join: 60, train: 600, exchange: 60, evaluate: 300 },
  };
}

function argumentsOf(file: AnalysisFile): Question['algorithm'] {
  const { name, arguments: given } = algorithmsOf(file)[0]!;
  switch (name) {
    case 'SqlQuery': {
      return { name, ...sqlOf(ANALYSIS_ARGUMENTS.SqlQuery.parse(given)) };
    }
    case 'PrivateSqlQuery': {
      const parsed = ANALYSIS_ARGUMENTS.PrivateSqlQuery.parse(given);
      const { epsilon, delta, column_ranges, max_groups } = parsed;
      return {
        ...{ name, ...sqlOf(parsed), epsilon, delta, maxGroups: max_groups },
        columnRanges: column_ranges as PrivateSqlAlgorithm['columnRanges'],
      };
    }
    case 'PrivateSetIntersection': {
      const {
        columns,
        normalise = {},
        kind,
        pad_to,
        save_as,
        among_pods: amongPods = false,
        identifiers,
      } = ANALYSIS_ARGUMENTS.PrivateSetIntersection.parse(given);
      const rule = (Array.isArray(normalise) ? normalise : columns.map(() => normalise)) as KeyColumn[];
      return {
        ...{ name, columns, rule, kind, amongPods },
        ...(save_as !== undefined && { saveAs: save_as }),
        ...(pad_to !== undefined && { padTo: pad_to }),
        ...(identifiers !== undefined && { identifiers }),
      };
    }
    case 'FederatedStatistics': {
      const { quantiles, bins, minimum_count, ...words } = ANALYSIS_ARGUMENTS.FederatedStatistics.parse(given);
      const { vocabularies: columns, minimum_sites: minimumSites = 2, vocabulary_salt: salt = 0 } = words;
      const figures = { name, quantiles, bins, minimumCount: minimum_count };
      const dataStructure = dataStructureOf(structureOf(file)!);
      if (columns === undefined) return { ...figures, dataStructure };
      return {
        ...figures,
        dataStructure: withoutColumns(dataStructure, columns),
        vocabulary: { columns, minimumSites, salt },
      };
    }
    case 'ModelEvaluation':
      return evaluationOf(file);
    case 'ModelTrainingAndEvaluation':
      return trainedEvaluationOf(file);
  }
}

function sqlOf({ query, table, aggregate, groups }: SqlFile): Omit<SqlAlgorithm, 'name'> {
  return {
    query,
    ...(table !== undefined && { table }),
    ...(aggregate && { aggregate }),
    ...(groups && { groups }),
  };
}

type SqlFile = z.output<(typeof ANALYSIS_ARGUMENTS)['SqlQuery']>;

/** Plain JSON of the task for the pods, in the keys of the file; without paths, broker or anything else local. */
export function questionToWire(analysis: Question): z.input<typeof analysisFile> {
  const { pods, modellerName, protocol, algorithm, aggregator, deadlines } = analysis;
  const { adds, secure, minimumCohort, cohort } = aggregator;
  return analysisFile.parse({
    pods: { identifiers: [...pods] },
    ...(modellerName !== undefined && { modeller: { username: modellerName } }),
    task: {
      protocol: { name: protocol.name, arguments: { save_location: [...protocol.saveLocation] } },
      algorithm: algorithmFileOf(algorithm) as z.input<typeof analysisFile>['task']['algorithm'],
      ...(adds && { aggregator: { secure, minimum_cohort: minimumCohort, ...cohort } }),
      deadlines: { ...deadlines },
      ...('dataStructure' in algorithm && {
        data_structure: dataStructureFileOf(algorithm.dataStructure),
      }),
    },
  });
}

function algorithmFileOf(algorithm: Question['algorithm']): object {
  if (algorithm.name === 'ModelEvaluation') return evaluationFileOf(algorithm);
  if (algorithm.name === 'ModelTrainingAndEvaluation') return trainedEvaluationFileOf(algorithm);
  return { name: algorithm.name, arguments: argumentsFileOf(algorithm) };
}

function argumentsFileOf(algorithm: Exclude<Question['algorithm'], AnyEvaluation>): Record<string, unknown> {
  switch (algorithm.name) {
    case 'SqlQuery': {
      const { name: _, ...args } = algorithm;
      return args;
    }
    case 'PrivateSqlQuery': {
      const { name: _, columnRanges, maxGroups, ...args } = algorithm;
      return { ...args, column_ranges: columnRanges, max_groups: maxGroups };
    }
    case 'PrivateSetIntersection': {
      const { columns, rule, kind, saveAs, amongPods, identifiers } = algorithm;
      return {
        ...{ columns, normalise: rule, kind },
        ...(saveAs !== undefined && { save_as: saveAs }),
        ...(amongPods && { among_pods: true }),
        ...(identifiers !== undefined && { identifiers }),
      };
    }
    case 'FederatedStatistics': {
      const { quantiles, bins, minimumCount, vocabulary } = algorithm;
      return {
        ...{ quantiles: [...quantiles], bins, minimum_count: minimumCount },
        ...(vocabulary && {
          vocabularies: [...vocabulary.columns],
          minimum_sites: vocabulary.minimumSites,
          vocabulary_salt: vocabulary.salt,
        }),
      };
    }
  }
}
