/**
 * The files of a folder and of the folders in it.
 * @module
 */
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { KonsilError, throwIfCancelled } from '../../base/index.ts';
import type { FileFacts } from './filters.ts';

/** Most files of one dataset. @source spec/platform.md §3 */
export const MAX_FILES = 500_000;

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * All files under `root`, which may also be one file, in the order of their paths. Links and names that begin with a dot
 * are passed over: the first could lead out of the folder or in a circle.
 * @throws KonsilError FILE_NOT_FOUND when there is no `root`, DATA_INVALID for more than {@link MAX_FILES} files.
 */
export async function* listFiles(root: string, signal?: AbortSignal): AsyncGenerator<FileFacts, void> {
  const found = await stat(root).catch(() => undefined);
  if (found === undefined)
    throw new KonsilError('FILE_NOT_FOUND', `no folder ${root}; expected one with the files of the dataset`, {
      file: root,
    });
  if (found.isFile()) {
    yield factsOf(basename(root), found);
    return;
  }
  const folders = [''];
  let count = 0;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    throwIfCancelled(signal);
    const entries = (await entriesOf(root, folder)).sort((a, b) => compare(a.name, b.name));
    const inside: string[] = [];
    for (const entry of entries) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.name.startsWith('.')) continue;
      if (entry.isDirectory()) inside.push(path);
      if (!entry.isFile()) continue;
      if (++count > MAX_FILES)
        throw new KonsilError('DATA_INVALID', `${root}: more than ${MAX_FILES} files; expected fewer in one dataset`, {
          file: root,
        });
      const facts = await stat(join(root, path)).catch(() => undefined);
      // gone in the meantime
      if (facts !== undefined) yield factsOf(path, facts);
    }
    // the last one pushed is the next one read
    folders.push(...inside.reverse());
  }
}

async function entriesOf(root: string, folder: string): Promise<Dirent[]> {
  try {
    return await readdir(join(root, folder), { withFileTypes: true });
  } catch (cause) {
    throw new KonsilError('FILE_NOT_FOUND', `${join(root, folder)} cannot be read`, { file: root }, { cause });
  }
}

function factsOf(
  path: string,
  { size, mtimeMs, birthtimeMs }: { readonly size: number; readonly mtimeMs: number; readonly birthtimeMs: number },
): FileFacts {
  // some file systems do not know when a file was made
  return { path, bytes: size, modifiedMs: mtimeMs, createdMs: birthtimeMs > 0 ? birthtimeMs : mtimeMs };
}
