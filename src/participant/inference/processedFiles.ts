/**
 * Which files a task has been run on at a dataset, and how they were then: in the pod's state, over all runs.
 * @source spec/platform.md §6.
 * @module
 */
import { createHmac, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'libsql';
import { guardFile } from './tableFile.ts';

/** A file as it is now. */
export interface FileState {
  readonly name: string;
  /** Undefined where that cannot be told: then it counts as new. */
  readonly modifiedMs: number | undefined;
}

/** What is known of a file. */
export type Known = 'new' | 'processed' | 'failed';

/** One task at one dataset. */
export class ProcessedFiles {
  readonly #file: string;
  readonly #db: Database.Database;
  readonly #task: string;
  readonly #dataset: string;
  readonly #key: Buffer;

  /**
   * @param state - The pod's state folder.
   * @param task - Says which task it is: the same text, the same task.
   * @throws KonsilError FILE_WRITE_FAILED
   */
  constructor(state: string, task: string, dataset: string) {
    this.#file = join(state, 'processed.sqlite');
    this.#task = task;
    this.#dataset = dataset;
    [this.#db, this.#key] = guardFile(this.#file, () => {
      mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
      const db = new Database(this.#file);
      db.pragma('journal_mode = WAL');
      chmodSync(this.#file, 0o600);
      db.exec(`CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value BLOB) STRICT;
        CREATE TABLE IF NOT EXISTS files (task TEXT NOT NULL, dataset TEXT NOT NULL, name TEXT NOT NULL, modified REAL,
          failed INTEGER NOT NULL, PRIMARY KEY (task, dataset, name)) STRICT, WITHOUT ROWID;`);
      db.prepare('INSERT OR IGNORE INTO facts VALUES (?, ?)').run('key', randomBytes(32));
      const { value } = db.prepare('SELECT value FROM facts WHERE name = ?').get('key') as { value: Buffer };
      return [db, Buffer.from(value)] as const;
    });
  }

  /** Whether the task was run on this file as it is now. */
  find({ name, modifiedMs }: FileState): Known {
    const row = this.#db
      .prepare('SELECT modified, failed FROM files WHERE task = ? AND dataset = ? AND name = ?')
      .get(this.#task, this.#dataset, name) as { modified: number | null; failed: number } | undefined;
    if (row === undefined || modifiedMs === undefined || row.modified === null || modifiedMs > row.modified)
      return 'new';
    return row.failed === 1 ? 'failed' : 'processed';
  }

  /** Writes down what became of files. @throws KonsilError FILE_WRITE_FAILED */
  record(files: readonly FileState[], known: Exclude<Known, 'new'>): void {
    guardFile(this.#file, () => {
      const put = this.#db.prepare('INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)');
      this.#db.transaction(() => {
        for (const { name, modifiedMs } of files)
          put.run(this.#task, this.#dataset, name, modifiedMs ?? null, known === 'failed' ? 1 : 0);
      })();
    });
  }

  /**
   * What a row is called to somebody who must not learn its name: a keyed hash, 32 hexadecimal digits, the same in all runs of the
   * same reader at this dataset. The key does not leave the state folder.
   */
  pseudonym(reader: string, name: string): string {
    const parts = [reader, this.#dataset, name].map((part) => `${Buffer.byteLength(part)}:${part}`).join('');
    return createHmac('sha256', this.#key)
      .update(`konsil/inference/record/v1\u0000${parts}`)
      .digest('hex')
      .slice(0, 32);
  }

  close(): void {
    this.#db.close();
  }
}
