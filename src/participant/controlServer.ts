/**
 * The pod's end of its control socket.
 * @module
 */
import { chmodSync, mkdirSync, unlinkSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { isKonsilError, KonsilError, messageOf } from '../base/index.ts';
import {
  type ControlAnswer,
  type ControlRequest,
  ControlRequestSchema,
  controlAddresses,
  isFree,
  MAX_LINE,
} from './controlProtocol.ts';
import type { Pod } from './pod.ts';

/** A command says what it wants at once. */
const IDLE_MS = 60_000;

/** Listens for `konsil pod status` and the like. */
export class ControlServer {
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  #pod: Pod | null = null;
  #whenDrained: () => void = () => undefined;
  /** Resolves when the site has asked for the pod to be drained, and it is. */
  readonly drained: Promise<void>;

  private constructor(server: Server) {
    this.#server = server;
    this.drained = new Promise((resolve) => {
      this.#whenDrained = resolve;
    });
    server.on('connection', (socket) => this.#onConnection(socket));
  }

  /**
   * Takes the place of the one pod that runs with this state folder; {@link serve} says which it is.
   * @throws KonsilError IDENTITY_IN_USE when another runs with it, FILE_WRITE_FAILED when no socket can be made.
   */
  static async open(state: string): Promise<ControlServer> {
    makeFolder(state); // its real path is known only then
    const addresses = controlAddresses(state);
    for (const address of addresses)
      if (await answers(address))
        throw new KonsilError('IDENTITY_IN_USE', `another pod runs with the state folder ${state}`, { state });
    const failures: string[] = [];
    for (const address of addresses) {
      try {
        return new ControlServer(await listen(address));
      } catch (error) {
        failures.push(`${address}: ${messageOf(error)}`); // a file system without sockets: the next place
      }
    }
    throw new KonsilError(
      'FILE_WRITE_FAILED',
      `no control socket can be made for the state folder ${state}: ${failures.join('; ') || 'the path of the temporary folder is too long'}`,
      { state },
    );
  }

  /** From now on commands are for `pod`. */
  serve(pod: Pod): void {
    this.#pod = pod;
  }

  async close(): Promise<void> {
    for (const socket of this.#connections) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #onConnection(socket: Socket): void {
    this.#connections.add(socket);
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    socket.on('close', () => this.#connections.delete(socket));
    socket.on('error', () => undefined); // the command was stopped: there is nobody to answer
    let read = 0;
    socket.on('data', (chunk: Buffer) => {
      read += chunk.length;
      if (read > MAX_LINE) socket.destroy();
    });
    // it repeats the errors of what it reads
    const lines = createInterface({ input: socket }).on('error', () => undefined);
    lines.on('line', (line) => {
      const answer = this.#answer(line);
      // who waits for the pod to be drained waits as long as it takes
      if (answer.ok && answer.status.state === 'draining') socket.setTimeout(0);
      socket.write(`${JSON.stringify(answer)}\n`);
    });
  }

  #answer(line: string): ControlAnswer {
    try {
      const pod = this.#pod;
      if (!pod) throw new KonsilError('POD_NOT_RUNNING', 'the pod is starting; try again in a moment');
      this.#obey(pod, read(line));
      return { ok: true, status: pod.status() };
    } catch (error) {
      if (!isKonsilError(error)) throw error;
      return { ok: false, code: error.code, message: error.message.slice(0, 4_000) };
    }
  }

  #obey(pod: Pod, request: ControlRequest): void {
    if (request.command === 'pause') pod.pause();
    else if (request.command === 'resume') pod.resume();
    else if (request.command === 'cancel') pod.cancel(request.run);
    else if (request.command === 'drain') void pod.drain().then(this.#whenDrained);
  }
}

function read(line: string): ControlRequest {
  try {
    return ControlRequestSchema.parse(JSON.parse(line));
  } catch (cause) {
    throw new KonsilError('PROTOCOL_VIOLATION', 'not a command of this version of konsil', {}, { cause });
  }
}

async function listen(address: string): Promise<Server> {
  const isFile = !address.startsWith('\\\\');
  if (isFile) {
    makeFolder(dirname(address));
    if (!isFree(dirname(address))) throw new Error('others may write to its folder');
    removeStale(address);
  }
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, () => {
      server.off('error', reject);
      resolve();
    });
  });
  if (isFile) chmodSync(address, 0o600);
  return server;
}

/** @throws KonsilError FILE_WRITE_FAILED. */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new KonsilError('FILE_WRITE_FAILED', `${folder}: ${messageOf(cause)}`, { folder }, { cause });
  }
}

/** A socket that nobody answers at is of a pod that was killed. */
function removeStale(address: string): void {
  try {
    unlinkSync(address);
  } catch {
    // there is none, or listening will say what is wrong with it
  }
}

function answers(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(address);
    const done = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.on('connect', () => done(true)).on('error', () => done(false));
  });
}
