/**
 * What a pod has said in one round, so that it can say it again to a coordinator that was restarted and may have lost it.
 * Small messages only: vectors are blobs, which stay on offer.
 * @module
 */
import { equalBytes, isKonsilError } from '../base/index.ts';
import { encodeMessage, type Message } from '../wire/index.ts';

/** How a round's messages go out. */
export interface OutboxOptions {
  /** Resolves when the coordinator has the message. */
  readonly send: (message: Message) => Promise<void>;
  /** A message that cannot be sent, for another reason than that the coordinator is gone or the round over. */
  readonly onFailure: (error: unknown) => void;
}

/** One round's messages, in order. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #said: { readonly message: Message; readonly bytes: Uint8Array }[] = [];

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Bytes of everything said, each message once. */
  get bytes(): number {
    return this.#said.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /** Sends a message and keeps it; one said before is only sent. Waits for nothing: the channel keeps the order. */
  say(message: Message): void {
    const bytes = encodeMessage(message);
    if (!this.#said.some((said) => equalBytes(said.bytes, bytes))) this.#said.push({ message, bytes });
    this.#send(message);
  }

  /** Sends what was said again, in its order: nothing new, whatever it is asked how often. */
  repeat(isAsked: (message: Message) => boolean = () => true): void {
    for (const { message } of this.#said) if (isAsked(message)) this.#send(message);
  }

  #send(message: Message): void {
    this.#options.send(message).catch((error: unknown) => {
      // a coordinator that has lost its memory asks again when it goes on with the run
      if (isKonsilError(error, 'PEER_RESTARTED') || isKonsilError(error, 'CANCELLED')) return;
      this.#options.onFailure(error);
    });
  }
}
