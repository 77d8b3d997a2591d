/**
 * Large blobs by way of a store: the owner puts sealed bytes there once, readers get name and key from the owner by message and
 * fetch what they need. The store is trusted with nothing: every segment is sealed for its place in one object, and the whole is
 * checked against the blob's hash by whoever pulls it. When it fails, the broker carries the blob as if there were no store.
 * @module
 */
import { concatBytes, frame, isKonsilError, KonsilError, messageOf, toHex, u32be } from '../base/index.ts';
import { open, randomBytes, seal } from '../crypto/index.ts';
import type { Clock } from './link.ts';

/** What keeps bytes under names. Each call is one attempt. @throws KonsilError STORE_FAILED with the HTTP `status`, if there is one. */
export interface BlobStore {
  put(name: string, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Bytes [from, to). */
  get(name: string, from: number, to: number, signal: AbortSignal): Promise<Uint8Array>;
  delete(name: string, signal: AbortSignal): Promise<void>;
}

/** A store, and when to use it. */
export interface StoreOptions {
  readonly store: BlobStore;
  /** Smaller blobs go through the broker. @default 1 MiB: below that a store saves nothing */
  readonly minimumBytes?: number;
  /** Told when the store is given up on for a while, and why. */
  readonly onProblem?: (reason: string) => void;
}

/** Where a blob is, and what opens it; told to its readers only. */
export interface Place {
  readonly object: string;
  /** Secret, of this object alone. */
  readonly key: Uint8Array;
}

/** Sealed and fetched as one piece; a multiple of a chunk, so that the broker can fill in for a segment. */
export const SEGMENT_BYTES = 1 << 20;
const TAG_BYTES = 16;
/** Fetched at the same time. */
const WINDOW = 4;
const TRIES = 3;
const WAIT_MS = 300;
/** A store that is slower than this, after a while to get going, is given up on. */
const GET_GOING_MS = 10_000;
const SLOWEST_BYTES_PER_MS = 1_000;
/** How long a store that failed is left alone. */
const REST_MS = 60_000;
const DELETE_MS = 5_000;

/** How long a blob of so many bytes may take to be put there, or to be fetched. */
export const storeMs = (bytes: number): number => GET_GOING_MS + bytes / SLOWEST_BYTES_PER_MS;

/** One party's use of a store. */
export class StoredBlobs {
  readonly #options: StoreOptions;
  readonly #clock: Clock;
  readonly #placed = new Map<string, Promise<Place | null>>();
  readonly #deleting = new Set<Promise<void>>();
  #restsUntil = -Infinity;

