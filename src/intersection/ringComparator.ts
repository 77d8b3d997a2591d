/**
 * The party of a ring that compares: it has neither keys nor a scalar, gets every list as tags that it cannot compute for
 * any key, and tells each pod at most the places of its own list that all pods share.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { itemText, ListReader, toChunk } from './chunks.ts';
import { hopShape, indexOfPod, placesShape } from './ring.ts';
import type { RingSession } from './session.ts';

/** What the comparator found. `places`: an answer for each pod, by its id; none when only the number may be learnt. */
export interface RingResult {
  readonly count: number;
  readonly places: ReadonlyMap<string, Uint8Array>;
}

/** One session's comparator. Holds 8 to 16 bytes for each place of each list. */
export class RingComparator {
  readonly #session: RingSession;
  readonly #lists: readonly { readonly reader: ListReader; readonly tags: Uint8Array }[];

  constructor(session: RingSession) {
    this.#session = session;
    this.#lists = session.pods.map((_, owner) => {
      const shape = hopShape(session, owner, session.pods.length);
      return { reader: new ListReader(shape), tags: new Uint8Array(shape.count * shape.width) };
    });
  }

  /** Takes the next chunk of a pod's list, blinded by all. @throws KonsilError PROTOCOL_VIOLATION when it is out of place. */
  take(owner: string, chunk: Uint8Array): void {
    const { reader, tags } = this.#lists[indexOfPod(this.#session, owner)]!;
    const { first, items } = reader.take(chunk);
    tags.set(items, first * this.#session.tagBytes);
  }

  /** The result, when all lists were taken. @throws KonsilError PROTOCOL_VIOLATION when chunks are missing. */
  finish(): RingResult {
    const { kind, pods } = this.#session;
    if (!this.#lists.every(({ reader }) => reader.isComplete))
      throw new KonsilError('PROTOCOL_VIOLATION', 'lists of the ring are not complete');
    let common = new Set(this.#tagsOf(0));
    for (let owner = 1; owner < pods.length; owner++)
      common = new Set([...this.#tagsOf(owner)].filter((tag) => common.has(tag)));
    const places = new Map<string, Uint8Array>();
    if (kind === 'intersection') pods.forEach(({ id }, owner) => places.set(id, this.#placesOf(owner, common)));
    return { count: common.size, places };
  }

  *#tagsOf(owner: number): Generator<string> {
    const { tagBytes } = this.#session;
    const { tags } = this.#lists[owner]!;
    for (let at = 0; at < tags.length; at += tagBytes) yield itemText(tags, at, tagBytes);
  }

  #placesOf(owner: number, common: ReadonlySet<string>): Uint8Array {
    const shape = placesShape(this.#session, owner);
    const bitmap = new Uint8Array(shape.width);
    let place = 0;
    for (const tag of this.#tagsOf(owner)) {
      if (common.has(tag)) bitmap[place >>> 3]! |= 1 << (place & 7);
      place++;
    }
    return toChunk(shape, 0, bitmap);
  }
}
