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

  show({ unit, done, total, secondsLeft }: ScanProgress): void {
    const now = performance.now();
    if (!this.#stream.isTTY || now - this.#last < EVERY_MS) return;
    this.#last = now;
    const what =
      unit === 'bytes'
        ? `fetching the file: ${(done / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`
        : `${unit === 'images' ? 'decoding images' : 'reading files'}: ${done} of ${total}`;
    this.#stream.write(`\r\u001b[K${what}, about ${Math.ceil(secondsLeft)} s left`);
  }

  clear(): void {
    if (this.#stream.isTTY && this.#last > 0) this.#stream.write('\r\u001b[K');
  }
}
