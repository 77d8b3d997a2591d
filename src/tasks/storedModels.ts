/**
 * Models of the store that a task names which runs several, or none to train.
 * @module
 */
import { isAbsolute } from 'node:path';
import { KonsilError } from '../base/index.ts';
import { DEFAULT_STORE, ModelStore } from '../modelStore/index.ts';
import type { LocalAnalysis } from './analysis/analysis.ts';
import { requireFile } from './configFile.ts';

/**
 * The task with the files of its models, all of which exist; those of the store are verified.
 * @throws KonsilError FILE_NOT_FOUND, MODEL_UNKNOWN with the versions there are, MODEL_STORE_CORRUPT.
 */
export async function withStoredModels(task: LocalAnalysis): Promise<LocalAnalysis> {
  const { modelFiles = [], models: store = DEFAULT_STORE, file } = task.local;
  const { algorithm } = task;
  if (modelFiles.length === 0 || algorithm.name !== 'ModelEvaluation') return task;
  const kinds = algorithm.models.map(({ kind }) => kind);
  const files: string[] = [];
  for (const [i, place] of modelFiles.entries()) {
    if (isAbsolute(place)) {
      await requireFile(file, 'model_ref', place);
      files.push(place);
      continue;
    }
    try {
      const found = await ModelStore.open(store).find(place);
      files.push(found.file);
      kinds[i] = found.kind;
    } catch (error) {
      if (!(error instanceof KonsilError)) throw error;
      throw new KonsilError(error.code, `${file}: ${error.message}`, error.facts, { cause: error });
    }
  }
  const models = algorithm.models.map((model, i) => ({ ...model, kind: kinds[i]! }));
  return { ...task, algorithm: { ...algorithm, models }, local: { ...task.local, modelFiles: files } };
}
