/**
 * One mask pool, and one pool of threads that decode images, for all parties of a simulated world.
 * @module
 */
import { MaskPool } from '../../src/crypto/index.ts';
import { DecodePool } from '../../src/datasources/index.ts';
import type { WorkClock } from './trainers.ts';

/** A mask pool during whose work simulated time stands still. */
export class HeldMaskPool extends MaskPool {
  readonly #clock: WorkClock;

  constructor(clock: WorkClock) {
    super();
    this.#clock = clock;
  }

  override maskPiece(...args: Parameters<MaskPool['maskPiece']>): Promise<void> {
    return this.#clock.during(() => super.maskPiece(...args));
  }

  override add(...args: Parameters<MaskPool['add']>): Promise<void> {
    return this.#clock.during(() => super.add(...args));
  }

  override sha256(...args: Parameters<MaskPool['sha256']>): Promise<Uint8Array> {
    return this.#clock.during(() => super.sha256(...args));
  }
}

/** Threads that decode images while simulated time stands still. */
export class HeldDecodePool extends DecodePool {
  readonly #clock: WorkClock;

  constructor(clock: WorkClock) {
    super();
    this.#clock = clock;
  }

  override run(...args: Parameters<DecodePool['run']>): ReturnType<DecodePool['run']> {
    return this.#clock.during(() => super.run(...args));
  }
}
