/**
 * How long each phase may take: the task's limit at first, then a multiple of the slowest round seen, never above the
 * task's limit. A pod that dies costs a learned deadline, not the configured one.
 * @module
 */
import type { Deadlines } from '../tasks/index.ts';

/** Slack over the slowest seen: hospital machines share their CPU with others. */
const FACTOR = 5;
/** Never wait less than this: a garbage collection or a VPN hiccup is not a dropout. */
const FLOOR_MS = 10_000;

/** Learns durations by phase name. */
export class LearnedDeadlines {
  readonly #limits: Deadlines;
  readonly #slowestMs = new Map<string, number>();

  constructor(limits: Deadlines) {
    this.#limits = limits;
  }

  /** Milliseconds `phase` may take; `kind` picks the task's limit for it. */
  limitMs(phase: string, kind: keyof Deadlines): number {
    const limit = 1_000 * this.#limits[kind];
    const slowest = this.#slowestMs.get(phase);
    return slowest === undefined ? limit : Math.min(limit, Math.max(FLOOR_MS, FACTOR * slowest));
  }

  /** Records how long `phase` took until the last answer. */
  learn(phase: string, tookMs: number): void {
    this.#slowestMs.set(phase, Math.max(tookMs, this.#slowestMs.get(phase) ?? 0));
  }

  /** What was learned, by phase in milliseconds. */
  snapshot(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#slowestMs);
  }

  /** Takes up what another process has learned. */
  restore(learned: Readonly<Record<string, number>>): void {
    for (const [phase, tookMs] of Object.entries(learned)) this.learn(phase, tookMs);
  }
}
