/**
 * Random 32-bit words out of a byte source, fetched in blocks: one call to the system's generator per word would cost
 * more than all the rest of a sampler.
 * @module
 */
import { type RandomBytes, wipe } from '../../crypto/index.ts';

const BLOCK_WORDS = 8_192;

/** A stream of uniform words; the same bytes give the same words. Words are secret, and wiped as they are used up. */
export class RandomWords {
  readonly #randomBytes: RandomBytes;
  #words = new Uint32Array(0);
  #at = 0;

  constructor(randomBytes: RandomBytes) {
    this.#randomBytes = randomBytes;
  }

  /** Uniform integer in [0, 2^32). */
  next(): number {
    if (this.#at === this.#words.length) this.#refill();
    return this.#words[this.#at++]!;
  }

  /** Uniform integer in [0, limit). @param limit - Integer in [1, 2^32]. */
  below(limit: number): number {
    if (limit === 1) return 0;
    const mask = 0xffffffff >>> Math.clz32(limit - 1);
    for (;;) {
      const value = (this.next() & mask) >>> 0;
      if (value < limit) return value;
    }
  }

  /** Overwrites what was fetched and not used. */
  wipe(): void {
    this.#words.fill(0);
    this.#at = this.#words.length;
  }

  #refill(): void {
    const bytes = this.#randomBytes(4 * BLOCK_WORDS);
    if (this.#words.length === 0) this.#words = new Uint32Array(BLOCK_WORDS);
    new Uint8Array(this.#words.buffer).set(bytes);
    wipe(bytes);
    this.#at = 0;
  }
}
