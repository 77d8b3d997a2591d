/**
 * Child processes of the command line: `konsil` programs that a command starts, waits for and stops.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { KonsilError } from '../base/index.ts';

/** How long a child process may take to say that it is ready. */
const READY_MS = 30_000;
/** How long it has to stop when asked to. */
const STOP_MS = 5_000;

/** Child processes of one command; none outlives it. */
export class Children {
  readonly #running = new Map<string, ChildProcess>();
  readonly #signal: AbortSignal;
  readonly #entry: string;

  /** @param entry - The `konsil` program. @default the one that runs */
  constructor(signal: AbortSignal, entry = process.argv[1]!) {
    this.#signal = signal;
    this.#entry = entry;
    process.on('exit', () => {
      for (const child of this.#running.values()) child.kill('SIGKILL');
    });
  }

  /** Starts `konsil args --json` and waits for its first value of type `ready`. */
  start(
    name: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    ready: string,
  ): Promise<Record<string, unknown>> {
    const child = spawn(process.execPath, [...process.execArgv, this.#entry, ...args, '--json'], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
      // a terminal's Ctrl-C goes to the whole group; the command stops its children itself, in order
      detached: process.platform !== 'win32',
    });
    this.#running.set(name, child);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new KonsilError('RUN_ABORTED', `${name} did not start within ${READY_MS / 1_000} s`)),
        READY_MS,
      );
      const settle = (action: () => void): void => {
        clearTimeout(timer);
        action();
      };
      createInterface({ input: child.stdout }).on('line', (line) => {
        const value = JSON.parse(line) as Record<string, unknown>;
        if (value['type'] === ready) settle(() => resolve(value));
        if (value['type'] === 'error')
          settle(() => reject(new KonsilError('RUN_ABORTED', `${name}: ${String(value['message'])}`)));
      });
      child.on('exit', (code) => {
        // a process of the same name may have been started since
        if (this.#running.get(name) === child) this.#running.delete(name);
        settle(() =>
          reject(new KonsilError('RUN_ABORTED', `${name} ended with exit code ${code} before it was ready`)),
        );
      });
      this.#signal.addEventListener('abort', () => settle(() => reject(new KonsilError('CANCELLED', 'cancelled'))), {
        once: true,
      });
    });
  }

  has(name: string): boolean {
    return this.#running.has(name);
  }

  /** Kills one as a power cut would. */
  kill(name: string): void {
    this.signal(name, 'SIGKILL');
  }

  signal(name: string, signal: NodeJS.Signals): void {
    this.#running.get(name)?.kill(signal);
  }

  /** Asks all to stop, and sees to it that they do. The broker goes last, so that the others can say goodbye. */
  async stopAll(): Promise<void> {
    const names = [...this.#running.keys()].sort((a, b) => Number(a === 'broker') - Number(b === 'broker'));
    for (const group of [names.filter((name) => name !== 'broker'), ['broker']])
      await Promise.all(group.map((name) => this.#stop(name)));
  }

  #stop(name: string): Promise<void> {
    const child = this.#running.get(name);
    if (!child || child.exitCode !== null) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      child.once('exit', () => {
        clearTimeout(timer);
        resolve();
      });
      child.kill('SIGTERM');
    });
  }
}
