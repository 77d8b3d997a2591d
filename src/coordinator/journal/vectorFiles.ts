/**
 * Large byte strings of a run on disk, each under its SHA-256: parameters of a round, masked vectors that have arrived. A
 * name promises its content, and a reader checks the promise.
 * @module
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { KonsilError, messageOf, toHex } from '../../base/index.ts';
import { sha256 } from '../../crypto/index.ts';
import type { BlobRef } from '../../wire/index.ts';

/** One folder of such files. */
export class VectorFiles {
  readonly #folder: string;

  /** @throws KonsilError FILE_WRITE_FAILED naming the folder. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#guard(folder, () => mkdirSync(folder, { recursive: true, mode: 0o700 }));
  }

  /** Writes `bytes`, on disk before it returns. @throws KonsilError FILE_WRITE_FAILED naming the file. */
  put(bytes: Uint8Array): BlobRef {
    const ref = { id: toHex(sha256(bytes)), bytes: bytes.length };
    const file = this.#file(ref.id);
    // a file of this name and length is the one; a shorter one was cut off by a full disk or a power cut
    if (statSync(file, { throwIfNoEntry: false })?.size === bytes.length) return ref;
    this.#guard(file, () => {
      try {
        writeFileSync(file, bytes, { mode: 0o600, flush: true });
        this.#flushFolder();
      } catch (error) {
        rmSync(file, { force: true });
        throw error;
      }
    });
    return ref;
  }

  /** @throws KonsilError DATA_INVALID naming the file when it is missing or not what was written. */
  get(id: string): Uint8Array {
    const file = this.#file(id);
    let bytes: Uint8Array;
    try {
      bytes = new Uint8Array(readFileSync(file));
    } catch (cause) {
      throw new KonsilError(
        'DATA_INVALID',
        `${file}: ${messageOf(cause)}; the run cannot go on without it`,
        { file },
        { cause },
      );
    }
    if (toHex(sha256(bytes)) !== id)
      throw new KonsilError('DATA_INVALID', `${file}: does not hash to its name; the run cannot go on without it`, {
        file,
      });
    return bytes;
  }

  /** Deletes all files but those of `keep`. */
  prune(keep: ReadonlySet<string>): void {
    for (const name of readdirSync(this.#folder))
      if (!keep.has(name.replace(/\.bin$/, ''))) rmSync(join(this.#folder, name), { force: true });
  }

  #file(id: string): string {
    return join(this.#folder, `${id}.bin`);
  }

  /** Without it a power cut can leave the content without its name. Not every file system lets a folder be opened. */
  #flushFolder(): void {
    let folder: number;
    try {
      folder = openSync(this.#folder, 'r');
    } catch {
      return;
    }
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  }

  #guard(file: string, action: () => void): void {
    try {
      action();
    } catch (cause) {
      throw new KonsilError(
        'FILE_WRITE_FAILED',
        `${file}: ${messageOf(cause)}; the run stops before anything depends on it`,
        { file },
        { cause },
      );
    }
  }
}
