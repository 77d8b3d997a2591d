/**
 * `ModelEvaluation` in a task file: its models, rows and subgroups, and back.
 * @module
 */
import { basename, extname } from 'node:path';
import type { z } from 'zod';
import { modelKindOf } from '../../training/index.ts';
import type { Path, Problem } from '../configFile.ts';
import { checkDataStructure } from '../dataStructure/checks.ts';
import { checkOutcome, structureWithOutcome } from '../dataStructure/outcome.ts';
import { dataStructureOf, type TaskData } from '../dataStructure/read.ts';
import { checkModelReference, namedModel } from '../modelReference.ts';
import type { TaskModel } from '../storedModels.ts';
import type { ModelFile } from '../taskFile.ts';
import { checkExact } from './exactScores.ts';
import { ANALYSIS_ARGUMENTS, type AnalysisFile, type EVALUATED_SPLITS } from './file.ts';
import { missingStructure, structureOf } from './structure.ts';

export type AlgorithmFile = Exclude<AnalysisFile['task']['algorithm'], unknown[]>;

/** The algorithms of the task: one, or several models to evaluate. */
export function algorithmsOf({ task: { algorithm } }: AnalysisFile): readonly AlgorithmFile[] {
  return Array.isArray(algorithm) ? algorithm : [algorithm];
}

/** A model under evaluation. */
export interface EvaluatedModel {
  /** In the report; unique in the task. */
  readonly label: string;
  readonly kind: 'onnx' | 'tfjs';
  /** Of its bytes, in hex; absent until they were read. */
  readonly sha256?: string;
}

/** Rows by a column: one group a value, or the ranges of numbers between ascending edges. */
export type Subgroup =
  | { readonly column: string; readonly values: readonly string[] }
  | { readonly column: string; readonly edges: readonly number[] };

/** Models evaluated on the rows of a split, whether the task brings them or sites train them. */
export interface EvaluationSettings {
  readonly models: readonly EvaluatedModel[];
  readonly dataStructure: TaskData;
  readonly split: (typeof EVALUATED_SPLITS)[number];
  readonly batchSize: number;
  /** Of survival: the model gives the share without the event at these. @default it gives a risk */
  readonly times?: readonly number[];
  /** What models give for classes. @default what their graphs say */
  readonly outputs?: 'probabilities' | 'logits';
  /** Name of the output. */
  readonly output?: string;
  readonly subgroups: readonly Subgroup[];
  /** Whether sites that allow it give figures of their own. */
  readonly siteFigures: boolean;
  /** Whether sites that allow it give the score and label of each row. @default false */
  readonly exact?: boolean;
}

/** Models that the task brings. */
export interface EvaluationAlgorithm extends EvaluationSettings {
  readonly name: 'ModelEvaluation';
}

type ArgumentsFile = z.output<(typeof ANALYSIS_ARGUMENTS)['ModelEvaluation']>;

const argumentsOf = (algorithm: AlgorithmFile) => ANALYSIS_ARGUMENTS.ModelEvaluation.parse(algorithm.arguments);

/** The model of an algorithm, wherever it is written. */
const modelOf = (algorithm: AlgorithmFile): ModelFile | undefined => algorithm.model ?? argumentsOf(algorithm).model;

/** The model of an algorithm: the path of a file as written, or the name of a model of the store. */
function referenceOf(algorithm: AlgorithmFile, owner: string | undefined): string {
  if (algorithm.pretrained_file !== undefined) return algorithm.pretrained_file;
  const { konsil_model, bitfount_model } = modelOf(algorithm)!;
  const reference = (konsil_model ?? bitfount_model)!;
  const named = namedModel(reference, owner);
  return 'kind' in named && named.kind === 'stored' ? named.reference : reference.model_ref;
}

/** On the wire a model is what the round brings. */
const ATTACHED = /^attached:(onnx|tfjs)$/;
const ATTACHED_NAMES = ['attached:onnx', 'attached:tfjs'];

function kindOf(reference: string): 'onnx' | 'tfjs' {
  const attached = ATTACHED.exec(reference)?.[1];
  return (attached ?? modelKindOf(reference) ?? 'onnx') as 'onnx' | 'tfjs';
}

