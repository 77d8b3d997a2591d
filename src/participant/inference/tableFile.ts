/**
 * A table that is written line by line: under another name until it is whole, and sorted at the end without being in memory.
 * @module
 */
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'libsql';
import { csvLine, KonsilError, messageOf } from '../../base/index.ts';
import type { ReportCell } from './outputs.ts';
import type { ReportLine } from './reportPlan.ts';

/** Runs `action`. @throws KonsilError FILE_WRITE_FAILED naming the file. */
export function guardFile<T>(file: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new KonsilError('FILE_WRITE_FAILED', `${file}: ${messageOf(cause)}`, { file }, { cause });
  }
}

/** Lines kept on disk, to be read in another order. */
export class LineSorter {
  readonly #file: string;
  readonly #db: Database.Database;
  readonly #ascending: readonly boolean[];
  readonly #insert: Database.Statement;

  /** @param file - Made anew, and gone after {@link close}. */
  constructor(file: string, ascending: readonly boolean[]) {
    this.#file = file;
    this.#ascending = ascending;
    [this.#db, this.#insert] = guardFile(file, () => {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      rmSync(file, { force: true });
      const db = new Database(file);
      chmodSync(file, 0o600);
      db.pragma('journal_mode = OFF');
      const keys = ascending.map((_, i) => `, k${i} ANY`).join('');
      db.exec(`CREATE TABLE lines (place INTEGER PRIMARY KEY, cells TEXT NOT NULL${keys}) STRICT`);
      const values = ascending.map(() => ', ?').join('');
      return [db, db.prepare(`INSERT INTO lines VALUES (NULL, ?${values})`)] as const;
    });
  }

  add(lines: readonly ReportLine[]): void {
    guardFile(this.#file, () =>
      this.#db.transaction(() => {
        for (const { cells, sortBy } of lines)
          this.#insert.run(
            JSON.stringify(cells),
            ...sortBy.map((cell) => (typeof cell === 'boolean' ? Number(cell) : cell)),
          );
      })(),
    );
  }

  /** All lines, sorted; those with equal keys as they came, those without a key last. */
  *lines(): Iterable<readonly ReportCell[]> {
    const order = this.#ascending.map((up, i) => `k${i} ${up ? 'ASC' : 'DESC'} NULLS LAST, `).join('');
    const all = this.#db.prepare(`SELECT cells FROM lines ORDER BY ${order}place`);
    for (const row of all.iterate()) yield JSON.parse((row as { cells: string }).cells) as ReportCell[];
  }

  close(): void {
    this.#db.close();
    rmSync(this.#file, { force: true });
  }
}

/** One CSV file, readable by its owner only. */
export class TableFile {
  readonly #path: string;
  readonly #part: string;
  readonly #handle: number;
  readonly #sorter: LineSorter | null;
  #isOpen = true;

  /** @param ascending - Of each key that lines are sorted by; without keys they stay in their order. */
  constructor(path: string, columns: readonly string[], ascending: readonly boolean[]) {
    this.#path = path;
    this.#part = `${path}.part`;
    this.#handle = guardFile(path, () => {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      rmSync(this.#part, { force: true });
      return openSync(this.#part, 'wx', 0o600);
    });
    this.#sorter = ascending.length > 0 ? new LineSorter(`${path}.sort`, ascending) : null;
    this.#write(csvLine(columns));
  }

  add(lines: readonly ReportLine[]): void {
    if (this.#sorter) this.#sorter.add(lines);
    else this.#write(lines.map(({ cells }) => csvLine(cells)).join(''));
  }

  /** Makes the file whole. @returns its path. @throws KonsilError FILE_WRITE_FAILED */
  finish(path = this.#path): string {
    if (this.#sorter) for (const cells of this.#sorter.lines()) this.#write(csvLine(cells));
    guardFile(path, () => {
      fsyncSync(this.#handle);
      this.#close();
      renameSync(this.#part, path);
    });
    return path;
  }

  /** Leaves what there is under a name that says so. */
  leave(): string {
    return this.finish(this.#path.replace(/(\.csv)?$/, '_partial.csv'));
  }

  #close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.#handle);
    this.#sorter?.close();
  }

  #write(text: string): void {
    guardFile(this.#path, () => void writeSync(this.#handle, text));
  }
}
