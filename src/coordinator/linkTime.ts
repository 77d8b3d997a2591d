/**
 * Time that passes only while the coordinator is connected: that it was cut off from the broker is no pod's delay.
 * @module
 */
import type { Clock } from '../transport/index.ts';

/**
 * What a wait has left at least when the connection is back: others were cut off too, come back a little later and have to
 * say again what was lost (a channel repeats itself every 10 s at most).
 */
const AFTER_MS = 15_000;

interface Wait {
  readonly callback: () => void;
  readonly delayMs: number;
  leftMs: number;
  /** Cancels what calls back; null while time stands still. */
  cancel: (() => void) | null;
}

/** A clock that stands still while the link is down. */
export class LinkTime implements Clock {
  readonly #clock: Clock;
  readonly #waits = new Set<Wait>();
  /** Sum of all times of being cut off that are over. */
  #awayMs = 0;
  #downSince: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return (this.#downSince ?? this.#clock.now()) - this.#awayMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const wait: Wait = { callback, delayMs, leftMs: delayMs, cancel: null };
    this.#waits.add(wait);
    if (this.#downSince === null) this.#start(wait);
    return () => {
      wait.cancel?.();
      this.#waits.delete(wait);
    };
  }

  /** Takes what the link says of its connection. */
  setUp(up: boolean): void {
    const now = this.#clock.now();
    if (!up && this.#downSince === null) {
      this.#downSince = now;
      for (const wait of this.#waits) {
        wait.cancel?.();
        wait.cancel = null;
      }
    } else if (up && this.#downSince !== null) {
      this.#awayMs += now - this.#downSince;
      this.#downSince = null;
      for (const wait of this.#waits) {
        wait.leftMs = Math.max(wait.leftMs, Math.min(wait.delayMs, AFTER_MS));
        this.#start(wait);
      }
    }
  }

  #start(wait: Wait): void {
    const startedMs = this.#clock.now();
    const cancel = this.#clock.after(wait.leftMs, () => {
      this.#waits.delete(wait);
      wait.callback();
    });
    wait.cancel = () => {
      cancel();
      wait.leftMs -= this.#clock.now() - startedMs;
    };
  }
}
