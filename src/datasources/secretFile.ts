/**
 * A password or token in a file of its own.
 * @module
 */
import { readFile, stat } from 'node:fs/promises';
import { KonsilError } from '../base/index.ts';

const LONGEST_FILE = 10_000;

/**
 * The text of a file that only its owner may read, without blanks around it.
 * @throws KonsilError FILE_NOT_FOUND, or CONFIG_INVALID when others may read it or it holds something else.
 */
export async function readSecretFile(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true)
    throw new KonsilError('FILE_NOT_FOUND', `no file ${path}; expected one with a secret in it`, { file: path });
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0)
    throw new KonsilError('CONFIG_INVALID', `${path} holds a secret and others may read it; expected mode 600`, {
      file: path,
    });
  const text = found.size > LONGEST_FILE ? '' : (await readFile(path, 'utf8')).trim();
  if (text === '' || text.includes('\n'))
    throw new KonsilError('CONFIG_INVALID', `${path} does not hold a secret; expected one line`, { file: path });
  return text;
}
