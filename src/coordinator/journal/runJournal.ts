/**
 * What a coordinator must not forget: an SQLite file in the run's folder (write-ahead log, flushed on every commit). A fact is
 * on disk before it has an effect, so a coordinator that was killed goes on where it was:
 *
 * - `agreed`: what the pods were asked to run, once they were;
 * - `state`: where the run is, written at the end of each round and wherever else something must not be decided twice;
 * - the log of the sum that is under way: its request, then every message and decision that changed it, in order.
 *   Replayed through the same pure state machine they make the same sum.
 *
 * Large vectors are files beside it, see {@link VectorFiles}.
 * @module
 */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'libsql';
import { KonsilError, messageOf } from '../../base/index.ts';
import type { LocalTask } from '../../tasks/index.ts';
import type { MemberState } from '../events.ts';
import { bytesFromJson, bytesToJson } from './bytesJson.ts';
import { VectorFiles } from './vectorFiles.ts';

const VERSION = 1;
const FOLDER = 'journal';
const FILE = 'run.db';

/** How a run stands. `running` in the journal of a process that is gone means that it was interrupted. */
export type RunStatus = 'running' | 'paused' | 'complete' | 'aborted' | 'cancelled';

/** What a run is, from its first moment. */
export interface RunHead {
  readonly run: string;
  readonly task: LocalTask;
  /** The modeller's identity: only it can go on with the run. */
  readonly modeller: string;
  readonly startedAt: string;
}

/** How a pod stands in the run. */
export interface JournalledMember {
  readonly pod: string;
  readonly state: MemberState;
  readonly reason: string;
}

/** Names of facts that are kept once each. */
type FactName = 'head' | 'status' | 'agreed' | 'state' | 'version';

/** The journal of one run. Every method but reading throws FILE_WRITE_FAILED when the disk does not take it. */
export class RunJournal {
  readonly #db: Database.Database;
  readonly #file: string;
  readonly vectors: VectorFiles;
  #isClosed = false;

  private constructor(file: string, db: Database.Database) {
    this.#file = file;
    this.#db = db;
    this.vectors = new VectorFiles(dirname(file));
  }

