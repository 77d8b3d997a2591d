/**
 * The masks of a vector, as keys of their streams. Pairwise: of pods u < v, u adds and v subtracts one common stream, so
 * that they cancel in the sum. Self: a stream from b_u that only t holders together can remove.
 * @source Bonawitz et al. (CCS 2017), §4.
 * @module
 */
import { frame } from '../../base/index.ts';
import { agree, hkdf, type KeyPair, type MaskKey, wipe } from '../../crypto/index.ts';
import type { Session } from './context.ts';

/** What a pod needs to compute its side of a pairwise mask; `keys` is secret. */
export interface MaskingPod {
  readonly index: number;
  readonly keys: KeyPair;
}

/**
 * The pairwise mask `pod` owes with `peer`. The coordinator asks for it with a lost pod's rebuilt key: what the lost
 * pod would have added cancels what the survivors did add.
 * @throws KonsilError KEY_INVALID when `peerKey` is of small order.
 */
export function pairMask(session: Session, pod: MaskingPod, peer: number, peerKey: Uint8Array): MaskKey {
  const shared = agree(pod.keys, peerKey);
  const info = frame('mask', Math.min(pod.index, peer), Math.max(pod.index, peer));
  const key = hkdf(shared, session.ctx, info, 32);
  wipe(shared);
  return { key, sign: pod.index < peer ? 1 : -1 };
}

/** The self mask of b_u: added by its pod, removed (`-1`) by the coordinator. */
export function selfMask(session: Session, selfSeed: Uint8Array, sign: 1 | -1): MaskKey {
  return { key: hkdf(selfSeed, session.ctx, frame('self'), 32), sign };
}
