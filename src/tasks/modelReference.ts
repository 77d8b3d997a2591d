/**
 * What a task's `konsil_model` names: a built-in model, a file, or a model of the local store.
 * @source spec/platform.md §1, §R, K-09.
 * @module
 */
import { z } from 'zod';
import { KonsilError } from '../base/index.ts';
import { DEFAULT_STORE, type FoundModel, isModelReference, ModelStore } from '../modelStore/index.ts';
import { modelKindOf } from '../training/index.ts';
import { requireFile, resolvePath } from './configFile.ts';
import { refused, text } from './keys.ts';
import { BUILTIN_MODELS } from './names.ts';
import type { Path, Problem } from './yamlFile.ts';

const version = z.int().min(1).max(999_999_999).optional();

export const modelReference = z.strictObject({
  model_ref: text.meta({
    description:
      'Path of a model file, relative to this file: ONNX (.onnx) or TensorFlow.js (model.json, or a module that builds the model); a built-in model: builtin:mlp, a multi-layer perceptron, or builtin:logistic_regression, for classes (softmax regression for more than two); or a model of the store (konsil.models): owner/name, owner/name:version, or a name with username.',
  }),
  model_version: version.meta({ description: 'Version of a model of the store. Default: the latest.' }),
  version: version.meta({ description: 'Same as model_version.' }),
  username: text.optional().meta({ description: 'Owner of a model of the store. Default: modeller.username.' }),
  weights: refused('use pretrained_file of the algorithm for weights to start from'),
});
export type ModelReferenceFile = z.output<typeof modelReference>;

/** What is named; `reference` is `owner/name` or `owner/name:version`, `path` as it is written. */
export type NamedModel =
  | { readonly kind: 'builtin'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'stored'; readonly reference: string };

type Key = keyof ModelReferenceFile;
type Wrong = { readonly key: Key; readonly message: string };

/** @param owner - Of models that are named without one. */
export function namedModel(reference: ModelReferenceFile, owner?: string): NamedModel | Wrong {
  const { model_ref: ref, model_version, version: alias, username } = reference;
  if (model_version !== undefined && alias !== undefined)
    return { key: 'version', message: 'already given as model_version; keep one of the two' };
  const isFile = /^(?:[./~]|[A-Za-z]:[\\/])/.test(ref) || modelKindOf(ref) !== undefined;
  if (ref.startsWith('builtin:') || isFile) {
    const beside = (['model_version', 'version', 'username'] as const).find((key) => reference[key] !== undefined);
    if (beside !== undefined)
      return { key: beside, message: 'only for a model of the store; model_ref names a file or a built-in model' };
    if (!isFile) return { kind: 'builtin', name: ref.slice('builtin:'.length) };
    if (modelKindOf(ref) !== undefined) return { kind: 'file', path: ref };
    return { key: 'model_ref', message: `${EXPECTED}, got ${JSON.stringify(ref)}` };
  }
  return storedModel(reference, model_version ?? alias, username, owner);
}

const EXPECTED =
  'expected a file that ends in .onnx, .json, .js, .mjs or .ts, builtin:mlp, or a model of the store: owner/name, or a name with username';

function storedModel(
  { model_ref: ref }: ModelReferenceFile,
  version: number | undefined,
  username: string | undefined,
  owner: string | undefined,
): NamedModel | Wrong {
  const isWhole = ref.includes('/');
  if (isWhole && username !== undefined && !ref.startsWith(`${username}/`))
    return { key: 'username', message: `is ${username}, but model_ref says whose model it is; keep one of the two` };
  const whose = username ?? owner;
  if (!isWhole && whose === undefined) return { key: 'model_ref', message: `${EXPECTED}, got ${JSON.stringify(ref)}` };
  const name = isWhole ? ref : `${whose}/${ref}`;
  if (!isModelReference(name)) return { key: 'model_ref', message: `${EXPECTED}, got ${JSON.stringify(ref)}` };
  if (version === undefined) return { kind: 'stored', reference: name };
  if (name.includes(':')) return { key: 'model_ref', message: 'has a version; keep it or model_version' };
  return { kind: 'stored', reference: `${name}:${version}` };
}

/** What is wrong with a reference at `path`. @param attached - On the wire, the only names besides built-in models. */
export function checkModelReference(
  reference: ModelReferenceFile,
  path: Path,
  { owner, attached }: { readonly owner?: string | undefined; readonly attached?: readonly string[] | undefined },
): Problem[] {
  const ref = reference.model_ref;
  if (attached?.includes(ref) && Object.keys(reference).length === 1) return [];
  const named = namedModel(reference, owner);
  const wrong = (key: Key, message: string): Problem[] => [{ path: [...path, key], message }];
  if (attached !== undefined && !('kind' in named && named.kind === 'builtin'))
    return wrong('model_ref', 'a sent task names a built-in model or the model sent along, never a file');
  if (!('kind' in named)) return wrong(named.key, named.message);
  if (named.kind !== 'builtin' || BUILTIN_MODELS.some((known) => known === named.name)) return [];
  const known = BUILTIN_MODELS.map((name) => `builtin:${name}`).join(', ');
  return wrong('model_ref', `unknown built-in model ${JSON.stringify(named.name)}; expected ${known}`);
}

/** A model's file on this machine. */
export interface LocatedModel {
  /** Absolute; what `readModelFile` reads. */
  readonly file: string;
  readonly kind: 'onnx' | 'tfjs';
  /** Which version of which model, when it is one of the store. */
  readonly stored?: Pick<FoundModel, 'name' | 'version' | 'sha256'>;
}

export interface ModelPlaces {
  /** The task file. */
  readonly file: string;
  /** Its folder, where relative paths start. */
  readonly folder: string;
  /** Folder of the store. @default DEFAULT_STORE */
  readonly models?: string | undefined;
  /** Owner of models that are named without one: the modeller. */
  readonly owner?: string | undefined;
  /** Where the reference stands, for messages: `file:line:column key`. */
  readonly at: string;
}

/**
 * The file of the model that an accepted reference names, there and, in a store, verified; undefined for a built-in.
 * @throws KonsilError FILE_NOT_FOUND, MODEL_UNKNOWN with the versions there are, MODEL_STORE_CORRUPT.
 */
export async function locateModel(
  reference: ModelReferenceFile,
  { file, folder, models = DEFAULT_STORE, owner, at }: ModelPlaces,
): Promise<LocatedModel | undefined> {
  const named = namedModel(reference, owner);
  if (!('kind' in named)) throw new KonsilError('CONFIG_INVALID', `${at}: ${named.message}`, { file });
  if (named.kind === 'builtin') return undefined;
  if (named.kind === 'file') {
    const path = resolvePath(folder, named.path);
    await requireFile(file, 'model_ref', path);
    return { file: path, kind: modelKindOf(path)! };
  }
  try {
    const { name, version: found, kind, sha256, file: path } = await ModelStore.open(models).find(named.reference);
    return { file: path, kind, stored: { name, version: found, sha256 } };
  } catch (error) {
    if (!(error instanceof KonsilError)) throw error;
    throw new KonsilError(error.code, `${at}: ${error.message}`, error.facts, { cause: error });
  }
}
