/**
 * Where the control socket of a process on this machine is: a socket that only its own user can open.
 * @module
 */
import { createHash } from 'node:crypto';
import { lstatSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** Longest line either side takes. */
export const MAX_LINE = 1 << 20;
/** The path of a socket has room for 103 bytes on some systems and 107 on others; longer ones are cut off silently. */
const MAX_SOCKET_PATH = 100;

/** Where the sockets are whose own folder cannot have one. */
export interface Surroundings {
  readonly platform: NodeJS.Platform;
  /** Of the user. */
  readonly uid: number;
  readonly temp: string;
}

const HERE: Surroundings = { platform: process.platform, uid: process.getuid?.() ?? 0, temp: tmpdir() };

/**
 * Where the control socket of the process that works in this folder can be, best first: in the folder itself; where its path is
 * too long, or the file system has no sockets, under a name made of its hash in a folder of the user's own among the
 * temporary files. On Windows it is a pipe.
 */
export function controlAddresses(state: string, { platform, uid, temp }: Surroundings = HERE): string[] {
  const folder = realFolder(state);
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 32);
  if (platform === 'win32') return [`\\\\.\\pipe\\konsil-${name}`];
  const own = join(temp, `konsil-${uid}`, `${name}.sock`);
  // anybody may make a folder of that name there first
  const candidates = [join(folder, 'control.sock'), ...(isFree(dirname(own), uid) ? [own] : [])];
  return candidates.filter((path) => Buffer.byteLength(path) <= MAX_SOCKET_PATH);
}

/** The folder as everybody finds it, whatever links lead there. */
function realFolder(state: string): string {
  try {
    return realpathSync(state);
  } catch {
    return resolve(state); // not there yet, or not for us: then nothing runs with it
  }
}

/** Whether a folder is not there yet, or is this user's and nobody else may write to it. */
export function isFree(folder: string, uid = HERE.uid): boolean {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  return found === undefined || (found.isDirectory() && found.uid === uid && (found.mode & 0o022) === 0);
}
