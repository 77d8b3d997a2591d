/**
 * The coordinator's last step: checks released shares, rebuilds secrets, removes masks from the accumulated sum.
 * @module
 */
import { equalBytes, KonsilError } from '../../base/index.ts';
import { reconstructor, wipe } from '../../crypto/index.ts';
import type { Session } from './context.ts';
import { applyPairMask, removeSelfMask } from './masks.ts';
import { type ReleasedShare, rereadMessage } from './messages.ts';
import { agreementKeyOf, commitSelfSeed, commitShare, pointOf } from './sharing.ts';

type Accepted = ReadonlyMap<number, Uint8Array>;

/** The accepted messages this step reads: verbatim, by pod. */
export interface Evidence {
  readonly advertise: Accepted;
  readonly share: Accepted;
  readonly upload: Accepted;
  readonly release: Accepted;
}

/**
 * Checks that `returner` released for exactly the pods of U2 the right kind of share, each the one its dealer committed
 * to. Honest pods checked the same commitment on receipt, so a mismatch is the returner's lie.
 * @throws KonsilError AGG_BAD_SHARE or AGG_BAD_MESSAGE naming the returner.
 */
export function checkReleased(
  session: Session,
  evidence: Evidence,
  returner: number,
  shares: readonly ReleasedShare[],
): void {
  const pod = session.roster[returner]!.name;
  if (shares.length !== evidence.share.size)
    throw new KonsilError('AGG_BAD_MESSAGE', `pod ${pod} released shares of other pods than were asked`, { pod });
  for (const { of, kind, share } of shares) {
    const dealt = evidence.share.get(of);
    if (dealt === undefined || kind !== (evidence.upload.has(of) ? 'self' : 'key'))
      throw new KonsilError('AGG_BAD_MESSAGE', `pod ${pod} released shares of other pods than were asked`, { pod });
    const entry = rereadMessage('shares', dealt).entries.find(({ to }) => to === returner)!;
    const expected = kind === 'self' ? entry.selfCommitment : entry.keyCommitment;
    if (!equalBytes(commitShare(session, kind, of, returner, share), expected))
      throw new KonsilError('AGG_BAD_SHARE', `pod ${pod} released a share that it was not dealt`, {
        pod,
        dealer: session.roster[of]!.name,
      });
  }
}

function dealerFault(session: Session, dealer: number): KonsilError {
  const pod = session.roster[dealer]!.name;
  return new KonsilError('AGG_BAD_SHARE', `shares dealt by pod ${pod} do not give the secret it committed to`, { pod });
}

/**
 * Removes every mask from `sum`, in place; untouched when it throws. All secrets are rebuilt and checked first.
 * @param sum the masked vectors of U3 added up mod 2^32; afterwards the plain sum.
 * @throws KonsilError AGG_BAD_SHARE naming the dealer whose shares give another secret than it committed to.
 */
export function unmask(session: Session, evidence: Evidence, sum: Uint32Array): void {
  const returners = [...evidence.release.keys()].sort((a, b) => a - b).slice(0, session.t);
  const released = returners.map((pod) => rereadMessage('release', evidence.release.get(pod)!).shares);
  const reconstruct = reconstructor(returners.map(pointOf));
  const dealers = released[0]!.map(({ of }) => of);
  const adverts = new Map([...evidence.advertise].map(([i, m]) => [i, rereadMessage('advertise', m)]));
  const secrets = dealers.map((dealer, at) => ({
    dealer,
    secret: reconstruct(released.map((shares) => shares[at]!.share)),
  }));
  try {
    for (const { dealer, secret } of secrets) checkSecret(dealer, secret);
    for (const { dealer, secret } of secrets)
      if (evidence.upload.has(dealer)) removeSelfMask(session, sum, secret);
      else cancelPairMasks(dealer, secret);
  } finally {
    wipe(...secrets.map(({ secret }) => secret));
  }

  function checkSecret(dealer: number, secret: Uint8Array): void {
    const honest = evidence.upload.has(dealer)
      ? equalBytes(
          commitSelfSeed(session, dealer, secret),
          rereadMessage('shares', evidence.share.get(dealer)!).selfCommitment,
        )
      : equalBytes(agreementKeyOf(secret).publicKey, adverts.get(dealer)!.maskKey);
    if (!honest) throw dealerFault(session, dealer);
  }

  function cancelPairMasks(lost: number, secret: Uint8Array): void {
    const keys = { secret, publicKey: adverts.get(lost)!.maskKey };
    for (const survivor of evidence.upload.keys())
      applyPairMask(session, sum, { index: lost, keys }, survivor, adverts.get(survivor)!.maskKey);
  }
}
