/**
 * Time that passes only when there is nothing to do: when no computation is under way and the event loop has come to
 * rest, it jumps to the next timer. A deadline of ten minutes costs nothing, and what happens does not depend on how fast
 * this machine is.
 * @module
 */
import type { Clock } from '../src/transport/index.ts';

/** Turns of the event loop without work after which it is at rest: one for what was queued, one for what that queued. */
const QUIET_TURNS = 2;

interface Timer {
  readonly atMs: number;
  /** Timers of one moment fire in the order they were set. */
  readonly order: number;
  callback: (() => void) | null;
}

/** A clock for a whole simulated world. Starts at 0. */
export class VirtualClock implements Clock {
  readonly #timers = new TimerHeap();
  #nowMs = 0;
  #order = 0;
  #held = 0;
  #isWatching = false;
  #isStopped = false;

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer: Timer = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback };
    this.#timers.push(timer);
    this.#watch();
    return () => {
      timer.callback = null;
    };
  }

  /** Stops time until the result is called: something computes on another thread, or reads a file. */
  hold(): () => void {
    this.#held++;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#held--;
      this.#watch();
    };
  }

  /** Time stands still while `work` is under way. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    const release = this.hold();
    try {
      return await work();
    } finally {
      release();
    }
  }

  /** No timer fires any more. */
  stop(): void {
    this.#isStopped = true;
  }

  #watch(): void {
    if (this.#isWatching || this.#isStopped) return;
    this.#isWatching = true;
    let turns = 0;
    const look = (): void => {
      if (this.#held > 0 || this.#isStopped || this.#timers.size === 0) {
        this.#isWatching = false; // who lets go, or sets a timer, looks again
        return;
      }
      if (++turns > QUIET_TURNS && !hasFileRequests()) {
        turns = 0;
        this.#jump();
      }
      setImmediate(look);
    };
    setImmediate(look);
  }

  /** Fires everything of the next moment. */
  #jump(): void {
    const first = this.#timers.peek();
    if (!first) return;
    this.#nowMs = first.atMs;
    const due: Timer[] = [];
    while (this.#timers.peek()?.atMs === first.atMs) due.push(this.#timers.pop()!);
    for (const { callback } of due) callback?.();
  }
}

/** File requests under way have no `hold`, but the event loop knows of them. */
function hasFileRequests(): boolean {
  return process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq'));
}

/** A binary heap by time, then order. Cancelled timers stay until they are due or on top. */
class TimerHeap {
  readonly #heap: Timer[] = [];

  get size(): number {
    this.#dropCancelled();
    return this.#heap.length;
  }

  peek(): Timer | undefined {
    this.#dropCancelled();
    return this.#heap[0];
  }

  push(timer: Timer): void {
    const heap = this.#heap;
    heap.push(timer);
    for (let i = heap.length - 1; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (!isBefore(heap[i]!, heap[parent]!)) break;
      this.#swap(i, parent);
      i = parent;
    }
  }

  pop(): Timer | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (heap.length === 0 || last === undefined) return top;
    heap[0] = last;
    for (let i = 0; ; ) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2])
        if (child < heap.length && isBefore(heap[child]!, heap[least]!)) least = child;
      if (least === i) return top;
      this.#swap(i, least);
      i = least;
    }
  }

  #dropCancelled(): void {
    while (this.#heap[0]?.callback === null) this.pop();
  }

  #swap(i: number, j: number): void {
    [this.#heap[i], this.#heap[j]] = [this.#heap[j]!, this.#heap[i]!];
  }
}

const isBefore = (a: Timer, b: Timer): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
