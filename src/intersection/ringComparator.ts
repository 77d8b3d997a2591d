/**
 * The party of a ring that compares: it has neither keys nor a scalar of its own, gets every list under the scalars of all pods,
 * which it cannot compute for any key, opens and compares them, and tells each pod at most the places of its own list that all pods share.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { isScalar, wipe } from '../crypto/index.ts';
import type { BlindingPool } from './blindingPool/blindingPool.ts';
import type { SharedBytes } from './blindingPool/work.ts';
import { itemText, ListReader, toChunk } from './chunks.ts';
import { hopShape, indexOfPod, openingShape, placesShape } from './ring.ts';
import { type RingSession, tagPrefix } from './session.ts';

/** What the comparator found. `places`: an answer for each pod, by its id; none when only the number may be learnt. */
export interface RingResult {
  readonly count: number;
  readonly places: ReadonlyMap<string, Uint8Array>;
}

/** A pod's list as it comes in. */
interface Incoming {
  readonly reader: ListReader;
  readonly tags: Uint8Array;
  opening: SharedBytes | null;
  compared: number;
}

/** One session's comparator. After an error it is over, and the openings are wiped. */
export class RingComparator {
  readonly #session: RingSession;
  readonly #pool: BlindingPool;
  readonly #signal: AbortSignal | undefined;
  readonly #lists: readonly Incoming[];
  #isOver = false;

  constructor(session: RingSession, pool: BlindingPool, signal?: AbortSignal) {
    this.#session = session;
    this.#pool = pool;
    this.#signal = signal;
    this.#lists = session.pods.map(({ size }, owner) => {
      const reader = new ListReader(hopShape(session, owner, session.pods.length));
      return { reader, tags: new Uint8Array(size * session.tagBytes), opening: null, compared: 0 };
    });
  }

  /** Takes a pod's opening, before its list. @throws KonsilError PROTOCOL_VIOLATION when it is out of place or no scalar. */
  open(owner: string, chunk: Uint8Array): void {
    this.#guard(() => {
      const index = indexOfPod(this.#session, owner);
      const shape = openingShape(this.#session, index);
      const { items } = new ListReader(shape).take(chunk);
      if (this.#lists[index]!.opening !== null || !isScalar(items))
        throw new KonsilError('PROTOCOL_VIOLATION', `${shape.name} is no scalar, or came twice`);
      const opening = new Uint8Array(new SharedArrayBuffer(items.length));
      opening.set(items);
      wipe(items);
      this.#lists[index]!.opening = opening;
    });
  }

  /**
   * Takes the next chunk of a pod's list; the next may come before this one is done.
   * @throws KonsilError PROTOCOL_VIOLATION when it is out of place, before its opening, or has an unusable element; CANCELLED; RUN_ABORTED.
   */
  async take(owner: string, chunk: Uint8Array): Promise<void> {
    try {
      const list = this.#lists[indexOfPod(this.#session, owner)]!;
      const { items, first } = this.#guard(() => list.reader.take(chunk));
      if (list.opening === null)
        throw new KonsilError('PROTOCOL_VIOLATION', `list of ${owner} came before its opening`);
      const { tagBytes } = this.#session;
      const to = { prefix: tagPrefix(this.#session), bytes: tagBytes };
      const tags = await this.#pool.blind({ from: 'element', scalar: list.opening, to }, items, this.#signal);
      list.tags.set(tags, first * tagBytes);
      list.compared += tags.length / tagBytes;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The result, when all lists were taken. @throws KonsilError PROTOCOL_VIOLATION when chunks are missing. */
  finish(): RingResult {
    const { kind, pods } = this.#session;
    this.#guard(() => {
      if (!this.#lists.every(({ compared }, owner) => compared === pods[owner]!.size))
        throw new KonsilError('PROTOCOL_VIOLATION', 'lists of the ring are not complete');
    });
    let common = new Set(this.#tagsOf(0));
    for (let owner = 1; owner < pods.length; owner++)
      common = new Set([...this.#tagsOf(owner)].filter((tag) => common.has(tag)));
    const places = new Map<string, Uint8Array>();
    if (kind === 'intersection') pods.forEach(({ id }, owner) => places.set(id, this.#placesOf(owner, common)));
    this.close();
    return { count: common.size, places };
  }

  /** Wipes the openings; what is under way fails. Safe to call twice. */
  close(): void {
    this.#isOver = true;
    for (const { opening } of this.#lists) if (opening) wipe(opening);
  }

  #guard<T>(work: () => T): T {
    if (this.#isOver) throw new KonsilError('PROTOCOL_VIOLATION', 'this intersection is over');
    try {
      return work();
    } catch (error) {
      this.close();
      throw error;
    }
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
