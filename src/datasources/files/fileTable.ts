/**
 * What files said of themselves when they were read, kept in an SQLite file beside the pod's state: a file that has not
 * changed since is not read again. Pixels are not in it. It holds what the files hold, patients' names among it, so it
 * stays where the data is and only its owner may read it.
 * @module
 */
import { createHmac, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'libsql';
import { KonsilError, messageOf } from '../../base/index.ts';
import type { Cell } from '../dataSource.ts';
import type { FileFacts } from './filters.ts';

const VERSION = 1;

/** A record of a file as it is kept. */
export interface StoredRecord {
  readonly columns: Readonly<Record<string, Cell>>;
  readonly frames: number;
  /** The same for all records of a patient: a hash with a key that is in this file and nowhere else. */
  readonly patient: string | null;
}

/** A record as it was read. */
export interface ReadRecord extends Omit<StoredRecord, 'patient'> {
  readonly patient?: string | undefined;
}

interface RecordRow {
  readonly record: number;
  readonly frames: number;
  readonly patient: string | null;
  readonly columns: string;
}

interface FileRow {
  readonly id: number;
  readonly bytes: number;
  readonly modified: number;
  readonly failure: string | null;
}

/** A file that is known. */
export interface KnownFile {
  readonly id: number;
  /** Why it could not be read. */
  readonly failure: string | null;
}

export class FileTable {
  readonly #db: Database.Database;
  readonly #key: Buffer;
  readonly #find: Database.Statement;
  readonly #records: Database.Statement;
  readonly #one: Database.Statement;

  private constructor(db: Database.Database) {
    this.#db = db;
    db.exec(`CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value BLOB) STRICT;
      CREATE TABLE IF NOT EXISTS files (id INTEGER PRIMARY KEY, path TEXT UNIQUE NOT NULL, bytes INTEGER NOT NULL,
        modified REAL NOT NULL, created REAL NOT NULL, failure TEXT) STRICT;
      CREATE TABLE IF NOT EXISTS records (file INTEGER NOT NULL, record INTEGER NOT NULL, frames INTEGER NOT NULL,
        patient TEXT, columns TEXT NOT NULL, PRIMARY KEY (file, record)) STRICT, WITHOUT ROWID;`);
    const put = db.prepare('INSERT OR IGNORE INTO facts VALUES (?, ?)');
    put.run('key', randomBytes(32));
    this.#key = (db.prepare('SELECT value FROM facts WHERE name = ?').get('key') as { value: Buffer }).value;
    this.#find = db.prepare('SELECT id, bytes, modified, failure FROM files WHERE path = ?');
    this.#records = db.prepare('SELECT record, frames, patient, columns FROM records WHERE file = ? ORDER BY record');
    this.#one = db.prepare('SELECT record, frames, patient, columns FROM records WHERE file = ? AND record = ?');
  }

  /**
   * Opens the table, or makes it. One that was made by another version, for another folder or another kind of files is
   * emptied.
   * @param file - Undefined keeps it in memory.
   * @param about - What the records depend on besides the files.
   * @throws KonsilError FILE_WRITE_FAILED
   */
  static open(file: string | undefined, about: string): FileTable {
    try {
      if (file !== undefined) mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      const db = new Database(file ?? ':memory:');
      db.pragma('journal_mode = WAL');
      const table = new FileTable(db);
      if (file !== undefined) chmodSync(file, 0o600);
      table.#reset(`${VERSION} ${about}`);
      return table;
    } catch (cause) {
      throw new KonsilError(
        'FILE_WRITE_FAILED',
        `${file}: cannot be used as a cache: ${messageOf(cause)}`,
        {},
        { cause },
      );
    }
  }

  #reset(about: string): void {
    const found = this.#db.prepare('SELECT value FROM facts WHERE name = ?').get('about') as
      | { value: Buffer }
      | undefined;
    if (found !== undefined && Buffer.from(found.value).toString() === about) return;
    this.#db.exec('DELETE FROM records; DELETE FROM files');
    this.#db.prepare('INSERT OR REPLACE INTO facts VALUES (?, ?)').run('about', Buffer.from(about));
  }

  /** The file as it was last read; undefined when it is new or has changed. */
  find({ path, bytes, modifiedMs }: FileFacts): KnownFile | undefined {
    const row = this.#find.get(path) as FileRow | undefined;
    if (row === undefined || row.bytes !== bytes || row.modified !== modifiedMs) return undefined;
    return { id: row.id, failure: row.failure };
  }

  /** Keeps what a file said, or why it could not be read. @returns its number */
  put(file: FileFacts, read: readonly ReadRecord[], failure: string | null = null): number {
    return this.#db.transaction(() => {
      const old = this.#find.get(file.path) as FileRow | undefined;
      if (old !== undefined) {
        this.#db.prepare('DELETE FROM records WHERE file = ?').run(old.id);
        this.#db.prepare('DELETE FROM files WHERE id = ?').run(old.id);
      }
      const { lastInsertRowid } = this.#db
        .prepare('INSERT INTO files (path, bytes, modified, created, failure) VALUES (?, ?, ?, ?, ?)')
        .run(file.path, file.bytes, file.modifiedMs, file.createdMs, failure);
      const id = Number(lastInsertRowid);
      const insert = this.#db.prepare('INSERT INTO records VALUES (?, ?, ?, ?, ?)');
      for (const [i, { frames, patient, columns }] of read.entries())
        insert.run(id, i, frames, patient === undefined ? null : this.#hash(patient), JSON.stringify(columns));
      return id;
    })();
  }

  /** A known file. @throws RangeError when there is none. */
  facts(file: number): FileFacts {
    const row = this.#db.prepare('SELECT path, bytes, modified, created FROM files WHERE id = ?').get(file) as
      | { readonly path: string; readonly bytes: number; readonly modified: number; readonly created: number }
      | undefined;
    if (row === undefined) throw new RangeError(`no file ${file}`);
    return { path: row.path, bytes: row.bytes, modifiedMs: row.modified, createdMs: row.created };
  }

  /** All records of a file. */
  records(file: number): StoredRecord[] {
    return (this.#records.all(file) as RecordRow[]).map(storedRecord);
  }

  /** One record. @throws RangeError when there is none. */
  record(file: number, record: number): StoredRecord {
    const row = this.#one.get(file, record) as RecordRow | undefined;
    if (row === undefined) throw new RangeError(`no record ${record} of file ${file}`);
    return storedRecord(row);
  }

  close(): void {
    this.#db.close();
  }

  #hash(patient: string): string {
    return createHmac('sha256', this.#key).update(patient).digest('base64url');
  }
}

function storedRecord({ frames, patient, columns }: RecordRow): StoredRecord {
  return { frames, patient, columns: JSON.parse(columns) as Record<string, Cell> };
}
