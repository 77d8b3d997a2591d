/**
 * Who holds shares of whose secrets. In the complete graph: everybody of everybody's. Otherwise a Harary graph: pods on a
 * ring in random order, each with its k/2 nearest on either side.
 *
 * Nobody alone may choose the order, or the coordinator could surround a pod with colluders. Every pod commits to a
 * nonce before it knows the cohort; the commitments are part of the session, so a pod that has revealed its nonce can no
 * longer be moved to a session with others. The order is drawn from all nonces together, and an attempt without one of
 * them is given up: the coordinator's only freedom is to give up attempts, of which pods allow few.
 * @source Bell et al. (CCS 2020), §3.1; the commitments are ours.
 * @module
 */
import { createCipheriv } from 'node:crypto';
import { equalBytes, frame, KonsilError } from '../../base/index.ts';
import { hkdf, sha256 } from '../../crypto/index.ts';
import { isSparse, PROTOCOL_LABEL, type Session } from './context.ts';

export const GRAPH_NONCE_BYTES = 32;

/** Commitment to a graph nonce; hiding because the nonce is 32 uniform bytes. */
export function commitNonce(nonce: Uint8Array): Uint8Array {
  return sha256(frame(`${PROTOCOL_LABEL}/nonce`, nonce));
}

/** Checks that `nonce` is the one the pod committed to. @throws KonsilError AGG_BAD_MESSAGE naming the pod. */
export function checkNonce(session: Session, pod: number, nonce: Uint8Array): void {
  if (!isSparse(session)) return;
  const { name } = session.roster[pod]!;
  if (!equalBytes(commitNonce(nonce), session.commitments!.get(name)!))
    throw new KonsilError('AGG_BAD_MESSAGE', `pod ${name} revealed another nonce than it had committed to`, {
      pod: name,
    });
}

/**
 * Holders of each pod's shares, the pod itself among them, ascending.
 * @param nonces of all pods by index; not read for the complete graph.
 * @returns one list a pod, k + 1 long.
 */
export function drawGraph(session: Session, nonces: readonly Uint8Array[]): readonly (readonly number[])[] {
  const { n, k } = session;
  const everybody = Array.from({ length: n }, (_, i) => i);
  if (!isSparse(session)) return everybody.map(() => everybody);
  const ring = shuffled(everybody, hkdf(sha256(frame('nonces', ...nonces)), session.ctx, frame('graph'), 32));
  const holders: number[][] = Array.from({ length: n }, () => []);
  for (const [at, pod] of ring.entries())
    for (let step = -k / 2; step <= k / 2; step++) holders[pod]!.push(ring[(at + step + n) % n]!);
  return holders.map((list) => list.sort((a, b) => a - b));
}

/** Fisher–Yates with unbiased draws from AES-256-CTR; `key` is public here. */
function shuffled(items: readonly number[], key: Uint8Array): number[] {
  const stream = createCipheriv('aes-256-ctr', key, new Uint8Array(16));
  const draw = (below: number): number => {
    const limit = 2 ** 32 - (2 ** 32 % below);
    for (;;) {
      const value = stream.update(new Uint8Array(4)).readUInt32BE();
      if (value < limit) return value % below;
    }
  };
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = draw(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
