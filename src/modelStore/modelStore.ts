/**
 * A folder of models by `owner/name` and version. Versions are written once and count up from 1.
 * @source spec/platform.md §Q: versions, description of a version, limits of weights and code.
 * @module
 */
import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { extname, join, resolve } from 'node:path';
import { KonsilError, toHex } from '../base/index.ts';
import { sha256 } from '../crypto/index.ts';
import { readModelFile } from '../training/index.ts';
import { buryVersion, findText, foldersIn, METADATA, MODEL, makeVersion, TOMBSTONE, versionsIn } from './folder.ts';
import { factsOf, readMetadata, type StoredVersion } from './metadata.ts';
import { type ModelReference, parseModelReference, referenceText } from './reference.ts';

/** Where models lie unless a task or an option says otherwise. */
export const DEFAULT_STORE = join(homedir(), '.konsil', 'models');

/** Most bytes of a packed model, and of a module that builds one, unless the user raises them. */
export const MODEL_LIMITS = { weights: 500_000_000, code: 3_000_000 } as const;

export interface AddOptions {
  /** `owner/name`. */
  readonly name: string;
  readonly description?: string;
  readonly licence?: string;
  /** Whether it is for its owner only. @default false */
  readonly private?: boolean;
  /** Most bytes. @default MODEL_LIMITS */
  readonly limits?: { readonly weights: number; readonly code: number };
  /** @default now */
  readonly added?: Date;
}

/** A version whose bytes are as they were added. */
export interface FoundModel {
  /** `owner/name`. */
  readonly name: string;
  readonly version: number;
  readonly kind: 'onnx' | 'tfjs';
  readonly sha256: string;
  readonly bytes: number;
  /** Absolute path of the packed model. */
  readonly file: string;
}

/** All of one model. */
export interface ListedModel {
  readonly name: string;
  /** Ascending. */
  readonly versions: readonly StoredVersion[];
}

/** Modules are code; other endings are data. */
const MODULES: readonly string[] = ['.js', '.mjs', '.ts'];

