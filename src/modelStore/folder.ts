/**
 * The folder of a store: which models and versions there are, and versions that appear whole.
 * @module
 */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KonsilError, messageOf } from '../base/index.ts';

export const MODEL = 'model';
export const METADATA = 'metadata.json';
/** Says that a version was removed; its number stays taken. */
export const TOMBSTONE = 'removed.json';

/** Names of folders in `folder`, without hidden ones; none when it is not there. */
export async function foldersIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name);
  } catch (error) {
    if (isMissing(error)) return [];
    throw new KonsilError('FILE_NOT_FOUND', `${folder}: cannot read the store: ${messageOf(error)}`, { file: folder });
  }
}

/** Numbers of the versions in a model's folder, with those that were removed, ascending. */
export async function versionsIn(folder: string): Promise<number[]> {
  const names = await foldersIn(folder);
  return names
    .filter((name) => /^[1-9]\d*$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/** The text of a file, or undefined when it is not there. */
export async function findText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new KonsilError('FILE_NOT_FOUND', `${file}: ${messageOf(error)}`, { file }, { cause: error });
  }
}

/**
 * Makes the folder `target` with `files`, whole or not at all.
 * @returns Whether it was made; false when it is there already.
 * @throws KonsilError FILE_WRITE_FAILED.
 */
export async function makeVersion(
  store: string,
  target: string,
  files: Readonly<Record<string, Uint8Array | string>>,
): Promise<boolean> {
  const staged = join(store, `.new-${randomUUID()}`);
  try {
    await mkdir(staged, { recursive: true, mode: 0o700 });
    for (const [name, content] of Object.entries(files)) await writeFlushed(join(staged, name), content);
    await mkdir(join(target, '..'), { recursive: true, mode: 0o700 });
    await rename(staged, target);
    return true;
  } catch (cause) {
    // somebody else was first: a folder that is not empty is never replaced
    const isTaken = ['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(codeOf(cause)) && (await isFilled(target));
    if (isTaken) return false;
    throw new KonsilError(
      'FILE_WRITE_FAILED',
      `${target}: cannot write the model: ${messageOf(cause)}`,
      { file: target },
      { cause },
    );
  } finally {
    await rm(staged, { recursive: true, force: true });
  }
}

/** Leaves a tombstone of a version. @throws KonsilError FILE_WRITE_FAILED. */
export async function buryVersion(folder: string, text: string): Promise<void> {
  const next = join(folder, `.${TOMBSTONE}-${randomUUID()}`);
  try {
    // the tombstone first: what is left of a model that has one does not count
    await writeFlushed(next, text);
    await rename(next, join(folder, TOMBSTONE));
    for (const name of [MODEL, METADATA]) await rm(join(folder, name), { force: true });
  } catch (cause) {
    throw new KonsilError('FILE_WRITE_FAILED', `${folder}: cannot remove: ${messageOf(cause)}`, {}, { cause });
  }
}

async function isFilled(folder: string): Promise<boolean> {
  return (await readdir(folder).catch(() => [])).length > 0;
}

async function writeFlushed(file: string, content: Uint8Array | string): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await writeFile(handle, content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | null)?.code ?? '';
}

function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(codeOf(error));
}
