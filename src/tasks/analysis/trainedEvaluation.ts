/**
 * `ModelTrainingAndEvaluation` in a task file: a model that each site trains on rows of its own and evaluates on others of
 * them, and whether every site evaluates what the others have trained.
 * @source spec/platform.md §2.2.
 * @module
 */
import type { z } from 'zod';
import { problemOf } from '../../datasources/index.ts';
import { modelKindOf } from '../../training/index.ts';
import type { Path, Problem } from '../configFile.ts';
import { checkDataStructure } from '../dataStructure/checks.ts';
import { checkOutcome } from '../dataStructure/outcome.ts';
import { hyperparametersOf, type TrainingSettings, trainingOf } from '../hyperparameters.ts';
import { checkModelReference } from '../modelReference.ts';
import type { TaskModel } from '../storedModels.ts';
import { type ModelChoice, modelChoiceOf, splitIdentifier, type Task } from '../task.ts';
import type { ModelFile } from '../taskFile.ts';
import { checkModelTraining, checkTotals } from '../trainingChecks.ts';
import {
  type AlgorithmFile,
  algorithmsOf,
  checkFigures,
  checkSubgroups,
  type EvaluationAlgorithm,
  type EvaluationSettings,
  settingsFileOf,
  settingsOf,
} from './evaluation.ts';
import { ANALYSIS_ARGUMENTS, type AnalysisFile } from './file.ts';
import { missingStructure, structureOf } from './structure.ts';

/** In a report the models that stay where they were trained are one. */
export const OWN_MODELS = 'own model of each site';

/**
 * A model that is trained at each site. The first of `models` stands for what each site has trained, with the hash of what all
 * begin with; with `crossSite` there is one more for each pod, called as the pod is.
 */
export interface TrainedEvaluationAlgorithm extends EvaluationSettings {
  readonly name: 'ModelTrainingAndEvaluation';
  readonly model: ModelChoice;
  readonly training: TrainingSettings;
  /** Whether models of sites that give them away are evaluated at all sites. */
  readonly crossSite: boolean;
}

/** Any algorithm that ends with an evaluation. */
export type AnyEvaluation = EvaluationAlgorithm | TrainedEvaluationAlgorithm;

export function isEvaluation(algorithm: { readonly name: string }): algorithm is AnyEvaluation {
  return algorithm.name === 'ModelEvaluation' || algorithm.name === 'ModelTrainingAndEvaluation';
}

const ATTACHED = 'attached:onnx';

type ArgumentsFile = z.output<(typeof ANALYSIS_ARGUMENTS)['ModelTrainingAndEvaluation']>;

const argumentsOf = (algorithm: AlgorithmFile): ArgumentsFile =>
  ANALYSIS_ARGUMENTS.ModelTrainingAndEvaluation.parse(algorithm.arguments);

/** The model of an algorithm, wherever it is written. */
const modelOf = (algorithm: AlgorithmFile): ModelFile | undefined => algorithm.model ?? argumentsOf(algorithm).model;

/** Rules of a task that trains and evaluates. @param path - Of its algorithm. @param isReceived - From another party. */
export function checkTrainedEvaluation(file: AnalysisFile, path: Path, isReceived: boolean): Problem[] {
  const algorithm = algorithmsOf(file)[0]!;
  const args = argumentsOf(algorithm);
  const argumentsPath = [...path, 'arguments'];
  const problems: Problem[] = [];
  const wrong = (at: Path, message: string, atKey = true): void => void problems.push({ path: at, message, atKey });
  const structure = structureOf(file);
  if (algorithm.model && args.model) wrong([...argumentsPath, 'model'], 'already given beside arguments');
  if (algorithm.pretrained_file !== undefined)
    wrong([...path, 'pretrained_file'], 'training begins with the weights in the file of model_ref');
  if (args.cross_site && !file.task.protocol.arguments.save_location.includes('Modeller'))
    wrong(
      [...argumentsPath, 'cross_site'],
      'brings models to the modeller; expected Modeller in task.protocol.arguments.save_location',
    );
  if (args.split === 'train' || args.split === 'all')
    wrong(
      [...argumentsPath, 'split'],
      'a model is evaluated not on rows that it was trained on; expected test or validation',
      false,
    );
  if (structure === undefined) problems.push(missingStructure(file, 'the columns the model takes'));
  else {
    const paths = { structure: ['task', 'data_structure'], arguments: argumentsPath };
    problems.push(...checkDataStructure(structure, paths.structure), ...checkOutcome(structure, args, paths));
    if (structure.statistics !== undefined)
      wrong(['task', 'data_structure', 'statistics'], 'each site trains by itself, and standardises by its own rows');
  }
  problems.push(...checkSubgroups(args.subgroups, [...argumentsPath, 'subgroups']));
  problems.push(...checkTrainedModel(file, [...(algorithm.model ? path : argumentsPath), 'model'], isReceived));
  return problems.length > 0 ? problems : checkFigures(file, args, argumentsPath);
}

