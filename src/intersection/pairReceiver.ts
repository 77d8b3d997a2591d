/**
 * The party of two that learns the result: sends its blinded list, takes the answer to it and the sender's tags, and
 * compares. It removes its own scalar from the answer, so that both sides' keys carry the sender's alone.
 * @source as `pairSender.ts`; shuffled answers for cardinality: De Cristofaro, Gasti and Tsudik, "Fast and private
 * computation of cardinality of set intersection and union" (CANS 2012).
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { itemText, ListReader } from './chunks.ts';
import { answerShape, requestShape, tagShape } from './pair.ts';
import { Party, type PartyOptions } from './party.ts';
import { type PairSession, tagPrefix } from './session.ts';

/** How many keys are shared and, unless only that may be learnt, which: 1 for each shared key of the set, else 0. */
export type IntersectionResult =
  | { readonly kind: 'cardinality'; readonly count: number }
  | { readonly kind: 'intersection'; readonly count: number; readonly matches: Uint8Array };

/** One session's receiver. After an error it is over, and its secrets are wiped. */
export class PairReceiver {
  readonly #session: PairSession;
  readonly #party: Party;
  readonly #answer: ListReader;
  readonly #tagList: ListReader;
  /** Tags of the own list, as the answer gives them. */
  readonly #own: Uint8Array;
  readonly #theirs = new Set<string>();
  #compared = 0;
  #phase: 'new' | 'sending' | 'sent' = 'new';

  /** @throws KonsilError CONFIG_INVALID when there are more keys than `session.receiverSize`. */
  constructor(session: PairSession, options: PartyOptions) {
    this.#session = session;
    this.#party = new Party(session, session.receiverSize, options);
    this.#answer = new ListReader(answerShape(session));
    this.#tagList = new ListReader(tagShape(session));
    this.#own = new Uint8Array(session.receiverSize * session.tagBytes);
  }

  /** Chunks of the own list for the sender; once. @throws KonsilError PROTOCOL_VIOLATION the second time; CANCELLED; RUN_ABORTED. */
  async *blinded(): AsyncGenerator<Uint8Array> {
    await this.#party.step(() => {
      if (this.#phase !== 'new') throw new KonsilError('PROTOCOL_VIOLATION', 'a list is sent once');
      this.#phase = 'sending';
    });
    yield* this.#party.ownList(requestShape(this.#session), 'element');
    this.#phase = 'sent';
  }

  /**
   * Takes the sender's next chunk; the next may come before this one is done.
   * @throws KonsilError PROTOCOL_VIOLATION when the chunk is out of place or an element unusable; CANCELLED; RUN_ABORTED.
   */
  async take(chunk: Uint8Array): Promise<void> {
    await this.#party.step(async () => {
      if (this.#phase !== 'sent')
        throw new KonsilError('PROTOCOL_VIOLATION', `answer of ${this.#session.sender} came before the list was sent`);
      if (this.#answer.isComplete) this.#takeTags(chunk);
      else await this.#takeAnswer(chunk);
    });
  }

  /**
   * The result, when all chunks were taken; the session is then over.
   * @throws KonsilError PROTOCOL_VIOLATION when chunks are missing.
   */
  async finish(): Promise<IntersectionResult> {
    return this.#party
      .step(() => {
        const { kind, receiverSize, tagBytes, sender } = this.#session;
        if (this.#compared !== receiverSize || !this.#tagList.isComplete)
          throw new KonsilError('PROTOCOL_VIOLATION', `answer of ${sender} is not complete`);
        const isShared = (place: number): boolean => this.#theirs.has(itemText(this.#own, place * tagBytes, tagBytes));
        if (kind === 'cardinality') {
          let count = 0;
          for (let place = 0; place < receiverSize; place++) if (isShared(place)) count++;
          return { kind, count };
        }
        const matches = this.#party.matchesAt(isShared);
        if (matches === null) throw new KonsilError('PROTOCOL_VIOLATION', `answer of ${sender} matches padding`);
        return { kind, count: matches.reduce((sum, match) => sum + match, 0), matches };
      })
      .finally(() => this.close());
  }

  /** Wipes the session's secrets; what is under way fails. */
  close(): void {
    this.#party.end();
    this.#theirs.clear();
    this.#own.fill(0);
  }

  async #takeAnswer(chunk: Uint8Array): Promise<void> {
    const { first, items } = this.#answer.take(chunk);
    const to = { prefix: tagPrefix(this.#session), bytes: this.#session.tagBytes };
    const tags = await this.#party.blind(items, { from: 'element', to }, 'inverse');
    this.#own.set(tags, first * this.#session.tagBytes);
    this.#compared += tags.length / this.#session.tagBytes;
  }

  #takeTags(chunk: Uint8Array): void {
    const { tagBytes } = this.#session;
    const { items } = this.#tagList.take(chunk);
    for (let at = 0; at < items.length; at += tagBytes) this.#theirs.add(itemText(items, at, tagBytes));
  }
}
