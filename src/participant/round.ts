/**
 * One round at a pod: what was asked for, how far it is, what the pod has said and offered in it.
 * @module
 */
import { abortControllerForMany, equalBytes, KonsilError } from '../base/index.ts';
import type { PodSum } from '../protocols/index.ts';
import type { Blobs } from '../transport/index.ts';
import { type BlobRef, type Context, encodeMessage, type Message, type MessageOf } from '../wire/index.ts';
import { Outbox } from './outbox.ts';

/** What a pod does in a round; `ready` and `done` wait for the coordinator, before and after a sum. */
export type RoundPhase = 'working' | 'ready' | 'summing' | 'done';

/** What a round needs. */
export interface RoundOptions {
  readonly message: MessageOf<'ROUND_START'>;
  readonly context: Context;
  readonly blobs: Blobs;
  /** The coordinator, who may pull what is offered. */
  readonly reader: string;
  /** Resolves when the coordinator has the message. */
  readonly send: (message: Message, signal: AbortSignal) => Promise<void>;
  readonly onFailure: (error: unknown) => void;
}

/** A round from its start to the next one's. */
export class Round {
  readonly message: MessageOf<'ROUND_START'>;
  readonly context: Context;
  readonly outbox: Outbox;
  phase: RoundPhase = 'working';
  sum: PodSum | null = null;
  /** The work was cut short because the coordinator restarted, with nothing said that needs it: it may begin again. */
  isInterrupted = false;
  /** Of the training of this round. */
  progress: { readonly done: number; readonly total: number } | null = null;
  readonly #options: RoundOptions;
  readonly #abort = abortControllerForMany();
  /** Withdrawn when the next round starts. */
  readonly #offered: BlobRef[] = [];
  /** The present attempt as the coordinator opened it. */
  #opened: MessageOf<'SECURE_OPEN'> | null = null;

  constructor(options: RoundOptions) {
    this.#options = options;
    this.message = options.message;
    this.context = options.context;
    const { signal } = this;
    this.outbox = new Outbox({ send: (said) => options.send(said, signal), onFailure: options.onFailure });
  }

  /** Aborted when the round is over. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Bytes of all messages and vectors of the round so far. */
  get sentBytes(): number {
    const vectors = new Map(this.#offered.map(({ id, bytes }) => [id, bytes]));
    return [...vectors.values()].reduce((sum, bytes) => sum + bytes, this.outbox.bytes);
  }

  /** Offers bytes to the coordinator until the round is over. */
  offer(bytes: Uint8Array): BlobRef {
    const { blobs, reader } = this.#options;
    const ref = blobs.offer(bytes, [reader]);
    this.#offered.push(ref);
    return ref;
  }

  /** Whether this start is the one of this round, word for word. */
  isStartedBy(context: Context, message: MessageOf<'ROUND_START'>): boolean {
    return this.context.round === context.round && same(this.message, message);
  }

  /**
   * A message for the round's sum. The present attempt opened once more, word for word, is answered with what was said in it.
   * @throws KonsilError PROTOCOL_VIOLATION when there is no such sum; what {@link PodSum.open} throws.
   */
  toSum(context: Context, message: MessageOf<'SECURE_OPEN' | 'SECURE_SHARE'>): void {
    const { sum } = this;
    if (!sum || this.context.round !== context.round || this.message.purpose !== message.purpose) throw noSuchSum();
    if (message.type === 'SECURE_SHARE') return sum.receive(message.attempt, message.body);
    if (this.#opened && same(this.#opened, message))
      return this.outbox.repeat((said) => said.type === 'SECURE_SHARE' && said.attempt === message.attempt);
    const { phase } = this;
    this.phase = 'summing';
    try {
      sum.open(message.attempt, message.cohort, message.commitments);
    } catch (error) {
      this.phase = phase; // an attempt before this one may be open still
      throw error;
    }
    this.#opened = message;
  }

  /** Ends what is under way, wipes its secrets and withdraws what was offered. */
  stop(): void {
    this.#abort.abort();
    this.sum?.stop();
    for (const ref of this.#offered) this.#options.blobs.withdraw(ref);
  }
}

export const noSuchSum = (): KonsilError => new KonsilError('PROTOCOL_VIOLATION', 'no such sum is open');

const same = (one: Message, other: Message): boolean => equalBytes(encodeMessage(one), encodeMessage(other));