/** @param path - Of the model. */
function checkTrainedModel(file: AnalysisFile, path: Path, isReceived: boolean): Problem[] {
  const model = modelOf(algorithmsOf(file)[0]!);
  const key = model?.konsil_model ? 'konsil_model' : 'bitfount_model';
  const value = model?.[key];
  if (model === undefined || value === undefined)
    return [{ path, message: 'is required; expected konsil_model with model_ref' }];
  const reference = { path: [...path, key], value };
  const structure = structureOf(file);
  const places = {
    ...{ model: { path, value: model }, reference },
    dataStructure: structure && { path: ['task', 'data_structure'], value: structure },
    problem: argumentsOf(algorithmsOf(file)[0]!).problem,
  };
  const hyper = model.hyperparameters;
  const hyperPath = [...path, 'hyperparameters'];
  const problems: Problem[] = [
    ...checkModelReference(value, reference.path, {
      owner: file.modeller?.username,
      ...(isReceived && { attached: [ATTACHED] }),
    }),
    ...checkTotals(hyper, hyperPath),
    ...checkModelTraining(places),
  ];
  if (modelKindOf(value.model_ref) === 'tfjs')
    problems.push({ path: [...reference.path, 'model_ref'], message: NOT_TFJS });
  if (hyper?.local_parameters !== undefined)
    problems.push({
      path: [...hyperPath, 'local_parameters'],
      message: 'here all parameters stay at the site; remove it',
      atKey: true,
    });
  return problems;
}

/** Why a model of this kind is not trained and evaluated. */
export const NOT_TFJS =
  'a TensorFlow.js model takes standardised features once it is trained, and is not evaluated then; expected an ONNX file';

/** @param file - Accepted by {@link checkTrainedEvaluation}. */
export function trainedEvaluationOf(file: AnalysisFile): TrainedEvaluationAlgorithm {
  const algorithm = algorithmsOf(file)[0]!;
  const args = argumentsOf(algorithm);
  const { cross_site: crossSite = false, model_sha256: sha256 } = args;
  const settings = settingsOf(file, args);
  const { hyperparameters: hyper, konsil_model, bitfount_model } = modelOf(algorithm)!;
  const training = trainingOf(hyper!, problemOf(settings.dataStructure));
  const pods = [...new Set(file.pods.identifiers.map((identifier) => splitIdentifier(identifier).pod))];
  return {
    ...{ name: 'ModelTrainingAndEvaluation', ...settings, training, crossSite, batchSize: training.batchSize },
    model: modelChoiceOf((konsil_model ?? bitfount_model)!.model_ref, hyper!),
    models: [
      { label: OWN_MODELS, kind: 'onnx', ...(sha256 !== undefined && { sha256 }) },
      ...(crossSite ? pods.map((label) => ({ label, kind: 'onnx' as const })) : []),
    ],
  };
}

/** The model file or stored model that training begins with; none that is built in. */
export function trainedReferencesOf(file: AnalysisFile): readonly TaskModel[] {
  const { konsil_model, bitfount_model } = modelOf(algorithmsOf(file)[0]!)!;
  const reference = (konsil_model ?? bitfount_model)!;
  return reference.model_ref.startsWith('builtin:') ? [] : [{ reference }];
}

/** The algorithm as pods get it. */
export function trainedEvaluationFileOf(algorithm: TrainedEvaluationAlgorithm): object {
  const { name, model, training, crossSite, models } = algorithm;
  const { sha256 } = models[0]!;
  return {
    name,
    arguments: {
      ...settingsFileOf(algorithm),
      cross_site: crossSite,
      ...(sha256 !== undefined && { model_sha256: sha256 }),
    },
    model: {
      konsil_model: { model_ref: model.kind === 'builtin' ? `builtin:${model.name}` : ATTACHED },
      hyperparameters: {
        ...hyperparametersOf(training),
        ...(model.kind === 'builtin' &&
          model.name === 'mlp' && { hidden_layers: [...model.hiddenLayers], activation: model.activation }),
      },
    },
  };
}

/** What each site does with the model, as a task of federated averaging in one round whose update nobody asks for. */
export function localTrainingOf(
  { pods, modellerName, deadlines }: Pick<Task, 'pods' | 'modellerName' | 'deadlines'>,
  { dataStructure, model, training }: TrainedEvaluationAlgorithm,
): Task {
  return {
    ...{ pods, lateJoin: false, ...(modellerName !== undefined && { modellerName }) },
    protocol: { name: 'FederatedAveraging', interval: training.total, autoEval: false },
    algorithm: { name: 'FederatedModelTraining', modellerCheckpointing: false, checkpointEveryRound: false },
    aggregator: { secure: false, minimumCohort: 1 },
    ...{ model, training, deadlines, dataStructure },
  };
}
