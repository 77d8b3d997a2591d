/**
 * The only place that knows a topic name. A topic names a mailbox (a hash of a public key), never a site.
 * @module
 */
import { mailboxOf, type PeerId } from '../crypto/index.ts';

const ROOT = 'konsil/1';

/** Where envelopes for `peer` are published. */
export const inboxTopic = (peer: PeerId): string => `${ROOT}/in/${mailboxOf(peer)}`;

/** Where the broker says whether `peer` is connected (retained; last will). A hint only: the broker may lie. */
export const presenceTopic = (peer: PeerId): string => `${ROOT}/up/${mailboxOf(peer)}`;

/** Where the two sides of a join meet; `meeting` is derived from the one-time code. */
export const joinTopic = (meeting: string, side: 'pod' | 'modeller'): string => `${ROOT}/join/${meeting}/${side}`;

/** Whether the client that owns `mailbox` may publish to `topic`. */
export function mayPublish(mailbox: string, topic: string): boolean {
  return /^konsil\/1\/in\/[\w-]{22}$/.test(topic) || topic === `${ROOT}/up/${mailbox}` || isJoinTopic(topic);
}

/** Whether the client that owns `mailbox` may subscribe to `filter`. Wildcards are refused: nobody needs one. */
export function maySubscribe(mailbox: string, filter: string): boolean {
  return filter === `${ROOT}/in/${mailbox}` || /^konsil\/1\/up\/[\w-]{22}$/.test(filter) || isJoinTopic(filter);
}

const isJoinTopic = (topic: string): boolean => /^konsil\/1\/join\/[\w-]{22}\/(pod|modeller)$/.test(topic);
