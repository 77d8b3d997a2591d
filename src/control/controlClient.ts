/**
 * A command's end of a control socket.
 * @module
 */
import { createConnection, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { ERROR_CODES, type ErrorCode, KonsilError } from '../base/index.ts';
import { controlAddresses } from './socket.ts';

/** How long a process has to answer; it may be busy with a large vector. */
const ANSWER_MS = 30_000;

const AnswerSchema = z.discriminatedUnion('ok', [
  z.strictObject({ ok: z.literal(true), answer: z.unknown() }),
  z.strictObject({
    ok: z.literal(false),
    code: z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]),
    message: z.string().max(4_000),
  }),
]);

/**
 * Asks the process that works in `folder`.
 * @param untilItStops - Resolves only when the process has stopped.
 * @throws KonsilError NOT_RUNNING when nobody answers (facts: `denied` when it is another user's, `stopped` when it went away),
 *   PROTOCOL_VIOLATION when it is of another version, and whatever it answers instead.
 */
export async function askProcess<T>(
  folder: string,
  request: unknown,
  schema: z.ZodType<T>,
  { untilItStops = false }: { readonly untilItStops?: boolean } = {},
): Promise<T> {
  const socket = await connect(folder);
  try {
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    const line = firstLine(socket, folder);
    socket.write(`${JSON.stringify(request)}\n`);
    const answer = read(AnswerSchema, JSON.parse(await line));
    if (!answer.ok) throw new KonsilError(answer.code, answer.message);
    const checked = read(schema, answer.answer);
    if (untilItStops) await closed;
    return checked;
  } finally {
    socket.destroy();
  }
}

async function connect(folder: string): Promise<Socket> {
  let denied = false;
  for (const address of controlAddresses(folder)) {
    const reached = await reach(address);
    if (typeof reached !== 'string') return reached;
    denied ||= reached === 'EACCES' || reached === 'EPERM';
  }
  throw new KonsilError('NOT_RUNNING', `no process answers for the folder ${folder}`, { folder, denied });
}

/** A connection, or the code of what is in the way. */
function reach(address: string): Promise<Socket | string> {
  return new Promise((resolve) => {
    const socket = createConnection(address);
    const onError = ({ code = '' }: NodeJS.ErrnoException): void => resolve(code);
    socket.once('error', onError).once('connect', () => {
      socket.off('error', onError);
      resolve(socket);
    });
  });
}

function firstLine(socket: Socket, folder: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const gone = (): void =>
      reject(new KonsilError('NOT_RUNNING', `the process of ${folder} stopped before it answered`, { stopped: true }));
    socket.setTimeout(ANSWER_MS, gone).on('error', gone).on('close', gone);
    const lines = createInterface({ input: socket }).on('error', gone);
    lines.once('line', (line) => {
      socket.setTimeout(0);
      resolve(line);
    });
  });
}

function read<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new KonsilError('PROTOCOL_VIOLATION', 'it answers as another version of konsil does');
  return parsed.data;
}
