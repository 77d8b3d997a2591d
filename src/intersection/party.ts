/**
 * What every party with keys has: its scalar, its padded and shuffled list, and an end after which its secrets are gone.
 * @module
 */
import { KonsilError, throwIfCancelled } from '../base/index.ts';
import {
  expandMessage,
  invertScalar,
  multiplyScalars,
  type RandomBytes,
  randomScalar,
  UNIFORM_BYTES,
  wipe,
} from '../crypto/index.ts';
import type { BlindingPool } from './blindingPool/blindingPool.ts';
import type { Blinding, SharedBytes } from './blindingPool/work.ts';
import { CHUNK_ITEMS, type ListShape, toChunk } from './chunks.ts';
import type { KeySet } from './keySet.ts';
import type { Domains } from './session.ts';
import { secretPermutation } from './shuffle.ts';

/** What a party needs beside its session. */
export interface PartyOptions {
  readonly keys: KeySet;
  readonly pool: BlindingPool;
  /** The operating system's CSPRNG, except in tests. */
  readonly random: RandomBytes;
  readonly signal?: AbortSignal;
}

/** `scalar`: commutes with the other parties'. `inverse`: undoes it. `cover`: hides the own list on its way around a ring. */
export type ScalarName = 'scalar' | 'inverse' | 'cover';

/** One party's secrets in one session. */
export class Party {
  readonly #session: Domains;
  readonly #options: PartyOptions;
  readonly #size: number;
  readonly #scalar: SharedBytes;
  readonly #inverse: SharedBytes;
  /** Of the own list in a ring; see {@link opening}. */
  readonly #cover: SharedBytes;
  /** The key at a place of the list; beyond the last key it is padding. */
  readonly #order: Uint32Array;
  #isOver = false;

  /** @throws KonsilError CONFIG_INVALID when there are more keys than `size`. */
  constructor(session: Domains, size: number, options: PartyOptions) {
    if (options.keys.keys.length > size)
      throw new KonsilError(
        'CONFIG_INVALID',
        `this site has more keys than the ${size} that were agreed: agree on more`,
      );
    this.#session = session;
    this.#options = options;
    this.#size = size;
    const scalar = randomScalar(options.random);
    const inverse = invertScalar(scalar);
    const cover = randomScalar(options.random);
    this.#scalar = shared(scalar);
    this.#inverse = shared(inverse);
    this.#cover = shared(cover);
    wipe(scalar, inverse, cover);
    this.#order = secretPermutation(size, options.random);
  }

  /** Runs a step of the session; whatever it throws ends the session. @throws KonsilError PROTOCOL_VIOLATION once it is over. */
  async step<T>(work: () => T | Promise<T>): Promise<T> {
    this.#check();
    try {
      const result = await work();
      this.#check(); // another step may have failed meanwhile, and what came of this one must not go out
      return result;
    } catch (error) {
      this.#check(); // the first error ended the session; of this one that may be a mere consequence
      this.end();
      throw error;
    }
  }

  /** Items times one of the party's scalars. */
  async blind(items: Uint8Array, how: Omit<Blinding, 'scalar'>, by: ScalarName = 'scalar'): Promise<Uint8Array> {
    const { pool, signal } = this.#options;
    const scalar = { scalar: this.#scalar, inverse: this.#inverse, cover: this.#cover }[by];
    return pool.blind({ ...how, scalar }, items, signal);
  }

  /**
   * scalar / cover, 32 bytes: turns a list under the cover into one under the scalar. Uniform whatever the scalar is, so it
   * tells nothing about it; secret from everybody but the one that may compare lists.
   */
  opening(): Uint8Array {
    const [scalar, cover] = [new Uint8Array(this.#scalar), new Uint8Array(this.#cover)];
    const inverse = invertScalar(cover);
    const opening = multiplyScalars(scalar, inverse);
    wipe(scalar, cover, inverse);
    return opening;
  }

  /** The own list, hashed and blinded, chunk by chunk. */
  async *ownList(shape: ListShape, to: Blinding['to'], by: ScalarName = 'scalar'): AsyncGenerator<Uint8Array> {
    for (let first = 0, index = 0; first < this.#size; first += CHUNK_ITEMS, index++) {
      const chunk = await this.step(async () => {
        throwIfCancelled(this.#options.signal);
        const uniform = this.#uniform(first, Math.min(first + CHUNK_ITEMS, this.#size));
        try {
          return toChunk(shape, index, await this.blind(uniform, { from: 'uniform', to }, by));
        } finally {
          wipe(uniform);
        }
      });
      yield chunk;
    }
  }

  /** For each key of the set whether the place it has in the list is marked; null when padding is marked. */
  matchesAt(isMarked: (place: number) => boolean): Uint8Array | null {
    const matches = new Uint8Array(this.#options.keys.keys.length);
    for (const [place, key] of this.#order.entries()) {
      if (!isMarked(place)) continue;
      if (key >= matches.length) return null;
      matches[key] = 1;
    }
    return matches;
  }

  /** Wipes the scalars and the order. Safe to call twice. */
  end(): void {
    this.#isOver = true;
    wipe(this.#scalar, this.#inverse, this.#cover);
    this.#order.fill(0);
  }

  #check(): void {
    if (this.#isOver) throw new KonsilError('PROTOCOL_VIOLATION', 'this intersection is over');
  }

  /** 64 uniform bytes for each place: what a key hashes to, or for padding fresh ones, which nothing tells apart. */
  #uniform(from: number, to: number): Uint8Array {
    const { keys, random } = this.#options;
    const uniform = new Uint8Array((to - from) * UNIFORM_BYTES);
    for (let place = from; place < to; place++) {
      const key = keys.keys[this.#order[place]!];
      const item = key === undefined ? random(UNIFORM_BYTES) : expandMessage(key, this.#session.dst);
      uniform.set(item, (place - from) * UNIFORM_BYTES);
      wipe(item);
    }
    return uniform;
  }
}

function shared(bytes: Uint8Array): SharedBytes {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}
