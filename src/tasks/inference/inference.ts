/**
 * A task that runs models over the rows of sites, as the program uses it, and as the parts of its file.
 * @module
 */
import { basename, extname } from 'node:path';
import type { z } from 'zod';
import type { Postprocessor } from '../../postprocessing/index.ts';
import { modelKindOf } from '../../training/index.ts';
import type { DataStructureFile } from '../dataStructure/file.ts';
import { dataStructureFileOf, dataStructureOf, type TaskData } from '../dataStructure/read.ts';
import type { TaskModel } from '../storedModels.ts';
import type { ModelFile } from '../taskFile.ts';
import { type CsvReport, csvReportFileOf, csvReportOf } from './csvReport.ts';
import { INFERENCE_ARGUMENTS, type InferenceFile } from './file.ts';
import { type RecordRule, recordFilterFileOf, recordRulesOf } from './recordFilter.ts';

export type InferenceAlgorithmFile = Exclude<InferenceFile['task']['algorithm'], unknown[]>;

/** A model that is run. */
export interface InferenceModel {
  /** In messages; unique in the task. */
  readonly label: string;
  readonly kind: 'onnx' | 'tfjs';
  /** Of its bytes, in hex; absent until they were read. */
  readonly sha256?: string;
  readonly batchSize: number;
  /** Name of the output. */
  readonly output?: string;
  /** Names of the outputs. @default prediction_0, … */
  readonly classOutputs?: readonly string[];
  readonly postprocessors: readonly Postprocessor[];
}

/** What a task says about the data that a model is only run on. `target` is no input, and need not be there. */
export type InputData = Omit<TaskData, 'target' | 'split' | 'standardise'> & { readonly target?: string };

/** Models that are run on the rows of a dataset one after another, and what becomes of what they say. */
export interface InferenceAlgorithm {
  readonly name: 'ModelInference';
  readonly models: readonly InferenceModel[];
  readonly dataStructure: InputData;
  /** Which records are run on. */
  readonly records: readonly RecordRule[];
  /** Whether all images of the patients of these records are run on. */
  readonly wholePatients: boolean;
  /** Undefined: outputs alone, as they are. */
  readonly report?: CsvReport;
  /** What is written: a table, or masks and pictures besides. */
  readonly writes: 'table' | 'images';
  /** Whether the table goes to the modeller. */
  readonly returns: boolean;
  /** Whether how long everything took is written too. */
  readonly isInstrumented: boolean;
  readonly isBatched: boolean;
  readonly isTestRun: boolean;
  readonly newDataOnly: boolean;
  readonly rerunsFailedFiles: boolean;
}

/** The algorithms of the task, in order. */
export function inferenceAlgorithmsOf({ task: { algorithm } }: InferenceFile): readonly InferenceAlgorithmFile[] {
  return Array.isArray(algorithm) ? algorithm : [algorithm];
}

/** Arguments of an algorithm that were accepted. */
export function argumentsOf<N extends keyof typeof INFERENCE_ARGUMENTS>(
  file: InferenceFile,
  name: N,
): readonly z.output<(typeof INFERENCE_ARGUMENTS)[N]>[] {
  const schema = INFERENCE_ARGUMENTS[name] as unknown as z.ZodType<z.output<(typeof INFERENCE_ARGUMENTS)[N]>>;
  return inferenceAlgorithmsOf(file)
    .filter((algorithm) => algorithm.name === name)
    .map((algorithm) => schema.parse(algorithm.arguments));
}

/** The model of an algorithm, wherever it is written. */
export function modelOf(algorithm: InferenceAlgorithmFile): ModelFile | undefined {
  return algorithm.model ?? INFERENCE_ARGUMENTS.ModelInference.parse(algorithm.arguments).model;
}

/** What the model of an algorithm is called in the file. */
export function referenceOf(algorithm: InferenceAlgorithmFile): string {
  const { konsil_model, bitfount_model } = modelOf(algorithm)!;
  return algorithm.pretrained_file ?? (konsil_model ?? bitfount_model)!.model_ref;
}

/** On the wire a model is what the round brings. */
export const ATTACHED: readonly string[] = ['attached:onnx', 'attached:tfjs'];

/** Of a model in the task. */
export function labelOf(algorithm: InferenceAlgorithmFile): string {
  const { label } = INFERENCE_ARGUMENTS.ModelInference.parse(algorithm.arguments);
  const reference = referenceOf(algorithm);
  return label ?? basename(reference, extname(reference));
}

/** What the models of a file are, in order: a reference, or the file that is used instead. */
export function inferenceReferencesOf(file: InferenceFile): readonly TaskModel[] {
  return inferenceAlgorithmsOf(file)
    .filter(({ name }) => name === 'ModelInference')
    .map((algorithm) => {
      const { konsil_model, bitfount_model } = modelOf(algorithm)!;
      const { pretrained_file: instead } = algorithm;
      return { reference: (konsil_model ?? bitfount_model)!, ...(instead !== undefined && { instead }) };
    });
}

/** Stands for a target where there is none: no column is called so. */
export const NO_TARGET = '\u0000';

