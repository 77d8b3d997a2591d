/**
 * How a command talks to the running pod: one JSON object a line, a request and its answer, over a socket that only the
 * pod's own user can open.
 * @module
 */
import { createHash } from 'node:crypto';
import { lstatSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { ERROR_CODES, type ErrorCode } from '../base/index.ts';
import { PodStatusSchema } from './status.ts';

export const ControlRequestSchema = z.discriminatedUnion('command', [
  z.strictObject({ command: z.literal('status') }),
  z.strictObject({ command: z.literal('pause') }),
  z.strictObject({ command: z.literal('resume') }),
  z.strictObject({ command: z.literal('drain') }),
  z.strictObject({ command: z.literal('cancel'), run: z.string().min(1).max(64) }),
]);
export type ControlRequest = z.infer<typeof ControlRequestSchema>;

/** Every request that succeeds is answered with what the pod is doing then. */
export const ControlAnswerSchema = z.discriminatedUnion('ok', [
  z.strictObject({ ok: z.literal(true), status: PodStatusSchema }),
  z.strictObject({
    ok: z.literal(false),
    code: z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]),
    message: z.string().max(4_000),
  }),
]);
export type ControlAnswer = z.infer<typeof ControlAnswerSchema>;

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
 * Where the control socket of the pod with this state folder can be, best first: in the folder itself; where its path is
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
