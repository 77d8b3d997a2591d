/**
 * Large byte strings: the owner offers one under its SHA-256, the receiver pulls it in chunks with a few requests in
 * flight, keeps the chunks it has across disconnections and checks the hash at the end.
 * @module
 */
import { abortControllerForMany, KonsilError, toHex } from '../base/index.ts';
import { type PeerId, sha256 } from '../crypto/index.ts';
import type { BlobRef, Context, Message } from '../wire/index.ts';
import type { Channel } from './channel.ts';
import type { Clock } from './link.ts';

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

interface Pull {
  readonly from: PeerId;
  readonly chunk: (index: number, bytes: Uint8Array | undefined) => void;
  readonly fail: (error: KonsilError) => void;
}

/** The blobs one channel offers and pulls. */
export class Blobs {
  readonly #channel: Channel;
  readonly #clock: Clock;
  readonly #offers = new Map<string, Offer>();
  readonly #pulls = new Map<string, Set<Pull>>();
  readonly #answers = new Map<PeerId, number>();

  /** @param clock - What limits of pulls are counted in. @default the channel's */
  constructor(channel: Channel, clock: Clock = channel.clock) {
    this.#channel = channel;
    this.#clock = clock;
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
    else this.#offers.delete(ref.id);
  }

  /**
   * Pulls a blob from its owner.
   *
   * @param maxBytes - Refuses a reference that announces more.
   * @param timeoutMs - For the receipt of each question; its answer may take twice as long. @default no limit
   * @throws KonsilError BLOB_UNAVAILABLE when the owner does not have it (any longer) or announces too much,
   *   BLOB_CORRUPT when the bytes do not hash to the reference, PEER_RESTARTED, PEER_UNREACHABLE, CANCELLED.
   */
  async pull(
    from: PeerId,
    ref: BlobRef,
    context: Context,
    options: { readonly maxBytes: number; readonly timeoutMs?: number; readonly signal?: AbortSignal },
  ): Promise<Uint8Array> {
    if (ref.bytes > options.maxBytes)
      throw new KonsilError(
        'BLOB_UNAVAILABLE',
        `blob of ${ref.bytes} bytes announced, at most ${options.maxBytes} expected`,
      );
    const bytes = new Uint8Array(ref.bytes);
    const count = Math.ceil(ref.bytes / CHUNK_BYTES);
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < count) {
        const index = next++;
        const chunk = await this.#pullChunk(from, ref, index, context, options);
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

  #pullChunk(
    from: PeerId,
    ref: BlobRef,
    index: number,
    context: Context,
    options: { readonly timeoutMs?: number; readonly signal?: AbortSignal },
  ): Promise<Uint8Array> {
    const pulls = this.#pulls.get(ref.id) ?? new Set<Pull>();
    this.#pulls.set(ref.id, pulls);
    return new Promise<Uint8Array>((resolve, reject) => {
      const pull: Pull = {
        from,
        chunk: (i, bytes) => {
          if (i !== index) return;
          finish();
          if (bytes) resolve(bytes);
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
        if (pulls.size === 0) this.#pulls.delete(ref.id);
        options.signal?.removeEventListener('abort', onAbort);
      };
      pulls.add(pull);
      options.signal?.addEventListener('abort', onAbort, { once: true });
      if (options.signal?.aborted) return onAbort();
      this.#channel
        .send(from, context, { type: 'BLOB_GET', id: ref.id, index }, { signal: asked.signal })
        .then(() => timers[0]?.(), fail);
    });
  }

  #onMessage(from: PeerId, context: Context, message: Message): void {
    if (message.type === 'BLOB_GET') {
      const answers = this.#answers.get(from) ?? 0;
      if (answers >= MAX_ANSWERS) return; // it takes none of what it asked for
      this.#answers.set(from, answers + 1);
      const offer = this.#offers.get(message.id);
      const start = message.index * CHUNK_BYTES;
      const bytes =
        offer?.readers.has(from) && start < offer.bytes.length
          ? offer.bytes.slice(start, start + CHUNK_BYTES)
          : undefined;
      this.#channel
        .send(from, context, { type: 'BLOB_CHUNK', id: message.id, index: message.index, ...(bytes ? { bytes } : {}) })
        .catch(() => undefined) // the reader asks again or is gone; nothing to do here
        .finally(() => this.#answers.set(from, this.#answers.get(from)! - 1));
    } else if (message.type === 'BLOB_CHUNK') {
      for (const pull of this.#pulls.get(message.id) ?? [])
        if (pull.from === from) pull.chunk(message.index, message.bytes);
    }
  }
}
