/**
 * One mask pool for all parties of a simulated world.
 * @module
 */
import { MaskPool } from '../../src/crypto/index.ts';
import type { VirtualClock } from '../virtualClock.ts';

/** A mask pool during whose work simulated time stands still. */
export class HeldMaskPool extends MaskPool {
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
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
