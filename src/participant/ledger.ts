/**
 * The site's own record of what ran: one JSON line per fact, appended and flushed, never rewritten, each line chained to
 * those before it. No data, no metric.
 * @module
 */
import { join } from 'node:path';
import { type CountedEvent, readEvents } from '../aggregation/index.ts';
import { KonsilError, messageOf } from '../base/index.ts';
import { ChainBreak, type CheckedLines, chainLine, checkLines } from './ledgerChain.ts';
import { LineFile } from './lineFile.ts';

/** Whom differential privacy protects. */
export type PrivacyUnit = 'site' | 'record';

/** One line of the ledger. */
export interface LedgerEntry {
  /** `round`: what this pod gave to one sum was opened, or left in the open. `cancelled`: the site left the run for good. `intersection`: a list of people was compared. `inference`: a model is run on rows. `model`: one that was trained on this site's rows alone leaves. `scores`: those of single rows leave. */
  readonly event:
    | 'accepted'
    | 'rejected'
    | 'round'
    | 'privacy'
    | 'intersection'
    | 'inference'
    | 'model'
    | 'scores'
    | 'cancelled'
    | 'completed'
    | 'aborted';
  readonly run: string;
  readonly modeller: string;
  readonly dataset?: string;
  readonly detail?: string;
  /** SHA-256 of the task's JSON and of the model file, of what was accepted; of `inference`, `model` and `scores`: of the model. */
  readonly task?: string;
  readonly model?: string;
  /** Of `inference` and `scores`. */
  readonly rows?: number;
  /** Of `round`: the protocol's number for it, and what was summed. */
  readonly round?: number;
  readonly purpose?: string;
  /** Of `round`: messages and vectors of the round; of a run's end: all that was sent to its coordinator meanwhile. */
  readonly sentBytes?: number;
  /** Whose account `privacy` is for: the site as a whole, or each row. */
  readonly unit?: PrivacyUnit;
  /** What a release costs, for the account of its dataset, and the δ at which that is reckoned. */
  readonly privacy?: readonly CountedEvent[];
  readonly delta?: number;
}

/** Where the ledger is in a pod's state folder. */
export const ledgerFile = (folder: string): string => join(folder, 'ledger.jsonl');

/** Checks a ledger's lines. @throws KonsilError DATA_INVALID naming file and line, and what to do. */
export function checkLedger(file: string, lines: readonly string[]): CheckedLines {
  try {
    return checkLines(lines);
  } catch (cause) {
    if (!(cause instanceof ChainBreak)) throw cause;
    throw broken(file, cause.line, cause.message, cause);
  }
}

function broken(file: string, line: number, what: string, cause: unknown): KonsilError {
  return new KonsilError(
    'DATA_INVALID',
    `${file}:${line}: ${what}. What this site has spent is not known: restore the ledger from a backup; or find out who changed it, move it away and begin a new one, which forgets every privacy budget`,
    { file, line },
    { cause },
  );
}

/** Appends to `ledger.jsonl` in the pod's state folder. */
export class Ledger {
  readonly #file: LineFile;
  #head: string;
  /** By dataset and unit. */
  readonly #privacy = new Map<string, CountedEvent[]>();
  /** Of rows, by modeller and dataset. */
  readonly #modellers = new Map<string, CountedEvent[]>();
  readonly #cancelled = new Set<string>();
  /** Lists compared, by modeller. */
  readonly #lists = new Map<string, number>();
  /** Rows that models were run on, by `model <hash>` and `modeller <name>`. */
  readonly #inferred = new Map<string, number>();

  /**
   * Reads and checks what is there; a ledger from before there were chains is given one from here on.
   * @throws KonsilError FILE_WRITE_FAILED when the folder cannot be made or the file cannot be written, DATA_INVALID naming
   *   the line when it was damaged or altered: what cannot be trusted may not count as unspent.
   */
  constructor(folder: string) {
    const path = ledgerFile(folder);
    this.#file = new LineFile(path, 'a pod that cannot record what it runs does not run it');
    const { entries, heads, unchained } = checkLedger(path, this.#file.lines());
    this.#head = heads.at(-1)!;
    for (const [i, entry] of entries.entries()) {
      try {
        this.#take(entry as unknown as LedgerEntry);
      } catch (cause) {
        throw broken(path, i + 1, messageOf(cause), cause);
      }
    }
    if (unchained > 0 && unchained === entries.length) this.#write({ event: 'adopted', lines: unchained });
  }

  /** The present value of the chain: who notes it down elsewhere can tell later that nothing was removed. */
  get head(): string {
    return this.#head;
  }

  /** Everything released about a unit of `dataset` under differential privacy, in all runs. */
  privacyEvents(dataset: string, unit: PrivacyUnit): readonly CountedEvent[] {
    return this.#privacy.get(`${unit} ${dataset}`) ?? [];
  }

  /** Of these, what this modeller has had of the rows of `dataset`. */
  recordEventsOf(modeller: string, dataset: string): readonly CountedEvent[] {
    return this.#modellers.get(keyOf(modeller, dataset)) ?? [];
  }

  /** Modellers that have had anything of the rows of `dataset`. */
  modellersOf(dataset: string): readonly string[] {
    const keys = [...this.#modellers.keys()].map((key) => JSON.parse(key) as [string, string]);
    return keys.filter(([, name]) => name === dataset).map(([modeller]) => modeller);
  }

  /** Lists that this modeller has had compared. */
  listsOf(modeller: string): number {
    return this.#lists.get(modeller) ?? 0;
  }

  /** Rows that this model was run on, or all models of this modeller. */
  rowsOf(whose: { readonly model: string } | { readonly modeller: string }): number {
    return this.#inferred.get('model' in whose ? `model ${whose.model}` : `modeller ${whose.modeller}`) ?? 0;
  }

  /** Whether the site has left this run for good. */
  hasCancelled(modeller: string, run: string): boolean {
    return this.#cancelled.has(`${modeller} ${run}`);
  }

  /** @throws KonsilError FILE_WRITE_FAILED: a site that cannot record what runs must not run it. */
  append(entry: LedgerEntry): void {
    this.#write(entry);
    this.#take(entry);
  }

  /** From now on nothing is written. */
  close(): void {
    this.#file.close();
  }

  #write(entry: object): void {
    const { line, head } = chainLine(this.#head, JSON.stringify({ at: new Date().toISOString(), ...entry }));
    this.#file.appendText(line);
    this.#head = head;
  }

  #take({ event, run, modeller, dataset, unit, privacy, model, rows = 0 }: LedgerEntry): void {
    if (event === 'inference')
      for (const key of [`model ${model}`, `modeller ${modeller}`])
        this.#inferred.set(key, (this.#inferred.get(key) ?? 0) + rows);
    if (event === 'intersection') this.#lists.set(modeller, this.listsOf(modeller) + 1);
    if (event === 'cancelled') this.#cancelled.add(`${modeller} ${run}`);
    if (event !== 'privacy') return;
    const events = readEvents(privacy);
    addTo(this.#privacy, `${unit} ${dataset}`, events);
    if (unit === 'record') addTo(this.#modellers, keyOf(modeller, dataset ?? ''), events);
  }
}

/** Names may have spaces. */
const keyOf = (modeller: string, dataset: string): string => JSON.stringify([modeller, dataset]);

function addTo(accounts: Map<string, CountedEvent[]>, key: string, events: readonly CountedEvent[]): void {
  const known = accounts.get(key);
  if (known) known.push(...events);
  else accounts.set(key, [...events]);
}
