/**
 * Makes planned faults happen: watches the run's phases, begins each fault when its phase begins and ends it in time.
 * @module
 */
import { messageOf } from '../../src/base/index.ts';
import type { RunEvent } from '../../src/coordinator/index.ts';
import type { Clock } from '../../src/transport/index.ts';
import type { PlannedFault } from './plan.ts';

/** What faults happen to. */
export interface FaultyWorld {
  readonly clock: Clock;
  /**
   * Begins a fault. @returns what ends it, null when nothing does, undefined when its target is not there to suffer it.
   */
  begin(fault: PlannedFault): (() => void | Promise<void>) | null | undefined;
}

/** A fault that began, ended, or could not happen. */
export interface FaultEntry {
  /** Of the world's clock, since the run began. */
  readonly seconds: number;
  readonly round: PlannedFault['round'];
  readonly phase: string;
  readonly target: string;
  readonly fault: string;
  readonly what: 'begins' | 'ends' | 'missed';
  /** Why a party did not come back. */
  readonly reason?: string;
}

/** Drives the faults of one run. */
export class FaultDriver {
  readonly #world: FaultyWorld;
  readonly #waiting: Set<PlannedFault>;
  readonly #startedMs: number;
  readonly #onEntry: (entry: FaultEntry) => void;
  readonly #timeline: FaultEntry[] = [];
  #isOver = false;

  constructor(plan: readonly PlannedFault[], world: FaultyWorld, onEntry: (entry: FaultEntry) => void) {
    this.#waiting = new Set(plan);
    this.#world = world;
    this.#startedMs = world.clock.now();
    this.#onEntry = onEntry;
  }

  /** Begins what is to begin with this event. */
  see(event: RunEvent): void {
    if (event.type !== 'phase') return;
    for (const fault of this.#waiting) {
      if (!isMoment(fault, event)) continue;
      this.#waiting.delete(fault);
      this.#begin(fault);
    }
  }

  /** The run is over: what has not begun never will. */
  finish(): readonly FaultEntry[] {
    for (const fault of this.#waiting) this.#note(fault, 'missed');
    this.#waiting.clear();
    this.#isOver = true;
    return this.#timeline;
  }

  #begin(fault: PlannedFault): void {
    const end = this.#world.begin(fault);
    this.#note(fault, end === undefined ? 'missed' : 'begins');
    if (!end) return;
    this.#world.clock.after(fault.forMs, () => {
      this.#note(fault, 'ends');
      Promise.resolve(end()).catch((error: unknown) => {
        // a pod that does not come back stays lost, and the run says so
        this.#note(fault, 'missed', messageOf(error));
      });
    });
  }

  #note({ round, phase, target, fault }: PlannedFault, what: FaultEntry['what'], reason?: string): void {
    if (this.#isOver) return; // what ends after the run is no part of it
    const seconds = (this.#world.clock.now() - this.#startedMs) / 1_000;
    const entry = { seconds, round, phase, target, fault, what, ...(reason !== undefined && { reason }) };
    this.#timeline.push(entry);
    this.#onEntry(entry);
  }
}

/** Whether the phase of the fault begins with this event. */
export function isMoment({ round, phase }: PlannedFault, event: Extract<RunEvent, { type: 'phase' }>): boolean {
  const { purpose, completed } = event;
  if (round === 'statistics' || round === 'evaluation')
    return purpose === round && event.phase === (phase === 'training' ? purpose : phase);
  if (completed + 1 !== round || event.phase !== phase) return false;
  // where ranges are summed first, pods train before that sum
  return purpose === 'update' || (purpose === 'range' && phase === 'training');
}
