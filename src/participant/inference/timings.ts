/**
 * How long the parts of an inference take: for the site, without a value of its data.
 * @module
 */

/** Parts of the work on a batch. */
const PHASES = ['read', 'decode', 'predict', 'write'] as const;
type Phase = (typeof PHASES)[number];

/** A stopwatch for each phase. */
export class Timings {
  readonly #ms: Record<Phase, number> = { read: 0, decode: 0, predict: 0, write: 0 };
  readonly #started = performance.now();
  #peakBytes = 0;

  /** Seconds since the beginning. */
  get seconds(): number {
    return (performance.now() - this.#started) / 1_000;
  }

  /** Runs `action` as part of a phase. */
  async in<T>(phase: Phase, action: () => Promise<T> | T): Promise<T> {
    const started = performance.now();
    try {
      return await action();
    } finally {
      this.#ms[phase] += performance.now() - started;
      this.#peakBytes = Math.max(this.#peakBytes, process.memoryUsage().rss);
    }
  }

  /** As the file beside the report has it. */
  record(facts: {
    readonly rows: number;
    readonly batches: number;
    readonly models: readonly { readonly label: string; readonly engine: string; readonly device: string }[];
  }): object {
    const seconds = this.seconds;
    return {
      format: 'konsil-inference-timings-v1',
      ...facts,
      seconds,
      rowsPerSecond: seconds > 0 ? facts.rows / seconds : null,
      phaseSeconds: Object.fromEntries(PHASES.map((phase) => [phase, this.#ms[phase] / 1_000])),
      peakMemoryBytes: this.#peakBytes,
    };
  }
}
