/**
 * A pod of a ring: blinds its own list and, once each, those of all other pods. Every list that it sees has its owner's
 * cover, so that no two can be compared, and it learns at most which of its own keys all pods share.
 * @source commutative blinding among many: Huberman, Franklin and Hogg (EC 1999); the covers are ours.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { CHUNK_ITEMS, ListReader, toChunk } from './chunks.ts';
import type { IntersectionResult } from './pairReceiver.ts';
import { Party, type PartyOptions } from './party.ts';
import { hopShape, indexOfPod, openingShape, placesShape } from './ring.ts';
import type { RingSession } from './session.ts';

/** One session's pod. After an error it is over, and its secrets are wiped. */
export class RingPod {
  readonly #session: RingSession;
  readonly #self: number;
  readonly #party: Party;
  /** Lists of the others by owner; each passes once. */
  readonly #lists: ReadonlyMap<number, ListReader>;
  #isSent = false;

  /** @throws KonsilError CONFIG_INVALID when there are more keys than agreed; PROTOCOL_VIOLATION when `self` is no pod of the ring. */
  constructor(session: RingSession, self: string, options: PartyOptions) {
    this.#session = session;
    this.#self = indexOfPod(session, self);
    this.#party = new Party(session, session.pods[this.#self]!.size, options);
    const others = session.pods.map((_, owner) => owner).filter((owner) => owner !== this.#self);
    this.#lists = new Map(others.map((owner) => [owner, new ListReader(hopShape(session, owner, this.#hopOf(owner)))]));
  }

  /** Chunks of the own list for the next pod; once. @throws KonsilError PROTOCOL_VIOLATION the second time; CANCELLED; RUN_ABORTED. */
  async *blinded(): AsyncGenerator<Uint8Array> {
    await this.#party.step(() => {
      if (this.#isSent) throw new KonsilError('PROTOCOL_VIOLATION', 'a list is sent once');
      this.#isSent = true;
    });
    yield* this.#party.ownList(hopShape(this.#session, this.#self, 1), 'element', 'cover');
  }

  /** The opening of the own list, for the comparator and nobody else. @throws KonsilError PROTOCOL_VIOLATION once the session is over. */
  async opening(): Promise<Uint8Array> {
    return this.#party.step(() => toChunk(openingShape(this.#session, this.#self), 0, this.#party.opening()));
  }

  /**
   * The next chunk of another pod's list, blinded: for the next pod, or after the last hop for the comparator.
   * @param owner id of the pod whose list it is; chunks of one list in order, the next may come before this one is done.
   * @throws KonsilError PROTOCOL_VIOLATION when the chunk is out of place or an element unusable; CANCELLED; RUN_ABORTED.
   */
  async pass(owner: string, chunk: Uint8Array): Promise<Uint8Array> {
    return this.#party.step(async () => {
      const index = indexOfPod(this.#session, owner);
      const list = this.#lists.get(index);
      if (list === undefined) throw new KonsilError('PROTOCOL_VIOLATION', "a pod's own list came back to it");
      const { first, items } = list.take(chunk);
      const blinded = await this.#party.blind(items, { from: 'element', to: 'element' });
      return toChunk(hopShape(this.#session, index, this.#hopOf(index) + 1), first / CHUNK_ITEMS, blinded);
    });
  }

  /**
   * The result, from what the comparator answered; the session is then over.
   * @throws KonsilError PROTOCOL_VIOLATION when the session is one for cardinality, lists are still to pass, or the answer is malformed or
   * marks padding.
   */
  async finish(places: Uint8Array): Promise<IntersectionResult> {
    return this.#party
      .step(() => {
        const { kind, pods, comparator } = this.#session;
        const refuse = (why: string): KonsilError => new KonsilError('PROTOCOL_VIOLATION', `${comparator}: ${why}`);
        if (kind !== 'intersection') throw refuse('told which keys are shared in a session for their number');
        if (!this.#isSent || ![...this.#lists.values()].every((list) => list.isComplete))
          throw refuse('answered before all lists have passed');
        const { items } = new ListReader(placesShape(this.#session, this.#self)).take(places);
        const { size } = pods[this.#self]!;
        const isMarked = (place: number): boolean => ((items[place >>> 3]! >>> (place & 7)) & 1) === 1;
        for (let place = size; place < items.length * 8; place++)
          if (isMarked(place)) throw refuse('marked places beyond the end of the list');
        const matches = this.#party.matchesAt(isMarked);
        if (matches === null) throw refuse('marked padding as shared');
        return { kind, count: matches.reduce((sum, match) => sum + match, 0), matches };
      })
      .finally(() => this.close());
  }

  /** Wipes the session's secrets; what is under way fails. */
  close(): void {
    this.#party.end();
  }

  /** How many pods have blinded a list when it comes here. */
  #hopOf(owner: number): number {
    const n = this.#session.pods.length;
    return (this.#self - owner + n) % n;
  }
}
