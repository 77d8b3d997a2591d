/**
 * The pods' signatures for the final parameters, collected while they are evaluated.
 * @module
 */
import { confirmedBy, type ResultView } from '../protocols/index.ts';
import type { Message, MessageOf } from '../wire/index.ts';
import type { Member } from './members.ts';

/** What goes to every pod at the end. */
export type FinalResult = NonNullable<MessageOf<'TASK_COMPLETE'>['result']>;

/** Collects statements for one result; others are passed over. */
export class ResultStatements {
  readonly #view: ResultView;
  readonly #signatures = new Map<string, Uint8Array>();

  constructor(view: ResultView) {
    this.#view = view;
  }

  /** Takes what `member` sent, if it is its valid statement. */
  take({ name, peer }: Member, message: Message): void {
    if (message.type !== 'RESULT_STATEMENT') return;
    const { signature } = message;
    const member = { name, publicKey: peer.public.signing };
    if (confirmedBy(this.#view, [{ name, signature }], new Map([[name, member]])).length > 0)
      this.#signatures.set(name, signature);
  }

  result(): FinalResult {
    const statements = [...this.#signatures].map(([name, signature]) => ({ name, signature }));
    return { parameters: this.#view.parametersId, statements };
  }
}
