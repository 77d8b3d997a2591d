/**
 * The site's own record of what ran: one JSON line per fact, appended and flushed, never rewritten. No data, no metric.
 * @module
 */
import { appendFileSync, mkdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { type CountedEvent, readEvents } from '../aggregation/index.ts';
import { KonsilError, messageOf } from '../base/index.ts';

/** Whom differential privacy protects. */
export type PrivacyUnit = 'site' | 'record';

/** One line of the ledger. */
export interface LedgerEntry {
  readonly event: 'accepted' | 'rejected' | 'round' | 'privacy' | 'completed' | 'aborted';
  readonly run: string;
  readonly modeller: string;
  readonly dataset?: string;
  readonly detail?: string;
  readonly sentBytes?: number;
  /** Whose account `privacy` is for: the site as a whole, or each row. */
  readonly unit?: PrivacyUnit;
  /** What a release costs, for the account of its dataset. */
  readonly privacy?: readonly CountedEvent[];
}

/** Appends to `ledger.jsonl` in the pod's state folder. */
export class Ledger {
  readonly #file: string;

  /** @throws KonsilError FILE_WRITE_FAILED when the folder cannot be made or the file cannot be written. */
  constructor(folder: string) {
    this.#file = join(folder, 'ledger.jsonl');
    this.#write(() => {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      appendFileSync(this.#file, '', { mode: 0o600 });
      this.#cutTornLine();
    });
  }

  /**
   * Everything released about a unit of `dataset` under differential privacy, in all runs.
   * @throws KonsilError CONFIG_INVALID when the file was damaged: what cannot be read may not count as unspent.
   */
  privacyEvents(dataset: string, unit: PrivacyUnit): CountedEvent[] {
    const lines = readFileSync(this.#file, 'utf8').split('\n');
    return lines.flatMap((line, i) => {
      if (line === '') return [];
      try {
        const entry = JSON.parse(line) as LedgerEntry;
        const isAsked = entry.event === 'privacy' && entry.dataset === dataset && entry.unit === unit;
        return isAsked ? readEvents(entry.privacy) : [];
      } catch (cause) {
        throw new KonsilError(
          'CONFIG_INVALID',
          `${this.#file}:${i + 1}: not a line of a ledger; what this site has spent is not known`,
          { line: i + 1 },
          { cause },
        );
      }
    });
  }

  /** A line without its end was being written in a power cut; what it was to say has not happened. */
  #cutTornLine(): void {
    const bytes = readFileSync(this.#file);
    const whole = bytes.lastIndexOf(10) + 1;
    if (whole < bytes.length) truncateSync(this.#file, whole);
  }

  /** @throws KonsilError FILE_WRITE_FAILED: a site that cannot record what runs must not run it. */
  append(entry: LedgerEntry): void {
    const line = `${JSON.stringify({ at: new Date().toISOString(), ...entry })}\n`;
    this.#write(() => appendFileSync(this.#file, line, { mode: 0o600, flush: true }));
  }

  #write(action: () => void): void {
    try {
      action();
    } catch (cause) {
      throw new KonsilError(
        'FILE_WRITE_FAILED',
        `${this.#file}: ${messageOf(cause)}; a pod that cannot record what it runs does not run it`,
        { file: this.#file },
        { cause },
      );
    }
  }
}
