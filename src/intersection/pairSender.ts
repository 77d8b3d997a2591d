/**
 * The party of two that learns nothing but that its peer's list was well formed: takes the receiver's list whole, then
 * answers it and adds the tags of its own keys.
 * @source after De Cristofaro and Tsudik, "Practical private set intersection protocols with linear complexity" (FC 2010);
 * commutative blinding: Huberman, Franklin and Hogg (EC 1999).
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { ELEMENT_BYTES } from '../crypto/index.ts';
import { ListReader, split } from './chunks.ts';
import { answerShape, requestShape, tagShape } from './pair.ts';
import { Party, type PartyOptions } from './party.ts';
import { type PairSession, tagPrefix } from './session.ts';
import { permuted, secretPermutation } from './shuffle.ts';

/** One session's sender. After an error it is over, and its secrets are wiped. */
export class PairSender {
  readonly #session: PairSession;
  readonly #options: PartyOptions;
  readonly #party: Party;
  readonly #request: ListReader;
  readonly #answers: Uint8Array;
  #answered = 0;
  #isAnswering = false;

  /** @throws KonsilError CONFIG_INVALID when there are more keys than `session.senderSize`. */
  constructor(session: PairSession, options: PartyOptions) {
    this.#session = session;
    this.#options = options;
    this.#party = new Party(session, session.senderSize, options);
    this.#request = new ListReader(requestShape(session));
    this.#answers = new Uint8Array(session.receiverSize * ELEMENT_BYTES);
  }

  /**
   * Takes the next chunk of the receiver's list; the next may come before this one is done.
   * @throws KonsilError PROTOCOL_VIOLATION when the chunk is out of place or an element unusable; CANCELLED; RUN_ABORTED.
   */
  async take(chunk: Uint8Array): Promise<void> {
    await this.#party.step(async () => {
      const { first, items } = this.#request.take(chunk);
      this.#answers.set(await this.#party.blind(items, { from: 'element', to: 'element' }), first * ELEMENT_BYTES);
      this.#answered += items.length / ELEMENT_BYTES;
    });
  }

  /**
   * The answer's chunks, then those of the tags; once, when the receiver's whole list was taken.
   * @throws KonsilError PROTOCOL_VIOLATION when the list is not complete, or was answered; CANCELLED; RUN_ABORTED.
   */
  async *answer(): AsyncGenerator<Uint8Array> {
    const { kind, receiverSize, tagBytes } = this.#session;
    await this.#party.step(() => {
      if (this.#answered !== receiverSize || this.#isAnswering)
        throw new KonsilError('PROTOCOL_VIOLATION', 'a list is answered once, when it is complete');
      this.#isAnswering = true;
    });
    const answers =
      kind === 'intersection'
        ? this.#answers
        : permuted(this.#answers, ELEMENT_BYTES, secretPermutation(receiverSize, this.#options.random));
    yield* split(answerShape(this.#session), answers);
    yield* this.#party.ownList(tagShape(this.#session), { prefix: tagPrefix(this.#session), bytes: tagBytes });
    this.close();
  }

  /** Wipes the session's secrets; what is under way fails. */
  close(): void {
    this.#party.end();
  }
}
