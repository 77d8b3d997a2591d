/**
 * Section 8: every message as bytes, one function each.
 * @module
 */
import { frame, join, sign, uint } from './primitives.ts';
import { LABEL, type ReferenceSession } from './session.ts';

const TYPES = {
  advertise: 1,
  roster: 2,
  shares: 3,
  inbox: 4,
  manifest: 5,
  survivors: 6,
  consistency: 7,
  proof: 8,
  release: 9,
  complaint: 10,
} as const;
export type ReferenceType = keyof typeof TYPES;
export const COORDINATOR = 0xffff;

export interface ReferenceEntry {
  readonly pod: number;
  readonly selfCommitment: Uint8Array;
  readonly keyCommitment: Uint8Array;
  readonly nonce: Uint8Array;
  readonly sealed: Uint8Array;
}

/** Header, body and signature. */
export function referenceMessage(
  session: Pick<ReferenceSession, 'base' | 'ctx'>,
  type: ReferenceType,
  sender: number,
  identity: Uint8Array,
  body: Uint8Array,
): Uint8Array {
  const context = type === 'advertise' ? session.base : session.ctx;
  const unsigned = join(uint(1, 2), uint(1, TYPES[type]), uint(2, sender), context, body);
  return join(unsigned, sign(identity, join(frame(`${LABEL}/message`), unsigned)));
}

const counted = (items: readonly Uint8Array[]): Uint8Array => join(uint(2, items.length), ...items);
const quoted = (messages: readonly Uint8Array[]): Uint8Array =>
  counted(messages.map((message) => join(uint(4, message.length), message)));
const entries = (list: readonly ReferenceEntry[]): Uint8Array =>
  counted(list.map((e) => join(uint(2, e.pod), e.selfCommitment, e.keyCommitment, e.nonce, e.sealed)));

/** Bodies. */
export const body = {
  advertise: (publicHash: Uint8Array, maskKey: Uint8Array, channelKey: Uint8Array, nonce: Uint8Array): Uint8Array =>
    join(publicHash, maskKey, channelKey, nonce),
  roster: (nonces: readonly Uint8Array[], adverts: readonly Uint8Array[]): Uint8Array =>
    join(counted(nonces), quoted(adverts)),
  shares: (selfCommitment: Uint8Array, list: readonly ReferenceEntry[]): Uint8Array =>
    join(selfCommitment, entries(list)),
  inbox: entries,
  manifest: (bytes: number, hash: Uint8Array): Uint8Array => join(uint(4, bytes), hash),
  survivors: (uploads: readonly { readonly pod: number; readonly hash: Uint8Array }[]): Uint8Array =>
    counted(uploads.map(({ pod, hash }) => join(uint(2, pod), hash))),
  proof: quoted,
  release: (
    survivorsHash: Uint8Array,
    shares: readonly { readonly of: number; readonly kind: 'self' | 'key'; readonly share: Uint8Array }[],
  ): Uint8Array =>
    join(
      survivorsHash,
      counted(shares.map(({ of, kind, share }) => join(uint(2, of), uint(1, kind === 'self' ? 1 : 2), share))),
    ),
} as const;
