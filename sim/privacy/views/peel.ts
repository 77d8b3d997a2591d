/**
 * Takes off a masked vector every mask that a coalition can compute: the coordinator alone from released shares, with
 * colluding pods also the masks they have in common with the victim, and all masks once they hold enough of its shares.
 * @module
 */
import { fromWire } from '../../../src/aggregation/index.ts';
import { drawGraph } from '../../../src/aggregation/secure/graph.ts';
import { pairMask, selfMask } from '../../../src/aggregation/secure/masks.ts';
import { type Bodies, peekMessage, rereadMessage } from '../../../src/aggregation/secure/messages.ts';
import { commitSelfSeed, pointAt } from '../../../src/aggregation/secure/sharing.ts';
import { equalBytes } from '../../../src/base/index.ts';
import { agreementKeyOf, applyMasks, type MaskKey, reconstructor } from '../../../src/crypto/index.ts';
import type { SumView } from './sum.ts';

/** A vector with what could be taken off it taken off. */
export interface Peeled {
  readonly lanes: Uint8Array;
  /** Masks that are still on it. */
  readonly left: number;
}

/** Messages of one type that the coordinator accepted, by pod index. */
function acceptedOf<K extends 'advertise' | 'shares' | 'release'>(
  { records }: SumView,
  type: K,
): Map<number, Bodies[K]> {
  const found = new Map<number, Bodies[K]>();
  for (const record of records) {
    if (record.type !== 'accepted') continue;
    const { type: its, sender } = peekMessage(record.message);
    if (its === type) found.set(sender, rereadMessage(type, record.message));
  }
  return found;
}

/** The vector of `victim` as the coordinator and the pods `coalition` can bring it about. */
export function peel(view: SumView, victim: string, coalition: readonly string[]): Peeled {
  const { session, spec, masked, colluders } = view;
  const target = session.roster.findIndex(({ name }) => name === victim);
  const adverts = acceptedOf(view, 'advertise');
  const dealt = acceptedOf(view, 'shares').get(target)!;
  const holders = drawGraph(
    session,
    [...adverts.values()].map(({ nonce }) => nonce),
  )[target]!;
  const peers = holders.filter((peer) => peer !== target);
  const own = coalition.map((name) => colluders.get(name)!);
  const { selfShares, keyShares } = sharesOf(view, target, own, dealt, adverts);
  const rebuild = (shares: ReadonlyMap<number, Uint8Array>): Uint8Array | null => {
    if (shares.size < session.t) return null;
    const some = [...shares].slice(0, session.t);
    return reconstructor(some.map(([holder]) => pointAt(holders.indexOf(holder))))(some.map(([, share]) => share));
  };
  const masks: MaskKey[] = [];
  const seed = rebuild(selfShares);
  if (seed && equalBytes(commitSelfSeed(session, target, seed), dealt.selfCommitment))
    masks.push(selfMask(session, seed, -1));
  const secret = rebuild(keyShares);
  const keys = secret && agreementKeyOf(secret);
  if (keys && equalBytes(keys.publicKey, adverts.get(target)!.maskKey))
    for (const peer of peers) {
      const { key, sign } = pairMask(session, { index: target, keys }, peer, adverts.get(peer)!.maskKey);
      masks.push({ key, sign: sign === 1 ? -1 : 1 });
    }
  // of one stream, a pod applies the opposite of what the victim applied: its own side takes it off
  else for (const pod of own) masks.push(pod.maskWith(target, adverts.get(target)!.maskKey));
  const lanes = fromWire(masked.get(victim)!, spec).slice();
  applyMasks(lanes, session.shape, masks);
  return { lanes, left: peers.length + 1 - masks.length };
}

/** Shares of the victim's two secrets in the hands of the coalition, by holder. */
function sharesOf(
  view: SumView,
  target: number,
  own: readonly NonNullable<ReturnType<SumView['colluders']['get']>>[],
  dealt: Bodies['shares'],
  adverts: ReadonlyMap<number, Bodies['advertise']>,
): { readonly selfShares: Map<number, Uint8Array>; readonly keyShares: Map<number, Uint8Array> } {
  const [selfShares, keyShares] = [new Map<number, Uint8Array>(), new Map<number, Uint8Array>()];
  for (const [holder, { shares }] of acceptedOf(view, 'release'))
    for (const { of, kind, share } of shares)
      if (of === target) (kind === 'self' ? selfShares : keyShares).set(holder, share);
  for (const pod of own) {
    const entry = dealt.entries.find(({ pod: to }) => to === pod.index);
    const pair = entry && pod.sharesOf(target, adverts.get(target)!.channelKey, entry);
    if (!pair) continue;
    selfShares.set(pod.index, pair.self);
    keyShares.set(pod.index, pair.key);
  }
  return { selfShares, keyShares };
}