  /** Begins the journal of a run in its folder. */
  static create(folder: string, head: RunHead): RunJournal {
    const journal = RunJournal.#connect(folder, true);
    journal.#commit(() => {
      journal.#put('version', VERSION);
      journal.#put('head', head);
      journal.#put('status', { status: 'running', reason: '' });
    });
    return journal;
  }

  /**
   * @throws KonsilError FILE_NOT_FOUND when there is no journal in `folder`, DATA_INVALID naming the file when it cannot be
   *   read.
   */
  static open(folder: string): RunJournal {
    const file = join(folder, FOLDER, FILE);
    if (!existsSync(file))
      throw new KonsilError('FILE_NOT_FOUND', `${folder}: no run to go on with (${file} is not there)`, { file });
    const journal = RunJournal.#connect(folder, false);
    if (journal.#get('version') !== VERSION || journal.#get('head') === null) {
      journal.close();
      throw new KonsilError('DATA_INVALID', `${file}: not the journal of a run, or of another version of Konsil`, {
        file,
      });
    }
    return journal;
  }

  static #connect(folder: string, isNew: boolean): RunJournal {
    const file = join(folder, FOLDER, FILE);
    try {
      if (isNew) mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      const db = new Database(file);
      db.pragma('journal_mode = WAL');
      db.pragma('synchronous = FULL');
      // released shares are in the log while a sum is under way
      db.pragma('secure_delete = ON');
      db.exec(`
        CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
        CREATE TABLE IF NOT EXISTS members (pod TEXT PRIMARY KEY, value TEXT NOT NULL);
        CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY, entry TEXT NOT NULL);`);
      return new RunJournal(file, db);
    } catch (cause) {
      const code = isNew ? 'FILE_WRITE_FAILED' : 'DATA_INVALID';
      throw new KonsilError(code, `${file}: ${messageOf(cause)}`, { file }, { cause });
    }
  }

  get head(): RunHead {
    return this.#get('head') as RunHead;
  }

  get status(): { readonly status: RunStatus; readonly reason: string } {
    return this.#get('status') as { status: RunStatus; reason: string };
  }

  setStatus(status: RunStatus, reason: string): void {
    this.#commit(() => this.#put('status', { status, reason }));
  }

  /** As it was written by {@link setAgreed}; null when nothing was. */
  agreed(): unknown {
    return (this.#get('agreed') as { agreed: unknown } | null)?.agreed ?? null;
  }

  /** @param keep - Ids of the vectors that `agreed` needs, as long as there is a run. */
  setAgreed(agreed: unknown, keep: readonly string[]): void {
    this.#commit(() => this.#put('agreed', { agreed, keep }));
  }

  /** As it was written by {@link checkpoint}; null when nothing was. */
  state(): unknown {
    return this.#get('state');
  }

  /**
   * Where the run is. The sum that was under way is over: its log and all vectors but those of `keep` go.
   * @param keep - Ids of the vectors that `state` needs.
   */
  checkpoint(state: unknown, keep: Iterable<string>): void {
    this.#commit(() => {
      this.#put('state', state);
      this.#db.prepare('DELETE FROM log').run();
    });
    const always = (this.#get('agreed') as { keep: string[] } | null)?.keep ?? [];
    this.vectors.prune(new Set([...keep, ...always, FILE, `${FILE}-wal`, `${FILE}-shm`]));
  }

  /** Begins the log of a sum, and ends that of the one before. @param state - Which must never use the sum's round again. */
  beginSum(state: unknown, request: unknown): void {
    this.#commit(() => {
      this.#put('state', state);
      this.#db.prepare('DELETE FROM log').run();
      this.#append(request);
    });
  }

  /** Adds to the log of the sum that is under way. */
  log(entry: unknown): void {
    this.#commit(() => this.#append(entry));
  }

  /** The log of the sum that was under way; empty when there was none. */
  entries(): unknown[] {
    const rows = this.#read(() => this.#db.prepare('SELECT entry FROM log ORDER BY seq').all()) as { entry: string }[];
    return rows.map(({ entry }) => this.#parse(entry));
  }

  setMember(member: JournalledMember): void {
    this.#commit(() =>
      this.#db
        .prepare('INSERT OR REPLACE INTO members (pod, value) VALUES (?, ?)')
        .run([member.pod, bytesToJson(member)]),
    );
  }

  members(): JournalledMember[] {
    const rows = this.#read(() => this.#db.prepare('SELECT value FROM members').all()) as { value: string }[];
    return rows.map(({ value }) => this.#parse(value) as JournalledMember);
  }

  /** Nothing is written any more: what a process does after it was halted must not count. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#db.close();
  }

  #append(entry: unknown): void {
    this.#db.prepare('INSERT INTO log (entry) VALUES (?)').run([bytesToJson(entry)]);
  }

  #put(name: FactName, value: unknown): void {
    this.#db.prepare('INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)').run([name, bytesToJson(value)]);
  }

  #get(name: FactName): unknown {
    const row = this.#read(() => this.#db.prepare('SELECT value FROM facts WHERE name = ?').get([name])) as
      | { value: string }
      | undefined;
    return row ? this.#parse(row.value) : null;
  }

  #parse(text: string): unknown {
    return this.#read(() => bytesFromJson(text));
  }

  #read<T>(action: () => T): T {
    try {
      return action();
    } catch (cause) {
      throw new KonsilError('DATA_INVALID', `${this.#file}: ${messageOf(cause)}`, { file: this.#file }, { cause });
    }
  }

  #commit(action: () => void): void {
    if (this.#isClosed) throw new KonsilError('RUN_INTERRUPTED', 'the run was stopped where it is');
    try {
      this.#db.transaction(action)();
    } catch (cause) {
      throw new KonsilError(
        'FILE_WRITE_FAILED',
        `${this.#file}: ${messageOf(cause)}; nothing written before is lost`,
        { file: this.#file },
        { cause },
      );
    }
  }
}
