/**
 * `ModelEvaluation` in a task file: its models, rows and subgroups, and back.
 * @module
 */
import { basename, extname } from 'node:path';
import { modelKindOf } from '../../training/index.ts';
import type { Path, Problem } from '../configFile.ts';
import { checkEvaluatedStructure } from '../dataStructure/checks.ts';
import { dataStructureOf, type TaskData } from '../dataStructure/read.ts';
import { checkModelReference, namedModel } from '../modelReference.ts';
import type { ModelFile } from '../taskFile.ts';
import { ANALYSIS_ARGUMENTS, type AnalysisFile, type EVALUATED_SPLITS } from './file.ts';
import { checkOutcome, withOutcome } from './outcome.ts';
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

/** Models evaluated on the rows of a split. */
export interface EvaluationAlgorithm {
  readonly name: 'ModelEvaluation';
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
}

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
    problems.push(...checkEvaluatedStructure(structure, ['task', 'data_structure']));
    problems.push(...checkOutcome(structure, argumentsOf(algorithms[0]!), [...pathOf(0), 'arguments']));
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
    const { model, subgroups = {} } = argumentsOf(algorithm);
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
    for (const [column, groups] of Object.entries(subgroups)) {
      const at = [...path, 'arguments', 'subgroups', column];
      if (Array.isArray(groups) && new Set(groups.map(String)).size !== groups.length)
        problems.push({ path: at, message: 'lists a value twice' });
      if (!Array.isArray(groups) && groups.edges.some((edge, k) => k > 0 && edge <= groups.edges[k - 1]!))
        problems.push({ path: [...at, 'edges'], message: 'expected ascending numbers' });
    }
  }
  if (problems.length > 0) return problems;
  if (argumentsOf(algorithms[0]!).site_figures === false && !adds(file))
    problems.push({
      path: [...pathOf(0), 'arguments', 'site_figures'],
      message: 'without an aggregator there is nothing but the figures of sites; expected true, or task.aggregator',
    });
  const labels = algorithms.map((algorithm) => labelOf(algorithm, file.modeller?.username));
  for (const [i, label] of labels.entries())
    if (labels.indexOf(label) < i)
      problems.push({
        path: [...pathOf(i), 'arguments', 'label'],
        message: `two models are called ${label}; give each a label of its own`,
      });
  const inclusive = dataStructureOf(structure!).split;
  const asked = argumentsOf(algorithms[0]!).split;
  if (inclusive.splitter === 'percentage' && asked !== undefined && asked !== 'all') {
    const { testPercentage: test, validationPercentage: validation } = inclusive;
    if ({ test, validation, train: 100 - test - validation }[asked] === 0)
      problems.push({ path: [...pathOf(0), 'arguments', 'split'], message: `data_split leaves no ${asked} rows` });
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
  const { split, problem, times, outputs, output, subgroups, site_figures } = argumentsOf(algorithm);
  return JSON.stringify([
    problem,
    times,
    split,
    outputs,
    output,
    subgroups,
    site_figures,
    modelOf(algorithm)?.hyperparameters?.batch_size,
  ]);
}

function labelOf(algorithm: AlgorithmFile, owner: string | undefined): string {
  const reference = referenceOf(algorithm, owner);
  return argumentsOf(algorithm).label ?? basename(reference, extname(reference)).replace(':', ' v');
}

/** @param file - Accepted by {@link checkEvaluation}. */
export function evaluationOf(file: AnalysisFile): EvaluationAlgorithm {
  const algorithms = algorithmsOf(file);
  const structure = structureOf(file)!;
  const { problem, times } = argumentsOf(algorithms[0]!);
  const dataStructure = withOutcome(dataStructureOf(structure), structure, problem);
  const { split, outputs, output, subgroups = {}, site_figures } = argumentsOf(algorithms[0]!);
  const { split: cut } = dataStructure;
  const hasTest = cut.splitter === 'predefined' || cut.testPercentage > 0;
  return {
    name: 'ModelEvaluation',
    models: algorithms.map((algorithm) => {
      const { model_sha256: sha256 } = argumentsOf(algorithm);
      return {
        label: labelOf(algorithm, file.modeller?.username),
        kind: kindOf(referenceOf(algorithm, file.modeller?.username)),
        ...(sha256 !== undefined && { sha256 }),
      };
    }),
    dataStructure,
    split: split ?? (hasTest ? 'test' : 'validation'),
    batchSize: modelOf(algorithms[0]!)?.hyperparameters?.batch_size ?? 64,
    ...(times !== undefined && { times }),
    ...(outputs !== undefined && { outputs }),
    ...(output !== undefined && { output }),
    subgroups: Object.entries(subgroups).map(([column, groups]) =>
      Array.isArray(groups) ? { column, values: groups.map(String) } : { column, edges: groups.edges },
    ),
    siteFigures: site_figures ?? !adds(file),
  };
}

/** References to the models of a file, in order. */
export function modelReferencesOf(file: AnalysisFile): readonly string[] {
  const isEvaluation = algorithmsOf(file).every(({ name }) => name === 'ModelEvaluation');
  if (!isEvaluation) return [];
  return algorithmsOf(file).map((algorithm) => referenceOf(algorithm, file.modeller?.username));
}

/** Algorithms as pods get them. */
export function evaluationFileOf(algorithm: EvaluationAlgorithm): { name: string; arguments: object; model: object }[] {
  const { models, dataStructure, split, batchSize, times, outputs, output, subgroups, siteFigures } = algorithm;
  return models.map(({ label, kind, sha256 }) => ({
    name: algorithm.name,
    arguments: {
      ...{ label, split, site_figures: siteFigures },
      ...(dataStructure.outcome && { problem: dataStructure.outcome.kind }),
      ...(times && { times: [...times] }),
      ...(outputs !== undefined && { outputs }),
      ...(output !== undefined && { output }),
      ...(subgroups.length > 0 && {
        subgroups: Object.fromEntries(
          subgroups.map((group) => [group.column, 'values' in group ? [...group.values] : { edges: [...group.edges] }]),
        ),
      }),
      ...(sha256 !== undefined && { model_sha256: sha256 }),
    },
    model: { konsil_model: { model_ref: `attached:${kind}` }, hyperparameters: { batch_size: batchSize } },
  }));
}
