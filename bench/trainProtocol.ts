/**
 * How bench/train.ts speaks with the processes that train: one JSON value a line in either direction.
 * @module
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Job } from './trainCases.ts';

export type Request =
  | { readonly do: 'open'; readonly job: Job; readonly firstSteps: number }
  /** Train this many steps, 2 or more, and time those after the set-up. */
  | { readonly do: 'burst'; readonly steps: number }
  | { readonly do: 'end' };

export interface Opened {
  /** Trained elements. */
  readonly parameters: number;
  /** Mean over the first {@link FIRST_STEPS} steps; with Dropout in the model, in evaluation at the initial weights. */
  readonly loss: number;
  readonly compileMs?: number;
  readonly sessionMs?: number;
}

/** Enough that a wrong gradient shows in the loss. */
export const FIRST_STEPS = 4;

/** Per step. */
export interface Burst {
  readonly wallMs: number;
  readonly cpuMs: number;
  /** Median wall time outside runs of graphs. */
  readonly jsUs?: number;
}

export interface Ended {
  readonly peakMb: number;
}

/** One side's figures: medians over bursts. */
export interface Measured extends Opened, Burst, Ended {}

/** One line of the table. */
export interface Row {
  readonly model: string;
  readonly batch: number;
  readonly threads: number;
  /** Processes that wanted to run, over the minute before the end, by core: above 1 some had to wait. */
  readonly load: number;
  readonly konsil?: Measured;
  readonly torch?: Measured;
  /** What went wrong, on either side. */
  readonly error?: string;
}

interface Replies {
  readonly open: Opened;
  readonly burst: Burst;
  readonly end: Ended;
}

/** Longest time for one answer: a step of the largest model on a loaded machine takes seconds, a burst has few. */
const ANSWER_TIMEOUT_MS = 600_000;

/** A process that trains. */
export class Side {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  #errors = '';

  constructor(command: string, args: readonly string[], threads: number) {
    const pinned = { OMP_NUM_THREADS: `${threads}`, OPENBLAS_NUM_THREADS: `${threads}`, MKL_NUM_THREADS: `${threads}` };
    this.#child = spawn(command, args, { env: { ...process.env, ...pinned, PYTHONDONTWRITEBYTECODE: '1' } });
    this.#child.stderr.on('data', (chunk: Buffer) => (this.#errors = (this.#errors + chunk.toString()).slice(-2000)));
    // a child that has died is noticed when it does not answer
    this.#child.stdin.on('error', () => undefined);
    this.#child.on('error', (error) => (this.#errors += error.message));
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** @throws Error with what the process says, or its last output when it dies. */
  async ask<K extends Request['do']>(request: Extract<Request, { do: K }>): Promise<Replies[K]> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), ANSWER_TIMEOUT_MS);
    try {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error(`process ended: ${this.#errors.trim().split('\n').slice(-3).join(' | ')}`);
      const reply = JSON.parse(value) as Replies[K] | { readonly error: string };
      if ('error' in reply) throw new Error(reply.error);
      return reply;
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }
}
