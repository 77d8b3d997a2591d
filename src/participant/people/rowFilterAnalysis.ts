/**
 * `PrivateSetIntersection` of kind `row_filter`: the pod is the party that learns, and keeps who is in both as a selection. The
 * modeller answers the pod's blinded list, and is told nothing.
 * @module
 */
import { concatBytes, KonsilError, u32be } from '../../base/index.ts';
import { randomBytes } from '../../crypto/index.ts';
import { BlindingPool, type KeySet, openPair, PairReceiver } from '../../intersection/index.ts';
import { joinChunks, listBytes, splitChunks } from '../../protocols/index.ts';
import type { IntersectionAlgorithm } from '../../tasks/index.ts';
import type { ExchangeParties, SiteAnalysis } from '../analysis/siteAnalysis.ts';

/** Bytes of a blinded element; tags are shorter. */
const ELEMENT_BYTES = 32;

export interface RowFilterOptions {
  /** Of the dataset. */
  readonly keys: KeySet;
  /** How long the pod says that its list is. */
  readonly size: number;
  /** Writes down that a list is compared. @throws KonsilError LIMITS_EXCEEDED, FILE_WRITE_FAILED: then it is not. */
  readonly record: (detail: string) => void;
  /** Keeps who is in both. @param modeller - Peer id. */
  readonly keep: (matches: Uint8Array, modeller: string) => void;
}

export class RowFilterAnalysis implements SiteAnalysis {
  readonly exchange: NonNullable<SiteAnalysis['exchange']>;
  readonly #algorithm: IntersectionAlgorithm;
  readonly #options: RowFilterOptions;
  readonly #pool = new BlindingPool();
  #receiver: PairReceiver | null = null;

  /** @param algorithm - Which the site's rules allow, with the length of its list and a name for what comes of it. */
  constructor(algorithm: IntersectionAlgorithm, options: RowFilterOptions) {
    this.#algorithm = algorithm;
    this.#options = options;
    this.exchange = {
      steps: 2,
      maxBytes: listBytes(options.size, ELEMENT_BYTES) + listBytes(algorithm.identifiers!, ELEMENT_BYTES),
      answer: (step, sent, parties) => (step === 0 ? this.#ask(parties) : this.#keep(sent, parties.modeller)),
    };
  }

  async close(): Promise<void> {
    this.#receiver?.close();
    await this.#pool.close();
  }

  /** The size of the pod's list, and the list blinded. */
  async #ask({ runId, modeller, pod, context }: ExchangeParties): Promise<Uint8Array> {
    if (this.#receiver) throw new KonsilError('PROTOCOL_VIOLATION', 'one list is compared in a run');
    const { rule, identifiers } = this.#algorithm;
    const { keys, size, record } = this.#options;
    record(`row_filter of ${identifiers}`);
    const session = openPair({
      ...{ runId, context, rule, kind: 'intersection', receiver: pod, sender: modeller },
      ...{ receiverSize: size, senderSize: identifiers! },
    });
    // ended by `close`: a step's signal ends with the step, the session goes on in the next one
    this.#receiver = new PairReceiver(session, { keys, pool: this.#pool, random: randomBytes });
    return concatBytes(u32be(size), await joinChunks(this.#receiver.blinded()));
  }

  /** @returns the same byte whatever came of it. */
  async #keep(sent: Uint8Array, modeller: string): Promise<Uint8Array> {
    const receiver = this.#receiver;
    if (!receiver) throw new KonsilError('PROTOCOL_VIOLATION', 'an answer came before the list');
    for (const chunk of splitChunks(sent)) await receiver.take(chunk);
    const result = await receiver.finish();
    if (result.kind !== 'intersection') throw new KonsilError('PROTOCOL_VIOLATION', 'a row filter needs who is shared');
    this.#options.keep(result.matches, modeller);
    return Uint8Array.of(1);
  }
}
