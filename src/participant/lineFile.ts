/**
 * A file of JSON lines that is appended to and survives power cuts: a line is on disk before `append` returns, or it is
 * not there at all.
 * @module
 */
import { appendFileSync, mkdirSync, readFileSync, renameSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { KonsilError, messageOf } from '../base/index.ts';

const NEWLINE = 10;

/** One such file. All methods throw FILE_WRITE_FAILED naming the file. */
export class LineFile {
  readonly #path: string;
  readonly #consequence: string;
  #isClosed = false;

  /**
   * Makes the file and its folder, readable by the owner only. A last line without its end was being written in a power
   * cut; what it was to say has not happened, and it is cut off.
   * @param consequence - What a failure to write means, as the end of an error message.
   */
  constructor(path: string, consequence: string) {
    this.#path = path;
    this.#consequence = consequence;
    this.#guard(() => {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      appendFileSync(path, '', { mode: 0o600 });
      const bytes = this.#read();
      const whole = bytes.lastIndexOf(NEWLINE) + 1;
      if (whole < bytes.length) truncateSync(path, whole);
    });
  }

  /** Every line; the first is number 1. */
  lines(): string[] {
    return this.#guard(() => this.#read().toString('utf8').split('\n').slice(0, -1));
  }

  /** The bytes that a file of this size has: a device in its place could be read for ever. */
  #read(): Buffer {
    return statSync(this.#path).size === 0 ? Buffer.alloc(0) : readFileSync(this.#path);
  }

  /** From now on nothing is written: what tries to fails, as after a power cut. */
  close(): void {
    this.#isClosed = true;
  }

  append(value: unknown): void {
    this.appendText(JSON.stringify(value));
  }

  /** @param text - One line, without its end. */
  appendText(text: string): void {
    this.#guard(() => {
      this.#checkOpen();
      const { size } = statSync(this.#path);
      try {
        appendFileSync(this.#path, `${text}\n`, { mode: 0o600, flush: true });
      } catch (error) {
        // half a line, on a full disk, would spoil the next one
        if (statSync(this.#path).size > size) truncateSync(this.#path, size);
        throw error;
      }
    });
  }

  /** Puts `values` in the place of all lines, atomically: a power cut leaves the old file or the new one. */
  replace(values: readonly unknown[]): void {
    this.#guard(() => {
      this.#checkOpen();
      const next = `${this.#path}.next`;
      writeFileSync(next, values.map((value) => `${JSON.stringify(value)}\n`).join(''), { mode: 0o600, flush: true });
      renameSync(next, this.#path);
    });
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new Error('closed');
  }

  #guard<T>(action: () => T): T {
    try {
      return action();
    } catch (cause) {
      throw new KonsilError(
        'FILE_WRITE_FAILED',
        `${this.#path}: ${messageOf(cause)}; ${this.#consequence}`,
        { file: this.#path },
        { cause },
      );
    }
  }
}
