/**
 * How many steps to run at once: enough that the calls around them do not count, few enough that a cancel is quick.
 * Steps are the same however they are grouped, so measuring time here does not make results depend on it.
 * @module
 */

/** Steps of this many milliseconds or more run one by one: the calls around them are below a tenth of that. */
const LONG_STEP_MS = 2;
/** Time of one group of steps: how long a cancel may wait. */
const GROUP_MS = 20;
const MAX_STEPS = 64;
/** The first steps pay for allocations. */
const WARM_UP = 2;

export class Pace {
  #fastest = Number.POSITIVE_INFINITY;
  #seen = 0;

  /** Takes note of one step of `ms` milliseconds. */
  add(ms: number): void {
    if (++this.#seen > WARM_UP) this.#fastest = Math.min(this.#fastest, ms);
  }

  /** A power of two, so that few different groups need a session, or 1. */
  stepsAtOnce(left: number): number {
    if (this.#fastest >= LONG_STEP_MS) return 1;
    const wanted = Math.min(MAX_STEPS, GROUP_MS / this.#fastest, left);
    return wanted < 8 ? 1 : 2 ** Math.floor(Math.log2(wanted));
  }
}
