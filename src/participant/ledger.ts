/**
 * The site's own record of what ran: one JSON line per fact, appended and flushed, never rewritten. No data, no metric.
 * @module
 */
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { KonsilError, messageOf } from '../base/index.ts';

/** One line of the ledger. */
export interface LedgerEntry {
  readonly event: 'accepted' | 'rejected' | 'round' | 'completed' | 'aborted';
  readonly run: string;
  readonly modeller: string;
  readonly dataset?: string;
  readonly detail?: string;
  readonly sentBytes?: number;
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
    });
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
