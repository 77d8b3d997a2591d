/**
 * What a pod must never forget about sums, over restarts of either side: which rounds it has seen, which sums it has
 * released shares for, and over whom. One JSON line a fact, flushed before the message leaves that makes it true; names
 * of pods and hashes only.
 *
 * A pod that was stopped has lost the secrets of the attempt it was in and cannot go on with it; the journal keeps it from
 * being asked for the same sum again, and from adding to sums whose difference would show single pods.
 * @module
 */
import { join } from 'node:path';
import { z } from 'zod';
import { KonsilError } from '../base/index.ts';
import { LineFile } from './lineFile.ts';

const Stage = z.enum(['opened', 'uploaded', 'signed', 'released']);
const Fact = z.discriminatedUnion('fact', [
  /** A round was started: no earlier one is taken up any more. */
  z.strictObject({ fact: z.literal('round'), run: z.string(), round: z.int() }),
  /** The site's own metrics went out. */
  z.strictObject({ fact: z.literal('metrics'), run: z.string() }),
  z.strictObject({
    fact: z.literal('sum'),
    run: z.string(),
    /** What makes two sums of one run the same, see `sumKey`. */
    sum: z.string(),
    round: z.int(),
    attempt: z.int(),
    stage: Stage,
    /** What was summed: dataset, purpose and parameters. */
    input: z.string(),
    survivors: z.array(z.string()),
  }),
]);
/** One line. `run`: the coordinator's id and its name for the run. */
export type JournalFact = z.infer<typeof Fact>;

/** What a pod remembers of one run. */
export interface RunMemory {
  readonly lastRound: number;
  /** Sums this pod has released shares for. */
  readonly spent: ReadonlySet<string>;
  /** Whether the site's own metrics have gone out; once a run is enough. */
  readonly sharedMetrics: boolean;
}

interface Remembered {
  lastRound: number;
  spent: Set<string>;
  sharedMetrics: boolean;
}

/** Lines after which the file is written anew with what still matters. */
const COMPACT_ABOVE = 10_000;

/** `sums.jsonl` in the pod's state folder. */
export class SumJournal {
  readonly #path: string;
  readonly #file: LineFile;
  readonly #runs = new Map<string, Remembered>();
  /** Cohorts of released sums by what was summed, each once. */
  readonly #cohorts = new Map<string, Map<string, readonly string[]>>();

  /**
   * Reads what is there.
   * @throws KonsilError FILE_WRITE_FAILED when the folder or file cannot be written, DATA_INVALID naming the line when it
   *   cannot be read: a pod that does not know what it has released must not go on.
   */
  constructor(folder: string) {
    this.#path = join(folder, 'sums.jsonl');
    this.#file = new LineFile(this.#path, 'a pod that cannot record what it releases does not release it');
    const lines = this.#file.lines();
    for (const [i, line] of lines.entries()) this.#take(this.#parse(line, i + 1));
    if (lines.length > COMPACT_ABOVE) this.#compact();
  }

  /** @param run - Coordinator's id and run. */
  memoryOf(run: string): RunMemory {
    return this.#runs.get(run) ?? { lastRound: -1, spent: new Set(), sharedMetrics: false };
  }

  /** Writes a fact down and on disk before it returns. @throws KonsilError FILE_WRITE_FAILED: do not send what it is about. */
  append(fact: JournalFact): void {
    this.#file.append(fact);
    this.#take(fact);
  }

  /**
   * Whether this pod released the same input before over a cohort so similar that the difference of the two sums would
   * be that of too few pods: fewer than two honest ones when `colluding` of them may be none.
   * @returns the error to refuse with, or null.
   */
  objection(input: string, survivors: readonly string[], colluding: number): KonsilError | null {
    for (const earlier of this.#cohorts.get(input)?.values() ?? []) {
      const [before, now] = [new Set(earlier), new Set(survivors)];
      const apart = [...earlier.filter((pod) => !now.has(pod)), ...survivors.filter((pod) => !before.has(pod))];
      if (apart.length === 0 || apart.length >= colluding + 2) continue;
      return new KonsilError(
        'COHORT_TOO_CLOSE',
        `this pod has added the same numbers to a sum before; compared with that one, ${apart.join(', ')} ${apart.length === 1 ? 'is' : 'are'} in one of the two only, and the difference would show ${apart.length === 1 ? "that pod's" : 'theirs'}. Updates of a run with another seed are other numbers`,
        { pods: apart.join(',') },
      );
    }
    return null;
  }

  /** From now on nothing is written. */
  close(): void {
    this.#file.close();
  }

  #parse(line: string, number: number): JournalFact {
    try {
      return Fact.parse(JSON.parse(line));
    } catch (cause) {
      throw new KonsilError(
        'DATA_INVALID',
        `${this.#path}:${number}: not a line of the pod's journal of sums; without it the pod does not know what it has released. Restore the file, or remove it when all modellers it served are trusted not to ask twice`,
        { file: this.#path, line: number },
        { cause },
      );
    }
  }

  #take(fact: JournalFact): void {
    const memory = this.#runs.get(fact.run) ?? { lastRound: -1, spent: new Set(), sharedMetrics: false };
    this.#runs.set(fact.run, memory);
    if (fact.fact === 'metrics') memory.sharedMetrics = true;
    else memory.lastRound = Math.max(memory.lastRound, fact.round);
    if (fact.fact !== 'sum' || fact.stage !== 'released') return;
    memory.spent.add(fact.sum);
    const cohorts = this.#cohorts.get(fact.input) ?? new Map<string, readonly string[]>();
    this.#cohorts.set(fact.input, cohorts.set(fact.survivors.join(), fact.survivors));
  }

  /** One line a run and sum; atomically, so that a power cut leaves the old file or the new one. */
  #compact(): void {
    const facts: JournalFact[] = [];
    for (const [run, { lastRound, spent, sharedMetrics }] of this.#runs) {
      facts.push({ fact: 'round', run, round: lastRound });
      if (sharedMetrics) facts.push({ fact: 'metrics', run });
      const sum = { fact: 'sum', run, round: lastRound, attempt: 0, stage: 'released', survivors: [] } as const;
      for (const key of spent) facts.push({ ...sum, survivors: [], sum: key, input: '' });
    }
    for (const [input, cohorts] of this.#cohorts)
      for (const survivors of cohorts.values())
        if (input !== '')
          facts.push({
            ...{ fact: 'sum', run: '', sum: '', round: -1, attempt: 0, stage: 'released', input },
            survivors: [...survivors],
          });
    this.#file.replace(facts);
  }
}
