/**
 * A process's end of its control socket: one JSON object a line, a request and its answer.
 * @module
 */
import { chmodSync, mkdirSync, unlinkSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { z } from 'zod';
import { isKonsilError, KonsilError, messageOf } from '../base/index.ts';
import { controlAddresses, isFree, MAX_LINE } from './socket.ts';

/** A command says what it wants at once. */
const IDLE_MS = 60_000;

/** What becomes of a request; `staysOpen` when its sender may want to wait for the process to stop. */
interface Answer {
  readonly answer: unknown;
  readonly staysOpen?: boolean;
}

/** Listens for commands. */
export class ControlServer {
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  #answer: (line: string) => Answer = () => {
    throw new KonsilError('NOT_RUNNING', 'it is starting; try again in a moment');
  };

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => this.#onConnection(socket));
  }

  /**
   * Takes the place of the one process that works in `folder`; {@link serve} says what it answers.
   * @throws KonsilError IDENTITY_IN_USE when another works in it, FILE_WRITE_FAILED when no socket can be made.
   */
  static async open(folder: string): Promise<ControlServer> {
    makeFolder(folder); // its real path is known only then
    const addresses = controlAddresses(folder);
    for (const address of addresses)
      if (await answers(address))
        throw new KonsilError('IDENTITY_IN_USE', `another process works in the folder ${folder}`, { folder });
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
      `no control socket can be made for the folder ${folder}: ${failures.join('; ') || 'the path of the temporary folder is too long'}`,
      { folder },
    );
  }

  /**
   * From now on requests like `schema` are for `obey`.
   * @param obey - What it throws as a KonsilError is answered instead.
   */
  serve<T>(schema: z.ZodType<T>, obey: (request: T) => Answer): void {
    this.#answer = (line) => obey(read(schema, line));
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
      try {
        const { answer, staysOpen = false } = this.#answer(line);
        if (staysOpen) socket.setTimeout(0);
        socket.write(`${JSON.stringify({ ok: true, answer })}\n`);
      } catch (error) {
        if (!isKonsilError(error)) throw error;
        socket.write(`${JSON.stringify({ ok: false, code: error.code, message: error.message.slice(0, 4_000) })}\n`);
      }
    });
  }
}

function read<T>(schema: z.ZodType<T>, line: string): T {
  try {
    return schema.parse(JSON.parse(line));
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

/** A socket that nobody answers at is of a process that was killed. */
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
