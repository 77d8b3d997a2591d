/**
 * The rules both halves apply to lists of pods' messages: the coordinator before it forwards them, every pod again
 * because it does not believe the coordinator.
 * @module
 */
import { equalBytes, frame, KonsilError, toHex } from '../../base/index.ts';
import { agree, agreementPointOf, sha256 } from '../../crypto/index.ts';
import { PROTOCOL_LABEL, type Session } from './context.ts';
import { type Bodies, encodeBody } from './messages.ts';

/** Any scalar tells small-order points, because X25519 clamps scalars to multiples of the cofactor. */
const PROBE = { secret: new Uint8Array(32), publicKey: new Uint8Array(32) };

/**
 * Checks that the advertised keys are usable and all distinct, within one pod and between pods: a copied key would give
 * two pods one mask, or the copier somebody else's channel.
 * @throws KonsilError AGG_BAD_MESSAGE or KEY_INVALID.
 */
export function checkAdvertised(adverts: Iterable<Bodies['advertise']>): void {
  const seen = new Set<string>();
  for (const { maskKey, channelKey } of adverts)
    for (const key of [maskKey, channelKey]) {
      agree(PROBE, key);
      const point = agreementPointOf(key); // one point has several encodings
      if (seen.has(point)) throw new KonsilError('AGG_BAD_MESSAGE', 'advertised key is used twice');
      seen.add(point);
    }
}

/**
 * Checks that a pod works from the same model and public parameters as we do.
 * @throws KonsilError AGG_EQUIVOCATION naming the pod: the coordinator told the two of us different things.
 */
export function checkSameModel(session: Session, sender: number, { publicHash }: Bodies['advertise']): void {
  const pod = session.roster[sender]!.name;
  if (!equalBytes(publicHash, session.publicHash))
    throw new KonsilError(
      'AGG_EQUIVOCATION',
      `pod ${pod} signed that it works from another model or other public parameters`,
      { pod, theirs: toHex(publicHash), ours: toHex(session.publicHash) },
    );
}

/** Checks that a dealer dealt to exactly these holders. @throws KonsilError AGG_BAD_MESSAGE. */
export function checkDealt(shares: Bodies['shares'], holders: readonly number[]): void {
  if (
    !sameList(
      shares.entries.map((entry) => entry.pod),
      holders,
    )
  )
    throw new KonsilError('AGG_BAD_MESSAGE', 'shares are not dealt to exactly the roster');
}

/** Whether two lists hold the same pods in the same order. */
export function sameList(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((pod, i) => pod === b[i]);
}

/** What consistency messages sign: the survivor list with every survivor's manifest. */
export function hashSurvivors(session: Session, body: Bodies['survivors']): Uint8Array {
  return sha256(frame(`${PROTOCOL_LABEL}/survivors`, session.ctx, encodeBody('survivors', body)));
}

/** Checks that a message refers to this survivor list. @throws KonsilError AGG_EQUIVOCATION. */
export function checkSameSurvivors(claimed: Uint8Array, expected: Uint8Array): void {
  if (!equalBytes(claimed, expected))
    throw new KonsilError('AGG_EQUIVOCATION', 'message refers to another list of survivors');
}