/** Rules of an evaluation, between its keys. @param isReceived - From another party: its models are attached. */
export function checkEvaluation(file: AnalysisFile, pathOf: (i: number) => Path, isReceived: boolean): Problem[] {
  const problems: Problem[] = [];
  const algorithms = algorithmsOf(file);
  const structure = structureOf(file);
  if (structure === undefined) problems.push(missingStructure(file, 'the columns the model takes'));
  else {
    const paths = { structure: ['task', 'data_structure'], arguments: [...pathOf(0), 'arguments'] };
    problems.push(...checkDataStructure(structure, paths.structure, false));
    problems.push(...checkOutcome(structure, argumentsOf(algorithms[0]!), paths));
    if (structure.statistics !== undefined)
      problems.push({
        path: ['task', 'data_structure', 'statistics'],
        message: 'only for tasks that train; a model is evaluated on columns as they are',
        atKey: true,
      });
  }
  const first = shared(algorithms[0]!);
  for (const [i, algorithm] of algorithms.entries()) {
    const path = pathOf(i);
    const { model, subgroups } = argumentsOf(algorithm);
    if (model && algorithm.model)
      problems.push({ path: [...path, 'arguments', 'model'], message: 'already given beside arguments', atKey: true });
    const reference = modelOf(algorithm)?.konsil_model ?? modelOf(algorithm)?.bitfount_model;
    if (reference === undefined)
      problems.push({ path: [...path, 'model'], message: 'is required; expected konsil_model with model_ref' });
    else if (reference.model_ref.startsWith('builtin:'))
      problems.push({
        path: [...path, 'model'],
        message: 'a built-in model has nothing to evaluate before it was trained',
      });
    else {
      const key = modelOf(algorithm)!.konsil_model ? 'konsil_model' : 'bitfount_model';
      const at = [...path, ...(algorithm.model ? [] : ['arguments']), 'model', key];
      const owner = file.modeller?.username;
      problems.push(...checkModelReference(reference, at, { owner, ...(isReceived && { attached: ATTACHED_NAMES }) }));
    }
    if (shared(algorithm) !== first)
      problems.push({
        path: [...path, 'arguments'],
        message: 'differ from those of the first model; models are compared on the same rows and groups',
      });
    problems.push(...checkSubgroups(subgroups, [...path, 'arguments', 'subgroups']));
  }
  if (problems.length > 0) return problems;
  const labels = algorithms.map((algorithm) => labelOf(algorithm, file.modeller?.username));
  for (const [i, label] of labels.entries())
    if (labels.indexOf(label) < i)
      problems.push({
        path: [...pathOf(i), 'arguments', 'label'],
        message: `two models are called ${label}; give each a label of its own`,
      });
  const given = argumentsOf(algorithms[0]!);
  const at = [...pathOf(0), 'arguments'];
  const data = structureWithOutcome(dataStructureOf(structure!), structure!, given.problem);
  return [...problems, ...checkFigures(file, given, at), ...checkExact(given, data, adds(file), at)];
}

/** Groups that cannot be told apart. */
export function checkSubgroups(subgroups: ArgumentsFile['subgroups'], path: Path): Problem[] {
  return Object.entries(subgroups ?? {}).flatMap(([column, groups]): Problem[] => {
    const at = [...path, column];
    if (Array.isArray(groups))
      return new Set(groups.map(String)).size === groups.length ? [] : [{ path: at, message: 'lists a value twice' }];
    const isAscending = groups.edges.every((edge, k) => k === 0 || edge > groups.edges[k - 1]!);
    return isAscending ? [] : [{ path: [...at, 'edges'], message: 'expected ascending numbers' }];
  });
}

/** Whether there is something to evaluate on, and somebody to give figures. @param path - Of the arguments. */
export function checkFigures(
  file: AnalysisFile,
  { site_figures, split: asked }: Pick<ArgumentsFile, 'site_figures' | 'split'>,
  path: Path,
): Problem[] {
  const problems: Problem[] = [];
  if (site_figures === false && !adds(file))
    problems.push({
      path: [...path, 'site_figures'],
      message: 'without an aggregator there is nothing but the figures of sites; expected true, or task.aggregator',
    });
  const { split } = dataStructureOf(structureOf(file)!);
  if (split.splitter === 'percentage' && asked !== undefined && asked !== 'all') {
    const { testPercentage: test, validationPercentage: validation } = split;
    if ({ test, validation, train: 100 - test - validation }[asked] === 0)
      problems.push({ path: [...path, 'split'], message: `data_split leaves no ${asked} rows` });
  }
  return problems;
}

/** Whether results are added up over pods. */
function adds({ task: { aggregator, protocol } }: AnalysisFile): boolean {
  const { aggregator: inner, secure_aggregation: older } = protocol.arguments;
  return aggregator !== undefined || inner !== undefined || older === true;
}

