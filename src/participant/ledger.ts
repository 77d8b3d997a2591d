/**
 * The site's own record of what ran: one JSON line per fact, appended and flushed, never rewritten. No data, no metric.
 * @module
 */
import { join } from 'node:path';
import { type CountedEvent, readEvents } from '../aggregation/index.ts';
import { KonsilError } from '../base/index.ts';
import { LineFile } from './lineFile.ts';

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
  readonly #path: string;
  readonly #file: LineFile;

  /** @throws KonsilError FILE_WRITE_FAILED when the folder cannot be made or the file cannot be written. */
  constructor(folder: string) {
    this.#path = join(folder, 'ledger.jsonl');
    this.#file = new LineFile(this.#path, 'a pod that cannot record what it runs does not run it');
  }

  /**
   * Everything released about a unit of `dataset` under differential privacy, in all runs.
   * @throws KonsilError CONFIG_INVALID when the file was damaged: what cannot be read may not count as unspent.
   */
  privacyEvents(dataset: string, unit: PrivacyUnit): CountedEvent[] {
    return this.#file.lines().flatMap((line, i) => {
      try {
        const entry = JSON.parse(line) as LedgerEntry;
        const isAsked = entry.event === 'privacy' && entry.dataset === dataset && entry.unit === unit;
        return isAsked ? readEvents(entry.privacy) : [];
      } catch (cause) {
        throw new KonsilError(
          'CONFIG_INVALID',
          `${this.#path}:${i + 1}: not a line of a ledger; what this site has spent is not known`,
          { line: i + 1 },
          { cause },
        );
      }
    });
  }

  /** @throws KonsilError FILE_WRITE_FAILED: a site that cannot record what runs must not run it. */
  append(entry: LedgerEntry): void {
    this.#file.append({ at: new Date().toISOString(), ...entry });
  }
}
