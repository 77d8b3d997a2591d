/**
 * Large byte strings: the owner offers one under its SHA-256, the receiver pulls it in chunks with a few requests in
 * flight, keeps the chunks it has across disconnections and checks the hash at the end. Where both have a store, large ones go
 * through it, and what it does not give comes as chunks all the same.
 * @module
 */
import { abortControllerForMany, isKonsilError, KonsilError, toHex } from '../base/index.ts';
import { type PeerId, sha256 } from '../crypto/index.ts';
import type { BlobRef, Context, Message, MessageOf } from '../wire/index.ts';
import type { Channel } from './channel.ts';
import type { Clock } from './link.ts';
import { type Place, SEGMENT_BYTES, StoredBlobs, type StoreOptions, storeMs } from './storedBlobs.ts';

/** Well below brokers' usual 1 MB packet cap, with room for the envelope. */
export const CHUNK_BYTES = 256 * 1024;
/** Requests in flight per blob: hides the round trip without flooding the broker's queue. */
const WINDOW = 4;
/** Chunks on their way to one reader; an honest one asks for {@link WINDOW} a blob, of a blob or two. */
const MAX_ANSWERS = 32;

interface Offer {
  readonly bytes: Uint8Array;
  readonly readers: ReadonlySet<PeerId>;
  /** How often it was offered and not withdrawn: two runs may offer the same bytes. */
  readonly times: number;
}

interface PullOptions {
  /** Refuses a reference that announces more. */
  readonly maxBytes: number;
  /** For the receipt of each question; its answer may take twice as long. @default no limit */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

interface Pull {
  readonly from: PeerId;
  readonly take: (answer: MessageOf<'BLOB_CHUNK' | 'BLOB_AT'>) => void;
  readonly fail: (error: KonsilError) => void;
}

/** The blobs one channel offers and pulls. */
export class Blobs {
  readonly #channel: Channel;
  readonly #clock: Clock;
  readonly #offers = new Map<string, Offer>();
  readonly #pulls = new Map<string, Set<Pull>>();
  readonly #answers = new Map<PeerId, number>();
  readonly #stored: StoredBlobs | null;

  /**
   * @param clock - What limits of pulls are counted in. @default the channel's
   * @param store - @default the broker carries everything
   */
  constructor(
    channel: Channel,
    { clock = channel.clock, store }: { readonly clock?: Clock; readonly store?: StoreOptions } = {},
  ) {
    this.#channel = channel;
    this.#clock = clock;
    this.#stored = store ? new StoredBlobs(store, channel.clock) : null;
    channel.onMessage((from, context, message) => this.#onMessage(from, context, message));
    channel.onRestart((peer) => {
      for (const pulls of this.#pulls.values())
        for (const pull of pulls)
          if (pull.from === peer) pull.fail(new KonsilError('PEER_RESTARTED', 'the owner of this blob restarted'));
    });
  }

  /** Offers `bytes` to `readers` until {@link withdraw}, which each offer takes once. The bytes must not change meanwhile. */
  offer(bytes: Uint8Array, readers: readonly PeerId[]): BlobRef {
    const ref = { id: toHex(sha256(bytes)), bytes: bytes.length };
    const earlier = this.#offers.get(ref.id);
    this.#offers.set(ref.id, {
      ...{ bytes, readers: new Set([...(earlier?.readers ?? []), ...readers]) },
      times: (earlier?.times ?? 0) + 1,
    });
    return ref;
  }

  /** Stops offering a blob that was offered once. */
  withdraw(ref: BlobRef): void {
    const offer = this.#offers.get(ref.id);
    if (offer && offer.times > 1) this.#offers.set(ref.id, { ...offer, times: offer.times - 1 });
    else {
      this.#offers.delete(ref.id);
      this.#stored?.forget(ref.id);
    }
  }

  /** Takes what was offered out of the store again. */
  async close(): Promise<void> {
    await this.#stored?.close();
  }

  /**
   * Pulls a blob from its owner.
   *
   * @throws KonsilError BLOB_UNAVAILABLE when the owner does not have it (any longer) or announces too much,
   *   BLOB_CORRUPT when the bytes do not hash to the reference, PEER_RESTARTED, PEER_UNREACHABLE, CANCELLED.
   */
  async pull(from: PeerId, ref: BlobRef, context: Context, options: PullOptions): Promise<Uint8Array> {
    if (ref.bytes > options.maxBytes)
      throw new KonsilError(
        'BLOB_UNAVAILABLE',
        `blob of ${ref.bytes} bytes announced, at most ${options.maxBytes} expected`,
      );
    const bytes = new Uint8Array(ref.bytes);
    const count = Math.ceil(ref.bytes / CHUNK_BYTES);
    const has = await this.#pullStored(from, ref, context, options, bytes);
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < count) {
        const index = next++;
        if (has(index)) continue;
        const chunk = (await this.#ask(from, ref, { index }, context, options)) as Uint8Array;
        const start = index * CHUNK_BYTES;
        if (chunk.length !== Math.min(CHUNK_BYTES, ref.bytes - start))
          throw new KonsilError('BLOB_CORRUPT', `chunk ${index} has ${chunk.length} bytes`);
        bytes.set(chunk, start);
      }
    };
    await Promise.all(Array.from({ length: Math.min(WINDOW, count) }, worker));
    if (toHex(sha256(bytes)) !== ref.id) throw new KonsilError('BLOB_CORRUPT', 'blob does not hash to its reference');
    return bytes;
  }

