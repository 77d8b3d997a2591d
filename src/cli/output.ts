/**
 * What every command shares: printing for people or machines, one way to end with an error, and Ctrl-C.
 * @module
 */
import { abortControllerForMany, isKonsilError, messageOf } from '../base/index.ts';

/** Exit codes: 0 fine, 1 failed, 2 wrong usage, 75 stopped in the middle and to be gone on with, 130 cancelled by the user. */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 75, cancelled: 130 } as const;

/** Where a command writes: lines for people, or one JSON value a line for machines. */
export class Output {
  readonly json: boolean;

  constructor(json: boolean) {
    this.json = json;
  }

  /** A line for people; nothing in JSON mode. */
  line(text = ''): void {
    if (!this.json) process.stdout.write(`${text}\n`);
  }

  /** A value for machines; nothing in plain mode. */
  value(value: unknown): void {
    if (this.json) process.stdout.write(`${JSON.stringify(value)}\n`);
  }

  /** The command's failure, to standard error for people and as a value for machines. */
  error(error: unknown): void {
    const code = isKonsilError(error) ? error.code : 'UNEXPECTED';
    if (this.json) this.value({ type: 'error', code, message: messageOf(error) });
    else process.stderr.write(`konsil: ${messageOf(error)}\n        (${code})\n`);
  }
}

/** The exit code an error stands for. */
export function exitCodeOf(error: unknown): number {
  if (isKonsilError(error, 'CANCELLED')) return EXIT.cancelled;
  if (isKonsilError(error, 'RUN_INTERRUPTED')) return EXIT.interrupted;
  return isKonsilError(error, 'USAGE') ? EXIT.usage : EXIT.failed;
}

/** A signal that the first Ctrl-C (or SIGTERM, or one of `more`) aborts; the second ends the process at once. */
export function cancelOnSignals(...more: readonly NodeJS.Signals[]): AbortSignal {
  const controller = abortControllerForMany();
  let asked = false;
  const onSignal = (): void => {
    if (asked) process.exit(EXIT.cancelled);
    asked = true;
    controller.abort();
  };
  for (const name of ['SIGINT', 'SIGTERM', ...more] as const) process.on(name, onSignal);
  return controller.signal;
}

/** Two signals: Ctrl-C is to end what is under way, SIGTERM (of an operating system that shuts down) to leave it for later. */
export function cancelOrHaltOnSignals(): { readonly cancel: AbortSignal; readonly halt: AbortSignal } {
  const [cancel, halt] = [abortControllerForMany(), abortControllerForMany()];
  const on = (name: NodeJS.Signals, controller: AbortController): void => {
    process.on(name, () => {
      if (cancel.signal.aborted || halt.signal.aborted) process.exit(EXIT.cancelled);
      controller.abort();
    });
  };
  on('SIGINT', cancel);
  on('SIGTERM', halt);
  return { cancel: cancel.signal, halt: halt.signal };
}

/** Resolves when `signal` is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Bytes for people: 1.2 kB, 3.4 MB. */
export function humanBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