export class ModelStore {
  /** Absolute. */
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = resolve(folder);
  }

  /** The store in `folder`; the folder is made when something is added. */
  static open(folder: string): ModelStore {
    return new ModelStore(folder);
  }

  /**
   * Adds a model file as a new version, unless a version has the same bytes.
   * @throws KonsilError USAGE for a wrong name; MODEL_INVALID for what is no model; MODEL_TOO_LARGE; FILE_WRITE_FAILED.
   */
  async add(file: string, options: AddOptions): Promise<{ readonly version: StoredVersion; readonly isNew: boolean }> {
    const reference = parseModelReference(options.name);
    if (reference.version !== undefined)
      throw new KonsilError('USAGE', `${options.name}: versions are counted by the store; expected owner/name`);
    const { weights, code } = options.limits ?? MODEL_LIMITS;
    if (MODULES.includes(extname(file).toLowerCase())) withinLimit(file, await sizeOf(file), code, 'code');
    const model = await readModelFile(file);
    withinLimit(file, model.length, weights, 'a model');
    const hash = toHex(sha256(model));
    const facts = await factsOf(file, model);
    for (;;) {
      const same = (await this.#versionsOf(reference)).find((version) => version.sha256 === hash);
      if (same) return { version: same, isNew: false };
      const taken = await versionsIn(this.#folderOf(reference));
      const version: StoredVersion = {
        ...{ format: 'konsil-model-v1', version: (taken.at(-1) ?? 0) + 1, sha256: hash, bytes: model.length },
        added: (options.added ?? new Date()).toISOString(),
        private: options.private ?? false,
        ...(options.licence !== undefined && { licence: options.licence }),
        ...(options.description !== undefined && { description: options.description }),
        ...facts,
      };
      const folder = this.#folderOf({ ...reference, version: version.version });
      const files = { [MODEL]: model, [METADATA]: `${JSON.stringify(version, null, 2)}\n` };
      // another process may have taken the number in between
      if (await makeVersion(this.folder, folder, files)) return { version, isNew: true };
    }
  }

  /** Every model that has a version, by name. */
  async list(): Promise<readonly ListedModel[]> {
    const models: ListedModel[] = [];
    for (const owner of (await foldersIn(this.folder)).sort())
      for (const name of (await foldersIn(join(this.folder, owner))).sort()) {
        const versions = await this.#versionsOf({ owner, name });
        if (versions.length > 0) models.push({ name: `${owner}/${name}`, versions });
      }
    return models;
  }

  /** The versions of a model, or the one that is named. @throws KonsilError MODEL_UNKNOWN, USAGE. */
  async show(text: string): Promise<ListedModel> {
    const reference = parseModelReference(text);
    const versions = await this.#versionsOf(reference);
    const wanted = versions.filter(({ version }) => reference.version === undefined || version === reference.version);
    if (wanted.length === 0) throw this.#unknown(reference, versions);
    return { name: `${reference.owner}/${reference.name}`, versions: wanted };
  }

  /**
   * The named version, or the latest, with its bytes verified.
   * @throws KonsilError MODEL_UNKNOWN with the versions that there are; MODEL_STORE_CORRUPT; USAGE for no reference.
   */
  async find(text: string): Promise<FoundModel> {
    const { name, versions } = await this.show(text);
    const { version, kind, sha256: hash, bytes } = versions.at(-1)!;
    const file = join(this.#folderOf({ ...parseModelReference(text), version }), MODEL);
    let found: Uint8Array;
    try {
      found = await readModelFile(file);
    } catch (cause) {
      throw corrupt(`${name}:${version}`, file, 'cannot be read', cause);
    }
    if (found.length !== bytes || toHex(sha256(found)) !== hash)
      throw corrupt(`${name}:${version}`, file, 'is not what was added');
    return { name, version, kind, sha256: hash, bytes, file };
  }

  /**
   * Removes a version, or all; their numbers are not used again.
   * @returns The numbers. @throws KonsilError MODEL_UNKNOWN, USAGE, FILE_WRITE_FAILED.
   */
  async remove(text: string, at: Date = new Date()): Promise<readonly number[]> {
    const reference = parseModelReference(text);
    const removed: number[] = [];
    // whatever is known of a version: a damaged one can be removed too
    for (const version of await versionsIn(this.#folderOf({ owner: reference.owner, name: reference.name }))) {
      if (reference.version !== undefined && version !== reference.version) continue;
      const folder = this.#folderOf({ ...reference, version });
      if ((await findText(join(folder, TOMBSTONE))) !== undefined) continue;
      await buryVersion(folder, `${JSON.stringify({ version, removed: at.toISOString() })}\n`);
      removed.push(version);
    }
    if (removed.length === 0) throw this.#unknown(reference, await this.#versionsOf(reference));
    return removed;
  }

  #folderOf({ owner, name, version }: ModelReference): string {
    const folder = join(this.folder, owner, name);
    return version === undefined ? folder : join(folder, String(version));
  }

  /** Those that were not removed, ascending. @throws KonsilError MODEL_STORE_CORRUPT. */
  async #versionsOf({ owner, name }: ModelReference): Promise<StoredVersion[]> {
    const found: StoredVersion[] = [];
    for (const version of await versionsIn(this.#folderOf({ owner, name }))) {
      const folder = this.#folderOf({ owner, name, version });
      if ((await findText(join(folder, TOMBSTONE))) !== undefined) continue;
      const text = await findText(join(folder, METADATA));
      const metadata = text === undefined ? undefined : readMetadata(text);
      if (metadata?.version !== version)
        throw corrupt(referenceText({ owner, name, version }), join(folder, METADATA), 'is missing or damaged');
      found.push(metadata);
    }
    return found;
  }

  #unknown(reference: ModelReference, versions: readonly StoredVersion[]): KonsilError {
    const there =
      versions.length === 0
        ? 'no such model; konsil model list shows all'
        : `no such version; there are ${versions.map(({ version }) => version).join(', ')}`;
    return new KonsilError('MODEL_UNKNOWN', `${referenceText(reference)}: ${there} (store ${this.folder})`);
  }
}

function corrupt(model: string, file: string, what: string, cause?: unknown): KonsilError {
  return new KonsilError(
    'MODEL_STORE_CORRUPT',
    `${model}: ${file} ${what}; remove the version and add the model again`,
    { file },
    { cause },
  );
}

function withinLimit(file: string, bytes: number, limit: number, what: string): void {
  if (bytes > limit)
    throw new KonsilError(
      'MODEL_TOO_LARGE',
      `${file}: ${megabytes(bytes)} MB; expected at most ${megabytes(limit)} MB of ${what}`,
      { file, bytes, limit },
    );
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(bytes < 1e7 ? 3 : 1);

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (cause) {
    throw new KonsilError('FILE_NOT_FOUND', `${file}: cannot read the model`, { file }, { cause });
  }
}