  constructor(options: StoreOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** Whether a blob of so many bytes goes through the store at present. */
  takes(bytes: number): boolean {
    return bytes >= (this.#options.minimumBytes ?? SEGMENT_BYTES) && this.#clock.now() >= this.#restsUntil;
  }

  /** Puts a blob there unless it is; null when that fails. `id` is its SHA-256 in hexadecimal. */
  place(id: string, bytes: Uint8Array): Promise<Place | null> {
    const present = this.#placed.get(id);
    if (present) return present;
    const placed = this.#put(id, bytes);
    this.#placed.set(id, placed);
    return placed;
  }

  /** Deletes a blob that was put there. A failure is left to the bucket's own rule for old objects. */
  forget(id: string): void {
    const placed = this.#placed.get(id);
    if (!placed) return;
    this.#placed.delete(id);
    const deleted = placed
      .then((place) => place && this.#within(DELETE_MS, (signal) => this.#options.store.delete(place.object, signal)))
      .then(
        () => undefined,
        () => undefined,
      )
      .finally(() => this.#deleting.delete(deleted));
    this.#deleting.add(deleted);
  }

  /** Deletes all that this party has put there, and waits for that. */
  async close(): Promise<void> {
    for (const id of [...this.#placed.keys()]) this.forget(id);
    await Promise.all(this.#deleting);
  }

  /**
   * Fetches what it can of a blob into `bytes`, for at most `maxMs`.
   * @returns the segments that came and are what the owner sealed; none of the others was written to.
   * @throws KonsilError CANCELLED by `signal`.
   */
  async fetch(
    id: string,
    { object, key }: Place,
    bytes: Uint8Array,
    { maxMs, signal }: { readonly maxMs: number; readonly signal?: AbortSignal },
  ): Promise<ReadonlySet<number>> {
    const count = Math.ceil(bytes.length / SEGMENT_BYTES);
    const came = new Set<number>();
    let next = 0;
    const worker = async (stop: AbortSignal): Promise<void> => {
      while (next < count) {
        const index = next++;
        const start = index * SEGMENT_BYTES;
        const length = Math.min(SEGMENT_BYTES, bytes.length - start);
        const from = index * (SEGMENT_BYTES + TAG_BYTES);
        const sealed = await this.#again(stop, () =>
          this.#options.store.get(object, from, from + length + TAG_BYTES, stop),
        );
        // nothing is written once the caller has gone on, who may have checked the whole by then
        if (stop.aborted) return;
        const segment = open(key, nonceOf(index), sealed, aadOf(id, bytes.length, index));
        if (!segment) throw new KonsilError('STORE_FAILED', 'the blob store gives other bytes than were put there');
        bytes.set(segment, start);
        came.add(index);
      }
    };
    try {
      await this.#within(
        Math.min(maxMs, storeMs(bytes.length)),
        async (stop) => {
          await Promise.all(Array.from({ length: Math.min(WINDOW, count) }, () => worker(stop)));
        },
        signal,
      );
    } catch (error) {
      next = count;
      if (signal?.aborted) throw new KonsilError('CANCELLED', 'cancelled while pulling a blob');
      // 404: its owner has taken it away, which is no fault of the store
      if (!(isKonsilError(error, 'STORE_FAILED') && error.facts['status'] === 404)) this.#rest(error);
    }
    return came;
  }

  async #put(id: string, bytes: Uint8Array): Promise<Place | null> {
    const place = { object: toHex(randomBytes(16)), key: randomBytes(32) };
    const sealed = sealSegments(id, bytes, place.key);
    try {
      await this.#within(storeMs(bytes.length), (signal) =>
        this.#again(signal, () => this.#options.store.put(place.object, sealed, signal)),
      );
      return place;
    } catch (error) {
      this.#rest(error);
      return null;
    }
  }

  #rest(error: unknown): void {
    if (this.#clock.now() < this.#restsUntil) return;
    this.#restsUntil = this.#clock.now() + REST_MS;
    this.#options.onProblem?.(`${messageOf(error)}; the broker carries large blobs for ${REST_MS / 1000} seconds`);
  }

  /** Tries again what another attempt may do: all but what the store has refused. */
  async #again<T>(signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await attempt();
      } catch (error) {
        const status = isKonsilError(error, 'STORE_FAILED') ? Number(error.facts['status']) : 0;
        if (tries === TRIES || signal.aborted || (status >= 400 && status < 500)) throw error;
        await new Promise<void>((resolve) => void this.#clock.after(WAIT_MS * 4 ** (tries - 1), resolve));
      }
    }
  }

  /** Runs `action` with a signal that ends it after `ms`, or by `cancelled`. */
  async #within<T>(ms: number, action: (signal: AbortSignal) => Promise<T>, cancelled?: AbortSignal): Promise<T> {
    const controller = new AbortController();
    const tooSlow = new KonsilError('STORE_FAILED', `the blob store took longer than ${Math.round(ms)} ms`);
    const cancelTimer = this.#clock.after(ms, () => controller.abort(tooSlow));
    const onAbort = (): void => controller.abort(new KonsilError('CANCELLED', 'cancelled'));
    cancelled?.addEventListener('abort', onAbort, { once: true });
    if (cancelled?.aborted) onAbort();
    const ended = new Promise<never>((_resolve, reject) => {
      controller.signal.addEventListener('abort', () => reject(controller.signal.reason), { once: true });
    });
    try {
      return await Promise.race([action(controller.signal), ended]);
    } finally {
      cancelTimer();
      cancelled?.removeEventListener('abort', onAbort);
      controller.abort(); // whatever of it is under way
      ended.catch(() => undefined);
    }
  }
}

/** The key seals one object and nothing else, so the segment's number is nonce enough. */
const nonceOf = (index: number): Uint8Array => concatBytes(new Uint8Array(8), u32be(index));
const aadOf = (id: string, length: number, index: number): Uint8Array =>
  frame('konsil/stored-blob/v1', id, length, index);

function sealSegments(id: string, bytes: Uint8Array, key: Uint8Array): Uint8Array {
  const count = Math.ceil(bytes.length / SEGMENT_BYTES);
  const sealed = new Uint8Array(bytes.length + count * TAG_BYTES);
  for (let index = 0; index < count; index++) {
    const start = index * SEGMENT_BYTES;
    const segment = bytes.subarray(start, start + SEGMENT_BYTES);
    sealed.set(seal(key, nonceOf(index), segment, aadOf(id, bytes.length, index)), start + index * TAG_BYTES);
  }
  return sealed;
}
