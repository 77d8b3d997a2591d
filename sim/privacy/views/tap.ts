/**
 * What is overheard of a whole run in memory: messages as the coordinator gets them out of their envelopes, and what the
 * broker carries.
 * @module
 */
import { concatBytes } from '../../../src/base/index.ts';
import type { Message, MessageOf } from '../../../src/wire/index.ts';
import type { TrafficResult } from '../result.ts';
import { UNSEALED_BYTES } from './envelopes.ts';

/** Envelopes that are kept for tests of uniformity: some megabytes. */
const MOST_ENVELOPES = 2_000;
/** Of each, so many bytes: most messages are short. */
const SEALED_BYTES = 256;

/** Ears of one run. */
export class RunTap {
  readonly #chunks = new Map<string, Uint8Array[]>();
  readonly #announced: { readonly pod: string; readonly id: string; readonly purpose: string }[] = [];
  readonly #sealed: Uint8Array[] = [];
  readonly #sizes = new Map<string, number[]>();
  #messages = 0;
  #bytes = 0;

  /** The coordinator opened a message of `pod`. */
  received(pod: string, message: Message): void {
    if (message.type === 'BLOB_CHUNK') this.#chunk(message);
    if (message.type !== 'SECURE_SHARE') return;
    const sizes = this.#sizes.get(pod) ?? [];
    this.#sizes.set(pod, [...sizes, message.body.length + (message.vector?.bytes ?? 0)]);
    if (message.vector) this.#announced.push({ pod, id: message.vector.id, purpose: message.purpose });
  }

  /** The broker was given a payload. */
  carried(payload: Uint8Array): void {
    this.#messages++;
    this.#bytes += payload.length;
    if (this.#sealed.length < MOST_ENVELOPES && payload.length >= UNSEALED_BYTES + SEALED_BYTES)
      this.#sealed.push(payload.slice(UNSEALED_BYTES, UNSEALED_BYTES + SEALED_BYTES));
  }

  /**
   * Kinds of bytes that must look like nothing; vectors of one length each.
   * @param tailBytes - Of the exact words behind an update. The word before them may be padded and is left out.
   */
  vectors(tailBytes: number): { readonly what: string; readonly vectors: readonly Uint8Array[] }[] {
    const updates = this.#announced
      .filter(({ purpose }) => purpose === 'update')
      .flatMap(({ id }) => {
        const wire = this.#chunks.get(id);
        return wire ? [concatBytes(...wire)] : [];
      });
    // sums of one run may differ in length where blocks are chosen
    const length = Math.min(...updates.map((wire) => 4 * Math.floor((wire.length - tailBytes - 1) / 4)));
    return [
      ...(updates.length > 1 && length > 16
        ? [{ what: 'whole run: vectors as they arrive', vectors: updates.map((wire) => wire.subarray(0, length)) }]
        : []),
      ...(this.#sealed.length > 1 ? [{ what: 'whole run: envelopes at the broker', vectors: this.#sealed }] : []),
    ];
  }

  traffic(): TrafficResult {
    const patterns = new Map<string, string[]>();
    for (const [pod, sizes] of this.#sizes) {
      const key = sizes.join();
      patterns.set(key, [...(patterns.get(key) ?? []), pod]);
    }
    const [usual, ...apart] = [...patterns].sort(([, a], [, b]) => b.length - a.length);
    return {
      ...{ messages: this.#messages, bytes: this.#bytes, apart: apart.flatMap(([, pods]) => pods).sort() },
      sizes: [...new Set((usual?.[0] ?? '').split(',').filter(Boolean).map(Number))],
    };
  }

  #chunk({ id, index, bytes }: MessageOf<'BLOB_CHUNK'>): void {
    if (!bytes) return;
    const chunks = this.#chunks.get(id) ?? [];
    chunks[index] = bytes;
    this.#chunks.set(id, chunks);
  }
}
