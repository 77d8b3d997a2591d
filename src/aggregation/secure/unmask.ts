/**
 * The coordinator's last step: checks released shares, rebuilds secrets, and says which masks are left in the sum.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import { agreementKeyOf, equalSecret, type MaskKey, reconstructor, wipe } from '../../crypto/index.ts';
import type { Session } from './context.ts';
import { pairMask, selfMask } from './masks.ts';
import { type Bodies, type ReleasedShare, rereadMessage } from './messages.ts';
import { commitSelfSeed, commitShare, pointAt } from './sharing.ts';

/** What the accepted messages said, by pod. */
export interface Evidence {
  /** Holders of each pod's shares. */
  readonly holders: readonly (readonly number[])[];
  readonly adverts: ReadonlyMap<number, Bodies['advertise']>;
  /** What the pods of U2 dealt. */
  readonly dealt: ReadonlyMap<number, Bodies['shares']>;
  /** Manifests of U3. */
  readonly uploads: ReadonlyMap<number, Uint8Array>;
  /** Release messages. */
  readonly released: ReadonlyMap<number, Uint8Array>;
}

/**
 * Checks that `returner` released for exactly the pods of U2 whose shares it holds the right kind of share, each the one
 * its dealer committed to. Honest pods checked the same commitment on receipt, so a mismatch is the returner's lie.
 * @throws KonsilError AGG_BAD_SHARE or AGG_BAD_MESSAGE naming the returner.
 */
export function checkReleased(
  session: Session,
  { holders, dealt, uploads }: Evidence,
  returner: number,
  shares: readonly ReleasedShare[],
): void {
  const pod = session.roster[returner]!.name;
  const asked = holders[returner]!.filter((dealer) => dealt.has(dealer)).length;
  if (shares.length !== asked)
    throw new KonsilError('AGG_BAD_MESSAGE', `pod ${pod} released shares of other pods than were asked`, { pod });
  for (const { of, kind, share } of shares) {
    const entry = dealt.get(of)?.entries.find((candidate) => candidate.pod === returner);
    if (entry === undefined || kind !== (uploads.has(of) ? 'self' : 'key'))
      throw new KonsilError('AGG_BAD_MESSAGE', `pod ${pod} released shares of other pods than were asked`, { pod });
    const expected = kind === 'self' ? entry.selfCommitment : entry.keyCommitment;
    if (!equalSecret(commitShare(session, kind, of, returner, share), expected))
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
 * The masks left in the sum of U3's vectors, signed so that applying them removes them. All secrets are rebuilt and
 * checked first; every dealer of U2 needs t holders in `released`.
 * @returns secret keys: wipe them when they are applied.
 * @throws KonsilError AGG_BAD_SHARE naming the dealer whose shares give another secret than it committed to.
 */
export function remainingMasks(session: Session, evidence: Evidence): MaskKey[] {
  const { holders, adverts, dealt, uploads } = evidence;
  const secrets = rebuildSecrets(session, evidence);
  try {
    for (const { dealer, secret } of secrets) checkSecret(dealer, secret);
    return secrets.flatMap(({ dealer, secret }) =>
      uploads.has(dealer) ? [selfMask(session, secret, -1)] : owedBy(dealer, secret),
    );
  } finally {
    wipe(...secrets.map(({ secret }) => secret));
  }

  function checkSecret(dealer: number, secret: Uint8Array): void {
    const honest = uploads.has(dealer)
      ? equalSecret(commitSelfSeed(session, dealer, secret), dealt.get(dealer)!.selfCommitment)
      : equalSecret(agreementKeyOf(secret).publicKey, adverts.get(dealer)!.maskKey);
    if (!honest) throw dealerFault(session, dealer);
  }

  /** What a lost pod would have added, had it uploaded: it cancels what the survivors did add. */
  function owedBy(lost: number, secret: Uint8Array): MaskKey[] {
    const pod = { index: lost, keys: { secret, publicKey: adverts.get(lost)!.maskKey } };
    const peers = holders[lost]!.filter((peer) => uploads.has(peer));
    return peers.map((peer) => pairMask(session, pod, peer, adverts.get(peer)!.maskKey));
  }
}

/** Each dealer's secret from the first t holders that released; holders that answer together share one set of weights. */
function rebuildSecrets(
  session: Session,
  { holders, dealt, released }: Evidence,
): { readonly dealer: number; readonly secret: Uint8Array }[] {
  const shares = new Map(
    [...released].map(([holder, message]) => {
      const body = rereadMessage('release', message);
      return [holder, new Map(body.shares.map(({ of, share }) => [of, share]))] as const;
    }),
  );
  const weights = new Map<string, ReturnType<typeof reconstructor>>();
  return [...dealt.keys()].map((dealer) => {
    const returners = holders[dealer]!.filter((holder) => shares.has(holder)).slice(0, session.t);
    const points = returners.map((holder) => pointAt(holders[dealer]!.indexOf(holder)));
    const key = points.join();
    const reconstruct = weights.get(key) ?? reconstructor(points);
    weights.set(key, reconstruct);
    return { dealer, secret: reconstruct(returners.map((holder) => shares.get(holder)!.get(dealer)!)) };
  });
}
