/**
 * Time that passes ten times faster than it does, for tests in real time: a deadline of ten seconds costs one. It is less
 * in a hurry while models train and masks are made, and a process that is not given its turn loses nothing by it, so that
 * what a test finds does not depend on how busy the machine is.
 * @module
 */
import type { Clock } from '../src/transport/index.ts';

/** Milliseconds of this clock in a real one. */
const HASTE = 10;
/** The same while models train and masks are made. */
const HASTE_AT_WORK = 3;
/** Real milliseconds between two looks. */
const TICK_MS = 4;
/** What passes at most between two looks, real milliseconds: in the rest this process was kept from its work. */
const LONGEST_TICK_MS = 50;

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

/** A clock in a hurry. Starts at 0. */
export class HastyClock implements Clock {
  readonly #timers = new Set<Timer>();
  #nowMs = 0;
  #held = 0;
  #lookedAt = 0;
  #ticker: NodeJS.Timeout | null = null;

  // tests make clocks of their own with these
  readonly now = (): number => this.#nowMs;

  readonly after = (delayMs: number, callback: () => void): (() => void) => {
    const timer: Timer = { atMs: this.#nowMs + Math.max(0, delayMs), callback };
    this.#timers.add(timer);
    if (!this.#ticker) {
      this.#lookedAt = performance.now();
      this.#ticker = setInterval(() => this.#tick(), TICK_MS);
    }
    return () => {
      this.#timers.delete(timer);
    };
  };

  /** Less time passes while `work` is under way. */
  readonly during = async <T>(work: () => Promise<T>): Promise<T> => {
    this.#held++;
    try {
      return await work();
    } finally {
      this.#held--;
    }
  };

  #tick(): void {
    if (this.#timers.size === 0) {
      clearInterval(this.#ticker!);
      this.#ticker = null;
      return;
    }
    const nowMs = performance.now();
    const passedMs = Math.min(LONGEST_TICK_MS, nowMs - this.#lookedAt);
    this.#lookedAt = nowMs;
    this.#nowMs += (this.#held > 0 ? HASTE_AT_WORK : HASTE) * passedMs;
    const due = [...this.#timers].filter(({ atMs }) => atMs <= this.#nowMs).sort((a, b) => a.atMs - b.atMs);
    for (const timer of due) if (this.#timers.delete(timer)) timer.callback();
  }
}
