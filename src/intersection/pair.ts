/**
 * The lists that two parties exchange: the receiver's blinded list, the sender's answer to it, and the sender's tags.
 * @module
 */
import { ELEMENT_BYTES } from '../crypto/index.ts';
import type { ListShape } from './chunks.ts';
import { listBinding, type PairSession } from './session.ts';

/** H(x)^a for the receiver's keys, from receiver to sender. */
export function requestShape(session: PairSession): ListShape {
  const binding = listBinding(session, 'request');
  return { binding, name: `list of ${session.receiver}`, count: session.receiverSize, width: ELEMENT_BYTES };
}

/** H(x)^ab, from sender to receiver: in the request's order, or shuffled when only their number may be learnt. */
export function answerShape(session: PairSession): ListShape {
  const binding = listBinding(session, 'answer');
  return { binding, name: `answer of ${session.sender}`, count: session.receiverSize, width: ELEMENT_BYTES };
}

/** Tags of H(y)^b for the sender's keys, from sender to receiver. */
export function tagShape(session: PairSession): ListShape {
  const binding = listBinding(session, 'tags');
  return { binding, name: `tags of ${session.sender}`, count: session.senderSize, width: session.tagBytes };
}
