/**
 * One line on a terminal that says how far the reading of files is.
 * @module
 */
import type { ScanProgress } from '../../datasources/index.ts';

const EVERY_MS = 200;

export class ScanLine {
  readonly #stream: NodeJS.WriteStream;
  #last = 0;

  /** Writes nothing when `stream` is no terminal. */
  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  show({ done, total, secondsLeft }: ScanProgress): void {
    const now = performance.now();
    if (!this.#stream.isTTY || now - this.#last < EVERY_MS) return;
    this.#last = now;
    this.#stream.write(`\r\u001b[Kreading files: ${done} of ${total}, about ${Math.ceil(secondsLeft)} s left`);
  }

  clear(): void {
    if (this.#stream.isTTY && this.#last > 0) this.#stream.write('\r\u001b[K');
  }
}
