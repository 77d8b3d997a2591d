/**
 * The run's folder: everything needed to audit it. Events are appended as they happen; files are written beside their
 * final name and renamed, so a crash or a full disk never leaves half a model under a good name.
 * @module
 */
import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { KonsilError, messageOf } from '../base/index.ts';

/** One run's folder on disk. */
export class RunFolder {
  readonly path: string;

  /** @throws KonsilError FILE_WRITE_FAILED naming the folder. */
  constructor(runs: string, runId: string) {
    this.path = join(runs, runId);
    guard(this.path, () => mkdirSync(this.path, { recursive: true }));
  }

  /** Absolute path of a file of the run. */
  file(name: string): string {
    return join(this.path, name);
  }

  /** Writes a whole file; sub-folders are made. @throws KonsilError FILE_WRITE_FAILED naming the file. */
  write(name: string, content: string | Uint8Array): string {
    const file = this.file(name);
    const next = `${file}.next`;
    guard(file, () => {
      mkdirSync(dirname(file), { recursive: true });
      try {
        writeFileSync(next, content, { flush: true });
        renameSync(next, file);
      } catch (error) {
        rmSync(next, { force: true });
        throw error;
      }
    });
    return file;
  }

  /** Appends one JSON line. @throws KonsilError FILE_WRITE_FAILED naming the file. */
  append(name: string, line: unknown): void {
    const file = this.file(name);
    guard(file, () => appendFileSync(file, `${JSON.stringify(line)}\n`));
  }
}

function guard(file: string, action: () => void): void {
  try {
    action();
  } catch (cause) {
    throw new KonsilError(
      'FILE_WRITE_FAILED',
      `${file}: ${messageOf(cause)}; nothing written before is lost`,
      { file },
      { cause },
    );
  }
}
