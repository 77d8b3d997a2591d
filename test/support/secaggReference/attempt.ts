/**
 * One whole attempt, all parties in one function, as docs/reference/secure-aggregation.md tells it.
 * @module
 */
import { interpolateAtZero, shareAt } from './field.ts';
import { body, COORDINATOR, type ReferenceEntry, type ReferenceType, referenceMessage } from './messages.ts';
import { agree, agreementKey, frame, hex, hkdf, join, seal, sha256, unhex } from './primitives.ts';
import {
  type AttemptInputs,
  type AttemptRecord,
  LABEL,
  type RecordedMessage,
  type ReferenceSession,
  referenceGraph,
  referenceSession,
} from './session.ts';
import { addVector, applyMask, pairMaskKey, selfMaskKey } from './vectors.ts';

/** What a pod sent and holds. */
interface Pod {
  readonly index: number;
  readonly name: string;
  readonly identity: Uint8Array;
  readonly nonce: Uint8Array;
  readonly dealingSeed: Uint8Array;
  readonly b: Uint8Array;
  readonly maskScalar: Uint8Array;
  readonly maskKey: Uint8Array;
  readonly channelScalar: Uint8Array;
  readonly channelKey: Uint8Array;
  readonly input: Uint8Array;
  readonly lostIn: number;
  advert: Uint8Array;
  /** By holder. */
  readonly selfShares: Map<number, Uint8Array>;
  readonly keyShares: Map<number, Uint8Array>;
  readonly entries: Map<number, ReferenceEntry>;
  masked: Uint8Array;
  manifest: Uint8Array;
}

const NONE = new Uint8Array(0);

function podOf(inputs: AttemptInputs['pods'][number], index: number): Pod {
  const [dealingSeed, b, maskScalar, channelScalar] = inputs.draws.map(unhex) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  return {
    ...{ index, name: inputs.name, lostIn: inputs.lostIn, dealingSeed, b, maskScalar, channelScalar },
    identity: unhex(inputs.identitySecret),
    nonce: unhex(inputs.nonce),
    maskKey: agreementKey(maskScalar),
    channelKey: agreementKey(channelScalar),
    input: unhex(inputs.input),
    ...{ advert: NONE, masked: NONE, manifest: NONE },
    ...{ selfShares: new Map(), keyShares: new Map(), entries: new Map() },
  };
}

export function commitShare(
  ctx: Uint8Array,
  kind: 'self' | 'key',
  dealer: number,
  holder: number,
  share: Uint8Array,
): Uint8Array {
  return sha256(frame(`${LABEL}/share`, ctx, kind, dealer, holder, share));
}

/** Deals `dealer`'s secrets to `holders` in U1; `points` are the places of all holders. */
function deal(
  { ctx, thresholds }: ReferenceSession,
  dealer: Pod,
  u1: readonly Pod[],
  all: readonly number[],
  rosterHash: Uint8Array,
): void {
  const { t } = thresholds;
  const stream = (label: string, length: number): Uint8Array =>
    hkdf(dealer.dealingSeed, ctx, frame(label, rosterHash), length);
  const ofB = stream('polynomial of b', 32 * (t - 1));
  const ofKey = stream('polynomial of key', 32 * (t - 1));
  for (const holder of u1) {
    const x = all.indexOf(holder.index) + 1;
    const selfShare = shareAt(dealer.b, ofB, t, x);
    const keyShare = shareAt(dealer.maskScalar, ofKey, t, x);
    const selfCommitment = commitShare(ctx, 'self', dealer.index, holder.index, selfShare);
    const keyCommitment = commitShare(ctx, 'key', dealer.index, holder.index, keyShare);
    const key = hkdf(
      agree(dealer.channelScalar, holder.channelKey),
      ctx,
      frame('channel', dealer.index, holder.index),
      32,
    );
    const nonce = stream(`nonce ${holder.index}`, 12);
    const aad = frame(`${LABEL}/sealed`, ctx, dealer.index, holder.index, selfCommitment, keyCommitment);
    const sealed = seal(key, nonce, join(selfShare, keyShare), aad);
    dealer.selfShares.set(holder.index, selfShare);
    dealer.keyShares.set(holder.index, keyShare);
    dealer.entries.set(holder.index, { pod: holder.index, selfCommitment, keyCommitment, nonce, sealed });
  }
}

