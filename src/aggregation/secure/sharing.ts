/**
 * Secrets of a pod in one attempt, and how they are dealt to the others: Shamir shares of b_u and of the mask key, each
 * pair sealed for one addressee, with commitments by which the coordinator can later tell who lied.
 * @module
 */
import { concatBytes, frame } from '../../base/index.ts';
import {
  agree,
  agreementKeyOf,
  equalSecret,
  hkdf,
  type KeyPair,
  open,
  type RandomBytes,
  SECRET_BYTES,
  seal,
  sha256,
  splitSecret,
  wipe,
} from '../../crypto/index.ts';
import { PROTOCOL_LABEL, type Session } from './context.ts';
import { type Bodies, NONCE_BYTES, type ShareEntry } from './messages.ts';

/** Everything secret a pod makes for one attempt; all 32 bytes. */
export interface PodSecrets {
  /** Key of the share polynomials and nonces. */
  readonly dealingSeed: Uint8Array;
  /** b_u. */
  readonly selfSeed: Uint8Array;
  readonly mask: KeyPair;
  readonly channel: KeyPair;
}

/** Fresh secrets; draws 4 × 32 bytes and nothing later, so that every later step is deterministic. */
export function drawSecrets(random: RandomBytes): PodSecrets {
  return {
    dealingSeed: random(SECRET_BYTES),
    selfSeed: random(SECRET_BYTES),
    mask: agreementKeyOf(random(SECRET_BYTES)),
    channel: agreementKeyOf(random(SECRET_BYTES)),
  };
}

/** Overwrites every secret half. */
export function wipeSecrets(secrets: PodSecrets): void {
  wipe(secrets.dealingSeed, secrets.selfSeed, secrets.mask.secret, secrets.channel.secret);
}

/** Commitment to b_u; hiding because b_u is 32 uniform bytes. */
export function commitSelfSeed(session: Session, dealer: number, selfSeed: Uint8Array): Uint8Array {
  return sha256(frame(`${PROTOCOL_LABEL}/b`, session.ctx, dealer, selfSeed));
}

/** Commitment to one share. */
export function commitShare(
  session: Session,
  kind: 'self' | 'key',
  dealer: number,
  to: number,
  share: Uint8Array,
): Uint8Array {
  return sha256(frame(`${PROTOCOL_LABEL}/share`, session.ctx, kind, dealer, to, share));
}

/** Shamir evaluation point of the holder at `position` among the holders of a secret. */
export function pointAt(position: number): number {
  return position + 1;
}

/** One key a direction: the nonce then only has to be fresh among one dealer's attempts at one roster. */
function channelKey(session: Session, keys: KeyPair, peerKey: Uint8Array, from: number, to: number): Uint8Array {
  const shared = agree(keys, peerKey);
  const key = hkdf(shared, session.ctx, frame('channel', from, to), 32);
  wipe(shared);
  return key;
}

/** What a seal covers beside the shares: the dealer's signature does not reach the addressee. */
function sealedFor(session: Session, from: number, to: number, commitments: readonly Uint8Array[]): Uint8Array {
  return frame(`${PROTOCOL_LABEL}/sealed`, session.ctx, from, to, ...commitments);
}

/** A pod that gets a share: its channel key and its evaluation point. */
export interface Holder {
  readonly channelKey: Uint8Array;
  readonly point: number;
}

/**
 * Deals both secrets of `dealer` to its holders, itself included.
 *
 * @param holders by index, ascending.
 * @param rosterHash salt of polynomials and nonces: a dealer rolled back and shown another roster deals unrelated shares.
 */
export function dealShares(
  session: Session,
  dealer: number,
  secrets: PodSecrets,
  holders: ReadonlyMap<number, Holder>,
  rosterHash: Uint8Array,
): Bodies['shares'] {
  const points = [...holders.values()].map(({ point }) => point);
  const stream = (label: string): RandomBytes => {
    return (length) => hkdf(secrets.dealingSeed, session.ctx, frame(label, rosterHash), length);
  };
  const selfShares = splitSecret(secrets.selfSeed, session.t, points, stream('polynomial of b'));
  const keyShares = splitSecret(secrets.mask.secret, session.t, points, stream('polynomial of key'));
  const entries = [...holders].map(([to, { channelKey: peerKey }], i): ShareEntry => {
    const [selfShare, keyShare] = [selfShares[i]!, keyShares[i]!];
    const key = channelKey(session, secrets.channel, peerKey, dealer, to);
    const nonce = stream(`nonce ${to}`)(NONCE_BYTES);
    const plain = concatBytes(selfShare, keyShare);
    const selfCommitment = commitShare(session, 'self', dealer, to, selfShare);
    const keyCommitment = commitShare(session, 'key', dealer, to, keyShare);
    const sealed = seal(key, nonce, plain, sealedFor(session, dealer, to, [selfCommitment, keyCommitment]));
    wipe(key, plain, selfShare, keyShare);
    return { pod: to, selfCommitment, keyCommitment, nonce, sealed };
  });
  return { selfCommitment: commitSelfSeed(session, dealer, secrets.selfSeed), entries };
}

/** The two shares one dealer gave one pod; secret. */
export interface SharePair {
  readonly self: Uint8Array;
  readonly key: Uint8Array;
}

/** Opens what `dealer` dealt to `to`; null when it does not open or does not match the dealer's own commitments. */
export function openShares(
  session: Session,
  to: number,
  channel: KeyPair,
  dealer: number,
  dealerKey: Uint8Array,
  entry: Omit<ShareEntry, 'pod'>,
): SharePair | null {
  const key = channelKey(session, channel, dealerKey, dealer, to);
  const plain = open(
    key,
    entry.nonce,
    entry.sealed,
    sealedFor(session, dealer, to, [entry.selfCommitment, entry.keyCommitment]),
  );
  wipe(key);
  if (plain === null) return null;
  const pair = { self: plain.slice(0, SECRET_BYTES), key: plain.slice(SECRET_BYTES) };
  wipe(plain);
  const honest =
    equalSecret(commitShare(session, 'self', dealer, to, pair.self), entry.selfCommitment) &&
    equalSecret(commitShare(session, 'key', dealer, to, pair.key), entry.keyCommitment);
  return honest ? pair : null;
}
