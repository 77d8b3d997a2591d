/**
 * The files of models that a task names which evaluates or runs several, or of the store.
 * @module
 */
import { dirname } from 'node:path';
import { modelKindOf } from '../training/index.ts';
import { requireFile, resolvePath } from './configFile.ts';
import { type LocatedModel, locateModel, type ModelReferenceFile, namedModel } from './modelReference.ts';

/** A model as a task names it. */
export interface TaskModel {
  readonly reference: ModelReferenceFile;
  /** `pretrained_file`, which is then used instead. */
  readonly instead?: string;
}

/** What relative paths and bare names mean. */
export interface TaskPlaces {
  /** The task file. */
  readonly file: string;
  /** Folder of the store. @default DEFAULT_STORE */
  readonly models?: string | undefined;
  /** Owner of models that are named without one. */
  readonly owner?: string | undefined;
}

/** Paths of the models that are files, whether they are there or not; touches no disk. */
export function modelFilesOf(models: readonly TaskModel[], { file, owner }: TaskPlaces): string[] {
  return models.flatMap(({ reference, instead }) => {
    if (instead !== undefined) return [resolvePath(dirname(file), instead)];
    const named = namedModel(reference, owner);
    return 'kind' in named && named.kind === 'file' ? [resolvePath(dirname(file), named.path)] : [];
  });
}

/**
 * The files of the models, in order and all there; those of the store are verified. None of them is built in.
 * @throws KonsilError FILE_NOT_FOUND, MODEL_UNKNOWN with the versions there are, MODEL_STORE_CORRUPT.
 */
export function locateModels(models: readonly TaskModel[], places: TaskPlaces): Promise<LocatedModel[]> {
  const { file } = places;
  const folder = dirname(file);
  return Promise.all(
    models.map(async ({ reference, instead }) => {
      if (instead === undefined)
        return (await locateModel(reference, { ...places, folder, at: `${file} ${reference.model_ref}` }))!;
      const path = resolvePath(folder, instead);
      await requireFile(file, 'pretrained_file', path);
      return { file: path, kind: modelKindOf(path) ?? 'onnx' };
    }),
  );
}
