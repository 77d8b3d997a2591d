/**
 * Holds a run between two sums, from outside or by itself, until somebody lets it go on.
 * @module
 */
import { KonsilError } from '../base/index.ts';

/** How a run is asked to pause and to go on. Nothing that is under way is broken off: a pause begins before the next sum. */
export class RunControl {
  #reason: string | null = null;
  readonly #waiting = new Set<() => void>();

  /** Why the run pauses, or will before its next sum; null when it does not. */
  get paused(): string | null {
    return this.#reason;
  }

  /** @param reason - For people. */
  pause(reason: string): void {
    this.#reason ??= reason;
  }

  /** Lets the run go on. Harmless when it is not paused. */
  resume(): void {
    this.#reason = null;
    for (const release of [...this.#waiting]) release();
  }

  /** Resolves when the run may go on. @throws KonsilError CANCELLED by `signal`. */
  async gate(signal: AbortSignal): Promise<void> {
    while (this.#reason !== null)
      await new Promise<void>((resolve, reject) => {
        const settle = (action: () => void): void => {
          this.#waiting.delete(release);
          signal.removeEventListener('abort', onAbort);
          action();
        };
        const release = (): void => settle(resolve);
        const onAbort = (): void => settle(() => reject(new KonsilError('CANCELLED', 'run cancelled while paused')));
        this.#waiting.add(release);
        signal.addEventListener('abort', onAbort, { once: true });
        if (signal.aborted) onAbort();
      });
  }
}