/** What all models of a task have in common, as text. */
function shared(algorithm: AlgorithmFile): string {
  const { split, problem, times, outputs, output, subgroups, site_figures, exact } = argumentsOf(algorithm);
  return JSON.stringify([
    problem,
    times,
    split,
    outputs,
    output,
    subgroups,
    site_figures,
    exact,
    modelOf(algorithm)?.hyperparameters?.batch_size,
  ]);
}

function labelOf(algorithm: AlgorithmFile, owner: string | undefined): string {
  const reference = referenceOf(algorithm, owner);
  return argumentsOf(algorithm).label ?? basename(reference, extname(reference)).replace(':', ' v');
}

/** Rows, groups and figures of an evaluation. @param file - Whose rules hold. */
export function settingsOf(
  file: AnalysisFile,
  {
    split,
    subgroups = {},
    site_figures,
    problem,
  }: Pick<ArgumentsFile, 'split' | 'subgroups' | 'site_figures'> & Partial<Pick<ArgumentsFile, 'problem'>>,
): Pick<EvaluationSettings, 'dataStructure' | 'split' | 'subgroups' | 'siteFigures'> {
  const structure = structureOf(file)!;
  const dataStructure = structureWithOutcome(dataStructureOf(structure), structure, problem);
  const { split: cut } = dataStructure;
  const hasTest = cut.splitter === 'predefined' || cut.testPercentage > 0;
  return {
    dataStructure,
    split: split ?? (hasTest ? 'test' : 'validation'),
    subgroups: Object.entries(subgroups).map(([column, groups]) =>
      Array.isArray(groups) ? { column, values: groups.map(String) } : { column, edges: groups.edges },
    ),
    siteFigures: site_figures ?? !adds(file),
  };
}

/** @param file - Accepted by {@link checkEvaluation}. */
export function evaluationOf(file: AnalysisFile): EvaluationAlgorithm {
  const algorithms = algorithmsOf(file);
  const { times, outputs, output, exact, ...given } = argumentsOf(algorithms[0]!);
  return {
    name: 'ModelEvaluation',
    ...settingsOf(file, given),
    models: algorithms.map((algorithm) => {
      const { model_sha256: sha256 } = argumentsOf(algorithm);
      return {
        label: labelOf(algorithm, file.modeller?.username),
        kind: kindOf(referenceOf(algorithm, file.modeller?.username)),
        ...(sha256 !== undefined && { sha256 }),
      };
    }),
    batchSize: modelOf(algorithms[0]!)?.hyperparameters?.batch_size ?? 64,
    ...(times !== undefined && { times }),
    ...(outputs !== undefined && { outputs }),
    ...(output !== undefined && { output }),
    ...(exact && { exact }),
  };
}

/** The models of a file, in order. */
export function modelReferencesOf(file: AnalysisFile): readonly TaskModel[] {
  const isEvaluation = algorithmsOf(file).every(({ name }) => name === 'ModelEvaluation');
  if (!isEvaluation) return [];
  return algorithmsOf(file).map((algorithm) => {
    const { konsil_model, bitfount_model } = modelOf(algorithm)!;
    const { pretrained_file: instead } = algorithm;
    return { reference: (konsil_model ?? bitfount_model)!, ...(instead !== undefined && { instead }) };
  });
}

/** What {@link settingsOf} has read, in the keys of the file. */
export function settingsFileOf({ split, subgroups, siteFigures, dataStructure }: EvaluationSettings): object {
  return {
    ...{ split, site_figures: siteFigures },
    ...(dataStructure.outcome && { problem: dataStructure.outcome.kind }),
    ...(subgroups.length > 0 && {
      subgroups: Object.fromEntries(
        subgroups.map((group) => [group.column, 'values' in group ? [...group.values] : { edges: [...group.edges] }]),
      ),
    }),
  };
}

/** Algorithms as pods get them. */
export function evaluationFileOf(algorithm: EvaluationAlgorithm): { name: string; arguments: object; model: object }[] {
  const { models, batchSize, times, outputs, output, exact } = algorithm;
  return models.map(({ label, kind, sha256 }) => ({
    name: algorithm.name,
    arguments: {
      ...{ label, ...settingsFileOf(algorithm) },
      ...(times && { times: [...times] }),
      ...(outputs !== undefined && { outputs }),
      ...(output !== undefined && { output }),
      ...(exact && { exact }),
      ...(sha256 !== undefined && { model_sha256: sha256 }),
    },
    model: { konsil_model: { model_ref: `attached:${kind}` }, hyperparameters: { batch_size: batchSize } },
  }));
}