/** The data structure as that of a task that trains, which the rules between its keys are written for. */
export function filledStructure(
  { task: { data_structure: given = { standardise: true } } }: InferenceFile,
  target = given.assign?.target ?? NO_TARGET,
): DataStructureFile {
  const { data_split: _split, statistics: _statistics, ...structure } = given;
  return { ...structure, assign: { ...structure.assign, target } };
}

function inputDataOf(file: InferenceFile): InputData {
  const { split: _split, standardise: _standardise, target, ...structure } = dataStructureOf(filledStructure(file));
  return { ...structure, ...(target !== NO_TARGET && { target }) };
}

/** @param file - Accepted by `checkInference`. */
export function inferenceOf(file: InferenceFile): InferenceAlgorithm {
  const { protocol } = file.task;
  const [report] = argumentsOf(file, 'CSVReportAlgorithm');
  const [records] = argumentsOf(file, 'RecordFilterAlgorithm');
  const rename = protocol.arguments.rename_columns;
  return {
    name: 'ModelInference',
    models: inferenceAlgorithmsOf(file)
      .filter(({ name }) => name === 'ModelInference')
      .map(inferenceModelOf),
    dataStructure: inputDataOf(file),
    records: records ? recordRulesOf(records) : [],
    wholePatients: argumentsOf(file, 'ImageSelectionAlgorithm').length > 0,
    ...(protocol.name !== 'ResultsOnly' && {
      report: csvReportOf({
        ...(report ?? INFERENCE_ARGUMENTS.CSVReportAlgorithm.parse({})),
        ...(rename && { rename_columns: { ...rename, ...report?.rename_columns } }),
      }),
    }),
    writes: protocol.name === 'InferenceAndImageOutput' ? 'images' : 'table',
    returns:
      protocol.name === 'InferenceAndReturnCSVReport' ||
      (protocol.name === 'ResultsOnly' && saveLocationOf(file).includes('Modeller')),
    isInstrumented: protocol.name === 'InstrumentedInferenceAndCSVReport',
    isBatched: file.batched_execution,
    isTestRun: file.test_run,
    newDataOnly: file.run_on_new_data_only,
    rerunsFailedFiles: file.force_rerun_failed_files,
  };
}

/** Where the result of each pod is kept; predictions never leave unless the task says so. */
export function saveLocationOf(file: InferenceFile): readonly ('Worker' | 'Modeller')[] {
  const { name, arguments: given } = file.task.protocol;
  if (name === 'ResultsOnly') return given.save_location ?? ['Worker'];
  return name === 'InferenceAndReturnCSVReport' ? ['Worker', 'Modeller'] : ['Worker'];
}

function inferenceModelOf(algorithm: InferenceAlgorithmFile): InferenceModel {
  const given = INFERENCE_ARGUMENTS.ModelInference.parse(algorithm.arguments);
  const { class_outputs, postprocessors, output, model_sha256: sha256 } = given;
  const reference = referenceOf(algorithm);
  const kind = ATTACHED.includes(reference) ? reference.slice('attached:'.length) : (modelKindOf(reference) ?? 'onnx');
  return {
    label: labelOf(algorithm),
    kind: kind as InferenceModel['kind'],
    ...(sha256 !== undefined && { sha256 }),
    batchSize: modelOf(algorithm)?.hyperparameters?.batch_size ?? 64,
    ...(output !== undefined && { output }),
    ...(class_outputs && { classOutputs: class_outputs }),
    postprocessors: postprocessors ?? [],
  };
}

/** Algorithms as pods get them. */
export function inferenceFileOf(algorithm: InferenceAlgorithm): Record<string, unknown>[] {
  const { models, records, wholePatients, report } = algorithm;
  return [
    ...(records.length > 0 ? [{ name: 'RecordFilterAlgorithm', arguments: recordFilterFileOf(records) }] : []),
    ...(wholePatients ? [{ name: 'ImageSelectionAlgorithm' }] : []),
    ...models.map(({ label, kind, sha256, batchSize, output, classOutputs, postprocessors }) => ({
      name: algorithm.name,
      arguments: {
        label,
        ...(classOutputs && { class_outputs: [...classOutputs] }),
        ...(postprocessors.length > 0 && { postprocessors: postprocessors.map((step) => ({ ...step })) }),
        ...(output !== undefined && { output }),
        ...(sha256 !== undefined && { model_sha256: sha256 }),
      },
      model: { konsil_model: { model_ref: `attached:${kind}` }, hyperparameters: { batch_size: batchSize } },
    })),
    ...(report ? [{ name: 'CSVReportAlgorithm', arguments: csvReportFileOf(report) }] : []),
  ];
}

/** `data_structure` as pods get it. */
export function inputStructureFileOf(data: InputData): Record<string, unknown> {
  const split = { splitter: 'percentage', testPercentage: 0, validationPercentage: 0, shuffle: false } as const;
  const filled = { ...data, target: data.target ?? NO_TARGET, standardise: false };
  const file = dataStructureFileOf({ ...filled, split: { ...split, stratify: false, seed: 0 } });
  const { data_split: _split, assign, ...rest } = file as { data_split: unknown; assign: { target?: string } };
  const { target, ...images } = assign;
  return { ...rest, assign: { ...images, ...(target !== NO_TARGET && { target }) } };
}
