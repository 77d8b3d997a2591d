/**
 * A command's end of a pod's control socket.
 * @module
 */
import { createConnection, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { KonsilError } from '../base/index.ts';
import { type ControlAnswer, ControlAnswerSchema, type ControlRequest, controlAddresses } from './controlProtocol.ts';
import type { PodStatus } from './status.ts';

/** How long a pod has to answer; it may be busy with a large vector. */
const ANSWER_MS = 30_000;

/**
 * Asks the pod that runs with this state folder.
 * @param untilItStops - Resolves only when the pod has stopped.
 * @returns what it is doing after it has done what was asked.
 * @throws KonsilError POD_NOT_RUNNING when nobody answers, and what the pod answers instead: RUN_UNKNOWN, ….
 */
export async function askPod(state: string, request: ControlRequest, untilItStops = false): Promise<PodStatus> {
  const socket = await connect(state);
  try {
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    const line = firstLine(socket, state);
    socket.write(`${JSON.stringify(request)}\n`);
    const answer = readAnswer(await line);
    if (!answer.ok) throw new KonsilError(answer.code, answer.message);
    if (untilItStops) await closed;
    return answer.status;
  } finally {
    socket.destroy();
  }
}

async function connect(state: string): Promise<Socket> {
  let denied = false;
  for (const address of controlAddresses(state)) {
    const reached = await reach(address);
    if (typeof reached !== 'string') return reached;
    denied ||= reached === 'EACCES' || reached === 'EPERM';
  }
  throw new KonsilError(
    'POD_NOT_RUNNING',
    denied
      ? `the pod with the state folder ${state} belongs to another user; ask as that one`
      : `no pod runs with the state folder ${state}; start it with \`konsil pod\``,
    { state },
  );
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

function firstLine(socket: Socket, state: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const gone = (): void =>
      reject(new KonsilError('POD_NOT_RUNNING', `the pod with the state folder ${state} stopped before it answered`));
    socket.setTimeout(ANSWER_MS, gone).on('error', gone).on('close', gone);
    const lines = createInterface({ input: socket }).on('error', gone);
    lines.once('line', (line) => {
      socket.setTimeout(0);
      resolve(line);
    });
  });
}

function readAnswer(line: string): ControlAnswer {
  try {
    return ControlAnswerSchema.parse(JSON.parse(line));
  } catch (cause) {
    throw new KonsilError('PROTOCOL_VIOLATION', 'the pod answers as another version of konsil does', {}, { cause });
  }
}
