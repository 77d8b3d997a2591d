/**
 * A task that runs models: from its file, to the pods and from them.
 * @module
 */
import { dirname } from 'node:path';
import type { Analysis, LocalAnalysis } from '../analysis/analysis.ts';
import { type ConfigKind, parseJson, parseYaml, resolvePath } from '../configFile.ts';
import { commonLocal } from '../task.ts';
import { fillIn } from '../template/fill.ts';
import { openYaml, type YamlFile } from '../yamlFile.ts';
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

const fileKind: ConfigKind<typeof inferenceFile> = { schema: inferenceFile, check: (file) => checkInference(file) };
const wireKind: ConfigKind<typeof inferenceFile> = {
  schema: inferenceFile,
  check: (file) => checkInference(file, true),
  code: 'TASK_REJECTED',
};

/** @throws KonsilError CONFIG_INVALID that lists every problem as `file:line:column key.path: …`. */
export function parseInference(text: string | YamlFile, file: string): LocalAnalysis {
  const yaml = typeof text === 'string' ? fillIn(openYaml(text, file)) : text;
  const parsed = parseYaml(yaml, file, fileKind);
  const modelFiles = inferenceReferencesOf(parsed).map((reference) => resolvePath(dirname(file), reference));
  return { ...taskOf(parsed), local: { ...commonLocal(parsed.konsil, file), modelFiles } };
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