/** Runs it: every message in the order of phases, pods ascending, and what came out. */
export function referenceAttempt(inputs: AttemptInputs): AttemptRecord {
  const session = referenceSession(inputs);
  const { ctx, thresholds, isSparse } = session;
  const { n, t, s, m } = thresholds;
  const coordinator = unhex(inputs.coordinatorSecret);
  const pods = inputs.pods.map(podOf);
  const messages: RecordedMessage[] = [];
  const made = { base: hex(session.base), ctx: hex(ctx), thresholds, messages };

  const ask = (pod: Pod, type: ReferenceType, content: Uint8Array): Uint8Array => {
    const bytes = referenceMessage(session, type, COORDINATOR, coordinator, content);
    messages.push({ to: pod.name, message: hex(bytes) });
    return bytes;
  };
  const answer = (pod: Pod, type: ReferenceType, content: Uint8Array): Uint8Array => {
    const bytes = referenceMessage(session, type, pod.index, pod.identity, content);
    messages.push({
      from: pod.name,
      message: hex(bytes),
      ...(type === 'manifest' ? { vector: hex(pod.masked) } : {}),
    });
    return bytes;
  };
  const failed = (spent = false): AttemptRecord => ({ ...made, outcome: { failed: 'AGG_TOO_FEW_SURVIVORS', spent } });
  const still = (those: readonly Pod[], phase: number): Pod[] => those.filter(({ lostIn }) => lostIn > phase);

  // advertise
  const u1 = still(pods, 0);
  for (const pod of u1)
    pod.advert = answer(pod, 'advertise', body.advertise(session.publicHash, pod.maskKey, pod.channelKey, pod.nonce));
  if (u1.length < (isSparse ? n : m)) return failed();

  // share
  const nonces = isSparse ? pods.map(({ nonce }) => nonce) : [];
  const graph = referenceGraph(session, nonces);
  const holdersOf = (pod: Pod, those: readonly Pod[]): Pod[] =>
    those.filter(({ index }) => graph[pod.index]!.includes(index));
  const isThin = (dealers: readonly Pod[], those: readonly Pod[]): boolean =>
    dealers.some((dealer) => holdersOf(dealer, those).length < t);
  const adverts = (pod: Pod): Uint8Array[] => holdersOf(pod, u1).map(({ advert }) => advert);
  for (const pod of u1) ask(pod, 'roster', body.roster(nonces, adverts(pod)));
  const u2 = still(u1, 1);
  for (const pod of u2) {
    deal(session, pod, holdersOf(pod, u1), graph[pod.index]!, sha256(...nonces, ...adverts(pod)));
    const commitment = sha256(frame(`${LABEL}/b`, ctx, pod.index, pod.b));
    answer(pod, 'shares', body.shares(commitment, [...pod.entries.values()]));
  }
  if (u2.length < m || isThin(u2, u2)) return failed();

  // upload
  for (const pod of u2)
    ask(
      pod,
      'inbox',
      body.inbox(holdersOf(pod, u2).map((dealer) => ({ ...dealer.entries.get(pod.index)!, pod: dealer.index }))),
    );
  const u3 = still(u2, 2);
  for (const pod of u3) {
    pod.masked = applyMask(inputs.shape, pod.input, selfMaskKey(ctx, pod.b), 1);
    for (const peer of holdersOf(pod, u2)) {
      if (peer === pod) continue;
      const key = pairMaskKey(ctx, pod.index, peer.index, pod.maskScalar, peer.maskKey);
      pod.masked = applyMask(inputs.shape, pod.masked, key, pod.index < peer.index ? 1 : -1);
    }
    pod.manifest = answer(pod, 'manifest', body.manifest(session.bytes, sha256(pod.masked)));
  }
  if (u3.length < m || isThin(u2, u3)) return failed();

  // sign
  const list = body.survivors(u3.map(({ index, manifest }) => ({ pod: index, hash: sha256(manifest) })));
  for (const pod of u3) ask(pod, 'survivors', list);
  const survivorsHash = sha256(frame(`${LABEL}/survivors`, ctx, list));
  const u4 = still(u3, 3);
  const signatures = u4.map((pod) => answer(pod, 'consistency', survivorsHash));
  if (u4.length < s) return failed();

  // release
  for (const pod of u4) ask(pod, 'proof', body.proof(signatures));
  const u5 = still(u4, 4);
  for (const pod of u5) {
    const released = holdersOf(pod, u2).map((dealer) => {
      const kind = u3.includes(dealer) ? ('self' as const) : ('key' as const);
      const shares = kind === 'self' ? dealer.selfShares : dealer.keyShares;
      return { of: dealer.index, kind, share: shares.get(pod.index)! };
    });
    answer(pod, 'release', body.release(survivorsHash, released));
  }
  if (isThin(u2, u5)) return failed(true);

  // unmask, with nothing but what the coordinator has
  let sum: Uint8Array = new Uint8Array(session.bytes);
  for (const { masked } of u3) sum = addVector(inputs.shape, sum, masked, 1);
  for (const dealer of u2) {
    const returners = holdersOf(dealer, u5).slice(0, t);
    const points = returners.map(({ index }) => graph[dealer.index]!.indexOf(index) + 1);
    const shares = u3.includes(dealer) ? dealer.selfShares : dealer.keyShares;
    const secret = interpolateAtZero(
      points,
      returners.map(({ index }) => shares.get(index)!),
    );
    if (u3.includes(dealer)) sum = applyMask(inputs.shape, sum, selfMaskKey(ctx, secret), -1);
    else
      for (const peer of holdersOf(dealer, u3)) {
        const key = pairMaskKey(ctx, dealer.index, peer.index, secret, peer.maskKey);
        sum = applyMask(inputs.shape, sum, key, dealer.index < peer.index ? 1 : -1);
      }
  }
  return { ...made, outcome: { survivors: u3.map(({ name }) => name), sum: hex(sum) } };
}