  /** Fetches what the store gives of a blob into `bytes`. @returns whether it gave all of a chunk. */
  async #pullStored(
    from: PeerId,
    ref: BlobRef,
    context: Context,
    options: PullOptions,
    bytes: Uint8Array,
  ): Promise<(index: number) => boolean> {
    const none = (): boolean => false;
    if (!this.#stored?.takes(ref.bytes)) return none;
    const maxMs = Math.min(2 * (options.timeoutMs ?? Number.POSITIVE_INFINITY), storeMs(ref.bytes));
    let answer: Uint8Array | Place;
    try {
      const question = { index: 0, store: true };
      answer = await this.#ask(from, ref, question, context, { ...options, timeoutMs: maxMs / 2 });
    } catch (error) {
      // its owner is slow to put it there, or does not know of stores
      if (isKonsilError(error, 'PEER_UNREACHABLE')) return none;
      throw error;
    }
    if (answer instanceof Uint8Array) return none; // not in the store: the broker carries all of it
    const { signal } = options;
    const came = await this.#stored.fetch(ref.id, answer, bytes, { maxMs, ...(signal && { signal }) });
    return (index) => came.has(Math.floor((index * CHUNK_BYTES) / SEGMENT_BYTES));
  }

  /** One chunk; or where the blob is, when the question allows for that. */
  #ask(
    from: PeerId,
    ref: BlobRef,
    question: { readonly index: number; readonly store?: boolean },
    context: Context,
    options: Omit<PullOptions, 'maxBytes'>,
  ): Promise<Uint8Array | Place> {
    const { index } = question;
    const pulls = this.#pulls.get(ref.id) ?? new Set<Pull>();
    this.#pulls.set(ref.id, pulls);
    return new Promise<Uint8Array | Place>((resolve, reject) => {
      const pull: Pull = {
        from,
        take: (answer) => {
          if (answer.type === 'BLOB_AT' ? !question.store : answer.index !== index) return;
          finish();
          if (answer.type === 'BLOB_AT') resolve(answer);
          else if (answer.bytes) resolve(answer.bytes);
          else reject(new KonsilError('BLOB_UNAVAILABLE', 'its owner does not have this blob'));
        },
        fail: (error) => fail(error),
      };
      const onAbort = (): void => fail(new KonsilError('CANCELLED', 'cancelled while pulling a blob'));
      const fail = (error: unknown): void => {
        finish();
        reject(error);
      };
      const { timeoutMs } = options;
      const asked = abortControllerForMany();
      const limit = (ms: number, what: string): (() => void) =>
        this.#clock.after(ms, () => fail(new KonsilError('PEER_UNREACHABLE', `${what} within ${ms} ms`)));
      const timers =
        timeoutMs === undefined
          ? []
          : [
              limit(timeoutMs, `no receipt for the question for chunk ${index} of a blob`),
              // a receipt for the question is no answer: its owner has as long for that
              limit(2 * timeoutMs, `chunk ${index} of a blob did not come`),
            ];
      const finish = (): void => {
        for (const cancel of timers) cancel();
        asked.abort();
        pulls.delete(pull);
        // a question that is given up after its answer has come ends twice, and others may have been asked in between
        if (pulls.size === 0 && this.#pulls.get(ref.id) === pulls) this.#pulls.delete(ref.id);
        options.signal?.removeEventListener('abort', onAbort);
      };
      pulls.add(pull);
      options.signal?.addEventListener('abort', onAbort, { once: true });
      if (options.signal?.aborted) return onAbort();
      this.#channel
        .send(from, context, { type: 'BLOB_GET', id: ref.id, ...question }, { signal: asked.signal })
        .then(() => timers[0]?.(), fail);
    });
  }

  #onMessage(from: PeerId, context: Context, message: Message): void {
    if (message.type === 'BLOB_GET') {
      const answers = this.#answers.get(from) ?? 0;
      if (answers >= MAX_ANSWERS) return; // it takes none of what it asked for
      this.#answers.set(from, answers + 1);
      this.#answerTo(from, message)
        .then((answer) => this.#channel.send(from, context, answer))
        .catch(() => undefined) // the reader asks again or is gone; nothing to do here
        .finally(() => this.#answers.set(from, this.#answers.get(from)! - 1));
    } else if (message.type === 'BLOB_CHUNK' || message.type === 'BLOB_AT') {
      for (const pull of this.#pulls.get(message.id) ?? []) if (pull.from === from) pull.take(message);
    }
  }

  async #answerTo(
    from: PeerId,
    { id, index, store }: MessageOf<'BLOB_GET'>,
  ): Promise<MessageOf<'BLOB_CHUNK' | 'BLOB_AT'>> {
    const offer = this.#offers.get(id);
    if (!offer?.readers.has(from)) return { type: 'BLOB_CHUNK', id, index };
    const { bytes } = offer;
    if (store && this.#stored?.takes(bytes.length)) {
      const place = await this.#stored.place(id, bytes);
      if (place) return { type: 'BLOB_AT', id, object: place.object, key: place.key };
    }
    const start = index * CHUNK_BYTES;
    return {
      ...{ type: 'BLOB_CHUNK', id, index },
      ...(start < bytes.length && { bytes: bytes.slice(start, start + CHUNK_BYTES) }),
    };
  }
}
