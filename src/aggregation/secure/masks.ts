/**
 * The two masks of a vector. Pairwise: of pods u < v, u adds and v subtracts one common stream, so that they cancel in
 * the sum. Self: a stream from b_u that only t pods together can remove.
 * @source Bonawitz et al. (CCS 2017), §4.
 * @module
 */
import { frame } from '../../base/index.ts';
import { addMask, agree, hkdf, type KeyPair, subtractMask, wipe } from '../../crypto/index.ts';
import type { Session } from './context.ts';

/** What a pod needs to compute its side of a pairwise mask; `keys` is secret. */
export interface MaskingPod {
  readonly index: number;
  readonly keys: KeyPair;
}

/**
 * Adds to `words`, in place, the pairwise mask `pod` owes with `peer`. The coordinator calls it with a lost pod's
 * reconstructed key: what the lost pod would have added cancels what the survivors did add.
 * @throws KonsilError KEY_INVALID when `peerKey` is of small order.
 */
export function applyPairMask(
  session: Session,
  words: Uint32Array,
  pod: MaskingPod,
  peer: number,
  peerKey: Uint8Array,
): void {
  const shared = agree(pod.keys, peerKey);
  const info = frame('mask', Math.min(pod.index, peer), Math.max(pod.index, peer));
  const key = hkdf(shared, session.ctx, info, 32);
  if (pod.index < peer) addMask(words, key);
  else subtractMask(words, key);
  wipe(shared, key);
}

function selfKey(session: Session, selfSeed: Uint8Array): Uint8Array {
  return hkdf(selfSeed, session.ctx, frame('self'), 32);
}

/** Adds the self mask of b_u, in place. */
export function addSelfMask(session: Session, words: Uint32Array, selfSeed: Uint8Array): void {
  const key = selfKey(session, selfSeed);
  addMask(words, key);
  wipe(key);
}

/** Removes the self mask of b_u, in place. */
export function removeSelfMask(session: Session, words: Uint32Array, selfSeed: Uint8Array): void {
  const key = selfKey(session, selfSeed);
  subtractMask(words, key);
  wipe(key);
}
