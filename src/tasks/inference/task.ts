/**
 * A task that runs models: from its file, to the pods and from them.
 * @module
 */
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fillInLabels, labelPathsOf } from '../../postprocessing/index.ts';
import type { Analysis, LocalAnalysis } from '../analysis/analysis.ts';
import { type ConfigKind, parseJson, parseYaml, resolvePath } from '../configFile.ts';
import { locateModels, modelFilesOf } from '../storedModels.ts';
import { commonLocal } from '../task.ts';
import { fillIn } from '../template/fill.ts';
import { openYaml, type Path, valuesOf, type YamlFile } from '../yamlFile.ts';
import { checkInference } from './checks.ts';
import { type InferenceFile, inferenceFile } from './file.ts';
import {
  type InferenceAlgorithm,
  inferenceFileOf,
  inferenceOf,
  inferenceReferencesOf,
  inputStructureFileOf,
  saveLocationOf,
} from './inference.ts';

/** A task whose answer is rows of predictions. */
export type Inference = Analysis & { readonly algorithm: InferenceAlgorithm };

/** What label files hold, by their paths as the task has them. */
type LabelTexts = ReadonlyMap<string, string>;

const fileKind = (labels: LabelTexts | null): ConfigKind<typeof inferenceFile> => ({
  schema: inferenceFile,
  prepare: (json) =>
    labels === null
      ? []
      : stepsOf(json).flatMap(({ steps, path }) =>
          fillInLabels(steps, (file) => labels.get(file)).map((problem) => ({
            ...problem,
            path: [...path, ...problem.path],
          })),
        ),
  check: (file) => checkInference(file),
});
const wireKind: ConfigKind<typeof inferenceFile> = {
  schema: inferenceFile,
  check: (file) => checkInference(file, true),
  code: 'TASK_REJECTED',
};

/** Lists of postprocessors in the plain JSON of a task, and where they are. */
function stepsOf(json: unknown): { readonly steps: unknown; readonly path: Path }[] {
  const algorithm = (json as { task?: { algorithm?: unknown } | null } | null)?.task?.algorithm;
  const isList = Array.isArray(algorithm);
  return (isList ? (algorithm as unknown[]) : [algorithm]).map((one, i) => ({
    steps: (one as { arguments?: { postprocessors?: unknown } | null } | null | undefined)?.arguments?.postprocessors,
    path: ['task', 'algorithm', ...(isList ? [i] : []), 'arguments', 'postprocessors'],
  }));
}

/**
 * Touches no disk: models of the store and label files are looked for by {@link readInference} only.
 * @throws KonsilError CONFIG_INVALID that lists every problem as `file:line:column key.path: …`.
 */
export function parseInference(text: string | YamlFile, file: string): LocalAnalysis {
  const yaml = typeof text === 'string' ? fillIn(openYaml(text, file)) : text;
  const parsed = parseYaml(yaml, file, fileKind(null));
  const modelFiles = modelFilesOf(inferenceReferencesOf(parsed), { file, owner: parsed.modeller?.username });
  return { ...taskOf(parsed), local: { ...commonLocal(parsed.konsil, file), modelFiles } };
}

/**
 * As {@link parseInference}, of a file that is open and filled in, with its models found and its labels read.
 * @throws KonsilError CONFIG_INVALID, FILE_NOT_FOUND, MODEL_UNKNOWN, MODEL_STORE_CORRUPT.
 */
export async function readInference(yaml: YamlFile): Promise<LocalAnalysis> {
  const { file } = yaml;
  const folder = dirname(file);
  const paths = stepsOf(valuesOf(yaml)).flatMap(({ steps }) => labelPathsOf(steps));
  const texts = await Promise.all(
    paths.map(async (path) => [path, await readFile(resolvePath(folder, path), 'utf8').catch(() => null)] as const),
  );
  const labels = new Map(texts.filter((entry): entry is readonly [string, string] => entry[1] !== null));
  // a file that cannot be read is a problem at its place in the task
  const parsed = parseYaml(yaml, file, fileKind(labels));
  const task = taskOf(parsed);
  const local = commonLocal(parsed.konsil, file);
  const models = await locateModels(inferenceReferencesOf(parsed), {
    ...{ file, models: local.models, owner: parsed.modeller?.username },
  });
  const algorithm = {
    ...task.algorithm,
    models: task.algorithm.models.map((model, i) => ({ ...model, kind: models[i]!.kind })),
  };
  return { ...task, algorithm, local: { ...local, modelFiles: models.map((model) => model.file) } };
}

/** The task that another party sent, checked as strictly as a file. @throws KonsilError TASK_REJECTED. */
export function inferenceFromWire(json: unknown): Inference {
  return taskOf(parseJson(structuredClone(json), 'received task', wireKind));
}

/** @param file - Accepted by {@link checkInference}. */
function taskOf(file: InferenceFile): Inference {
  return {
    pods: file.pods.identifiers,
    ...(file.modeller?.username !== undefined && { modellerName: file.modeller.username }),
    protocol: { name: file.task.protocol.name, saveLocation: saveLocationOf(file) },
    algorithm: inferenceOf(file),
    aggregator: { adds: false, secure: false, minimumCohort: 1 },
    deadlines: file.task.deadlines ?? { join: 60, train: 600, exchange: 60, evaluate: 300 },
  };
}

/** Plain JSON of the task for the pods, in the keys of the file; without paths, broker or anything else local. */
export function inferenceToWire({ pods, modellerName, protocol, algorithm, deadlines }: Inference): object {
  return inferenceFile.parse({
    pods: { identifiers: [...pods] },
    ...(modellerName !== undefined && { modeller: { username: modellerName } }),
    task: {
      protocol: {
        name: protocol.name,
        ...(protocol.name === 'ResultsOnly' && { arguments: { save_location: [...protocol.saveLocation] } }),
      },
      algorithm: inferenceFileOf(algorithm),
      deadlines: { ...deadlines },
      data_structure: inputStructureFileOf(algorithm.dataStructure),
    },
    batched_execution: algorithm.isBatched,
    test_run: algorithm.isTestRun,
    run_on_new_data_only: algorithm.newDataOnly,
    force_rerun_failed_files: algorithm.rerunsFailedFiles,
  });
}
