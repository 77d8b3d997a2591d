/**
 * Where the time of a run goes: by phase, simulated and real.
 * @module
 */
import type { RunEvent } from '../src/coordinator/index.ts';
import type { PhaseTime } from './result.ts';

/** Sums up the time between one phase and the next. */
export class PhaseTimes {
  readonly #now: () => number;
  readonly #sums = new Map<string, { seconds: number; wallSeconds: number }>();
  #present: { readonly phase: string; readonly atMs: number; readonly wallMs: number };

  /** @param now - Milliseconds of the run's clock. */
  constructor(now: () => number) {
    this.#now = now;
    this.#present = this.#enter('admission');
  }

  see(event: RunEvent): void {
    const phase = event.type === 'phase' ? event.phase : event.type === 'round' ? 'averaging' : this.#present.phase;
    if (phase === this.#present.phase) return;
    this.#leave();
    this.#present = this.#enter(phase);
  }

  /** In the order in which phases first came. */
  finish(): PhaseTime[] {
    this.#leave();
    return [...this.#sums].map(([phase, sum]) => ({ phase, ...sum }));
  }

  #enter(phase: string): { phase: string; atMs: number; wallMs: number } {
    return { phase, atMs: this.#now(), wallMs: performance.now() };
  }

  #leave(): void {
    const { phase, atMs, wallMs } = this.#present;
    const sum = this.#sums.get(phase) ?? { seconds: 0, wallSeconds: 0 };
    this.#sums.set(phase, {
      seconds: sum.seconds + (this.#now() - atMs) / 1_000,
      wallSeconds: sum.wallSeconds + (performance.now() - wallMs) / 1_000,
    });
  }
}
