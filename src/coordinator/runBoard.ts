/**
 * What a run is doing, as its events tell: for a terminal that draws it and for whoever asks.
 * @module
 */
import { z } from 'zod';
import type { RunEvent } from './events.ts';

const count = z.int().min(0);

export const RunStatusSchema = z.strictObject({
  run: z.string(),
  state: z.enum(['running', 'paused']),
  /** Why it pauses, or will before its next sum; empty when it does not. */
  reason: z.string(),
  /** Update rounds that are over, of how many. */
  completed: count,
  rounds: count,
  /** What the pods of `awaiting` are waited for to do. */
  phase: z.string(),
  awaiting: z.array(z.string()),
  pods: z.array(z.strictObject({ pod: z.string(), state: z.string(), reason: z.string() })),
  /** Until the last round is over, at the pace so far; null before the first one is. */
  etaSeconds: z.number().min(0).nullable(),
  seconds: z.number().min(0),
});
/** One run, at one moment. */
export type RunningRun = z.infer<typeof RunStatusSchema>;

/** Keeps up with a run. */
export class RunBoard {
  readonly #now: () => number;
  readonly #startedMs: number;
  readonly #members = new Map<string, { readonly state: string; readonly reason: string }>();
  /** Rounds that were done before this process took the run up. */
  #before = 0;
  #roundsStartedMs: number | null = null;
  #paused: string | null = null;
  run = '';
  rounds = 0;
  completed = 0;
  phase = 'starting';
  awaiting: readonly string[] = [];

  /** @param now - Milliseconds that only go up. */
  constructor(now: () => number) {
    this.#now = now;
    this.#startedMs = now();
  }

  /** Takes one event. */
  see(event: RunEvent): void {
    switch (event.type) {
      case 'started':
      case 'resumed':
        this.run = event.run;
        this.rounds = event.rounds;
        this.#before = event.type === 'resumed' ? event.completed : 0;
        this.completed = this.#before;
        return;
      case 'member':
        this.#members.set(event.pod, { state: event.state, reason: event.reason });
        return;
      case 'phase':
        this.phase = event.phase;
        this.awaiting = event.awaiting;
        if (event.purpose === 'update' || event.purpose === 'range') this.#roundsStartedMs ??= this.#now();
        return;
      case 'round':
        this.completed = event.round;
        return;
      case 'paused':
        this.#paused = event.reason;
        return;
      case 'continued':
        this.#paused = null;
        return;
      default:
        return;
    }
  }

  /** Pods that take part, and all. */
  get members(): { readonly active: number; readonly all: number } {
    const active = [...this.#members.values()].filter(({ state }) => state === 'active' || state === 'finished');
    return { active: active.length, all: this.#members.size };
  }

  /** Seconds until the last round is done at the present pace, or null before the first one is. */
  etaSeconds(): number | null {
    const done = this.completed - this.#before;
    if (done === 0 || this.#roundsStartedMs === null) return null;
    return ((this.#now() - this.#roundsStartedMs) / 1_000 / done) * Math.max(0, this.rounds - this.completed);
  }

  /** @param asked - Why it is going to pause, if it is. */
  status(asked: string | null = null): RunningRun {
    return {
      ...{ run: this.run, state: this.#paused === null ? 'running' : 'paused', reason: this.#paused ?? asked ?? '' },
      ...{ completed: this.completed, rounds: this.rounds, phase: this.phase, awaiting: [...this.awaiting] },
      pods: [...this.#members].map(([pod, { state, reason }]) => ({ pod, state, reason })),
      ...{ etaSeconds: this.etaSeconds(), seconds: (this.#now() - this.#startedMs) / 1_000 },
    };
  }
}
