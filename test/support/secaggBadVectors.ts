/**
 * Messages that must be refused, made with the reference implementation from a good attempt of four pods of which the
 * third was lost while it uploaded: what pod-00 must do with a request, and the coordinator with an answer.
 * @module
 */
import { agree, agreementKey, hkdf, seal } from './secaggReference/primitives.ts';
import {
  type AttemptInputs,
  type AttemptRecord,
  body,
  COORDINATOR,
  commitShare,
  frame,
  hex,
  join,
  LABEL,
  type ReferenceEntry,
  type ReferenceType,
  referenceMessage,
  referenceSession,
  sha256,
  unhex,
} from './secaggReference.ts';

interface Made {
  readonly inputs: AttemptInputs;
  readonly record: AttemptRecord;
}

/** For pod-00 after `answered` requests. */
export interface BadRequest {
  readonly name: string;
  readonly answered: number;
  readonly message: string;
  readonly outcome: 'rejected' | 'aborted';
  readonly code: string;
  /** The signed complaint it sends. */
  readonly complaint?: string;
}

/** For the coordinator in phase `phase`, after the good answers of that phase where `after`. */
export interface BadAnswer {
  readonly name: string;
  readonly phase: number;
  readonly after: boolean;
  readonly from: string;
  readonly message: string;
  /** A manifest, with its vector. */
  readonly upload: boolean;
  readonly code: string;
}

const TYPES = [
  '',
  'advertise',
  'roster',
  'shares',
  'inbox',
  'manifest',
  'survivors',
  'consistency',
  'proof',
  'release',
] as const;

/** Finds and cuts up the good attempt's messages. */
function tools({ inputs, record }: Made) {
  const session = referenceSession(inputs);
  const typeOf = (message: string): string => TYPES[Number.parseInt(message.slice(2, 4), 16)]!;
  const find = (type: ReferenceType, pod: number): Uint8Array => {
    const { name } = inputs.pods[pod]!;
    return unhex(
      record.messages.find(({ message, from, to }) => typeOf(message) === type && (from ?? to) === name)!.message,
    );
  };
  const bodyOf = (bytes: Uint8Array): Uint8Array => bytes.slice(36, -64);
  const secretOf = (pod: number): Uint8Array =>
    unhex(pod === COORDINATOR ? inputs.coordinatorSecret : inputs.pods[pod]!.identitySecret);
  const say = (type: ReferenceType, sender: number, content: Uint8Array, as = sender): Uint8Array =>
    referenceMessage(session, type, sender, secretOf(as), content);
  const draw = (pod: number, which: number): Uint8Array => unhex(inputs.pods[pod]!.draws[which]!);
  const entriesOf = (list: Uint8Array): ReferenceEntry[] =>
    Array.from({ length: list.length / 158 }, (_, i) => {
      const at = (from: number, to: number): Uint8Array => list.slice(158 * i + from, 158 * i + to);
      return {
        pod: 256 * list[158 * i]! + list[158 * i + 1]!,
        ...{ selfCommitment: at(2, 34), keyCommitment: at(34, 66), nonce: at(66, 78), sealed: at(78, 158) },
      };
    });
  const advertOf = (pod: number, maskKey: Uint8Array, publicHash = session.publicHash): Uint8Array =>
    say(
      'advertise',
      pod,
      body.advertise(publicHash, maskKey, agreementKey(draw(pod, 3)), unhex(inputs.pods[pod]!.nonce)),
    );
  return { session, find, bodyOf, say, draw, entriesOf, advertOf };
}

const flipLast = (bytes: Uint8Array): Uint8Array => bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1);
const BAD = 'AGG_BAD_MESSAGE';
const FEW = 'AGG_TOO_FEW_SURVIVORS';
const TWO = 'AGG_EQUIVOCATION';

/** What pod-00 must refuse. */
export function makeBadRequests(made: Made): BadRequest[] {
  const { session, find, bodyOf, say, draw, entriesOf, advertOf } = tools(made);
  const adverts = [0, 1, 2, 3].map((pod) => find('advertise', pod));
  const [roster, inbox, proof] = (['roster', 'inbox', 'proof'] as const).map((type) => find(type, 0)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const entries = entriesOf(bodyOf(inbox).slice(2));
  const uploads = [0, 1, 3].map((pod) => ({ pod, hash: sha256(find('manifest', pod)) }));
  const signatures = [0, 1, 3].map((pod) => find('consistency', pod));
  const signed = bodyOf(signatures[0]!);
  const says = (type: ReferenceType, content: Uint8Array): Uint8Array => say(type, COORDINATOR, content);
  const rosterOf = (list: readonly Uint8Array[], nonces: readonly Uint8Array[] = []): Uint8Array =>
    says('roster', body.roster(nonces, list));
  const inboxOf = (list: readonly ReferenceEntry[]): Uint8Array => says('inbox', body.inbox(list));
  const survivorsOf = (list: typeof uploads): Uint8Array => says('survivors', body.survivors(list));
  const proofOf = (list: readonly Uint8Array[]): Uint8Array => says('proof', body.proof(list));
  const complaint = hex(say('complaint', 0, Uint8Array.of(0, 1)));

  /** Pod-01's entry for pod-00 with shares that open under commitments to others. */
  const mismatched = (): ReferenceEntry => {
    const share = new Uint8Array(32);
    const selfCommitment = commitShare(session.ctx, 'self', 1, 0, share);
    const keyCommitment = commitShare(session.ctx, 'key', 1, 0, share.with(0, 1));
    const shared = agree(draw(1, 3), agreementKey(draw(0, 3)));
    const key = hkdf(shared, session.ctx, frame('channel', 1, 0), 32);
    const aad = frame(`${LABEL}/sealed`, session.ctx, 1, 0, selfCommitment, keyCommitment);
    const nonce = new Uint8Array(12);
    return { pod: 1, selfCommitment, keyCommitment, nonce, sealed: seal(key, nonce, join(share, share), aad) };
  };

  const list: BadRequest[] = [];
  const add = (name: string, answered: number, bytes: Uint8Array, outcome: BadRequest['outcome'], code = BAD): void => {
    list.push({
      name,
      answered,
      message: hex(bytes),
      outcome,
      code,
      ...(code === 'AGG_BAD_SHARE' ? { complaint } : {}),
    });
  };
  add('roster with a flipped signature bit', 0, flipLast(roster), 'rejected');
  add('roster with a flipped body bit', 0, roster.with(40, roster[40]! ^ 1), 'rejected');
  add('roster of version 1', 0, roster.with(0, 1), 'rejected');
  add('message of unknown type', 0, roster.with(1, 99), 'rejected');
  add('roster of another context', 0, roster.with(4, roster[4]! ^ 1), 'rejected');
  add('roster cut short', 0, roster.slice(0, -1), 'rejected');
  add('header without a body', 0, roster.slice(0, 36), 'rejected');
  add('roster signed by a pod', 0, say('roster', COORDINATOR, bodyOf(roster), 1), 'rejected');
  add('roster sent by a pod', 0, say('roster', 1, bodyOf(roster)), 'rejected');
  add('roster with a byte too many', 0, says('roster', join(bodyOf(roster), new Uint8Array(1))), 'rejected');
  add('roster with a byte too few', 0, says('roster', bodyOf(roster).slice(0, -1)), 'rejected');
  add("a pod's own advertise message", 0, adverts[0]!, 'rejected');
  add('inbox before the roster', 0, inbox, 'rejected');
  add('proof before the roster', 0, proof, 'rejected');
  add('roster without the receiver', 0, rosterOf(adverts.slice(1)), 'aborted');
  add(
    'roster with the receiver altered',
    0,
    rosterOf([advertOf(0, agreementKey(draw(1, 2))), ...adverts.slice(1)]),
    'aborted',
  );
  add('roster with a pod twice', 0, rosterOf([adverts[0]!, adverts[0]!, adverts[1]!]), 'aborted');
  add('roster out of order', 0, rosterOf([adverts[1]!, adverts[0]!, adverts[2]!]), 'aborted');
  add('roster of two', 0, rosterOf(adverts.slice(0, 2)), 'aborted', FEW);
  add('roster with nonces in the complete graph', 0, rosterOf(adverts, [new Uint8Array(32)]), 'aborted');
  add(
    'roster with a forged advertise message',
    0,
    rosterOf([adverts[0]!, flipLast(adverts[1]!), adverts[2]!]),
    'aborted',
  );
  add(
    'roster with a message that is no advertise',
    0,
    rosterOf([...adverts.slice(0, 3), find('shares', 3)]),
    'aborted',
  );
  add(
    "roster with another pod's mask key copied",
    0,
    rosterOf([...adverts.slice(0, 3), advertOf(3, agreementKey(draw(1, 2)))]),
    'aborted',
  );
  add(
    'roster with a key of small order',
    0,
    rosterOf([...adverts.slice(0, 3), advertOf(3, new Uint8Array(32))]),
    'aborted',
    'KEY_INVALID',
  );
  add(
    'roster with a pod that has another model',
    0,
    rosterOf([...adverts.slice(0, 3), advertOf(3, agreementKey(draw(3, 2)), new Uint8Array(32))]),
    'aborted',
    TWO,
  );
  add('second, different roster', 1, rosterOf(adverts.slice(0, 3)), 'aborted', TWO);
  add('inbox without the receiver', 1, inboxOf(entries.slice(1)), 'aborted');
  add('inbox of two', 1, inboxOf(entries.slice(0, 2)), 'aborted', FEW);
  add('inbox with a dealer that is not in the roster', 1, inboxOf([...entries, { ...entries[3]!, pod: 4 }]), 'aborted');
  add('inbox with a dealer twice', 1, inboxOf([entries[0]!, entries[0]!, ...entries.slice(1)]), 'rejected');
  add(
    'inbox with a sealed byte altered',
    1,
    inboxOf(entries.with(1, { ...entries[1]!, sealed: flipLast(entries[1]!.sealed) })),
    'aborted',
    'AGG_BAD_SHARE',
  );
  add(
    'inbox with a commitment altered',
    1,
    inboxOf(entries.with(1, { ...entries[1]!, keyCommitment: new Uint8Array(32) })),
    'aborted',
    'AGG_BAD_SHARE',
  );
  add(
    'inbox with shares sealed for another pod',
    1,
    inboxOf(entries.with(1, entriesOf(bodyOf(find('inbox', 3)).slice(2))[1]!)),
    'aborted',
    'AGG_BAD_SHARE',
  );
  add(
    'inbox with shares that miss their commitments',
    1,
    inboxOf(entries.with(1, mismatched())),
    'aborted',
    'AGG_BAD_SHARE',
  );
  add('second, different inbox', 2, inboxOf(entries.slice(0, 3)), 'aborted', TWO);
  add('survivors without the receiver', 2, survivorsOf(uploads.slice(1)), 'aborted');
  add(
    "survivors with the receiver's upload altered",
    2,
    survivorsOf([{ pod: 0, hash: new Uint8Array(32) }, ...uploads.slice(1)]),
    'aborted',
  );
  add('survivors with a pod that did not share', 2, survivorsOf([...uploads, { ...uploads[0]!, pod: 4 }]), 'aborted');
  add('survivors twice', 2, survivorsOf([uploads[0]!, ...uploads]), 'rejected');
  add('two survivors', 2, survivorsOf(uploads.slice(0, 2)), 'aborted', FEW);
  add('second, different survivors', 3, survivorsOf(uploads.slice(0, 2)), 'aborted', TWO);
  add('proof with two signatures', 3, proofOf(signatures.slice(0, 2)), 'aborted', FEW);
  add('proof with one signature twice', 3, proofOf([signatures[0]!, signatures[0]!, signatures[1]!]), 'aborted');
  add('proof with a forged signature', 3, proofOf([...signatures.slice(0, 2), flipLast(signatures[2]!)]), 'aborted');
  add(
    'proof with a signature from outside the survivors',
    3,
    proofOf([signatures[0]!, signatures[1]!, say('consistency', 2, signed)]),
    'aborted',
  );
  add(
    'proof with a signature of another list',
    3,
    proofOf([signatures[0]!, signatures[1]!, say('consistency', 3, new Uint8Array(32))]),
    'aborted',
    TWO,
  );
  add('second, different proof after the release', 4, proofOf(signatures.slice(0, 2)), 'rejected', TWO);
  add('different survivors after the release', 4, survivorsOf(uploads.slice(0, 2)), 'rejected', TWO);
  return list;
}

/** What the coordinator must refuse. */
export function makeBadAnswers(made: Made): BadAnswer[] {
  const { session, find, bodyOf, say, draw, entriesOf, advertOf } = tools(made);
  const list: BadAnswer[] = [];
  const add = (
    name: string,
    phase: number,
    from: number,
    bytes: Uint8Array,
    code = BAD,
    at: { after?: boolean; upload?: boolean } = {},
  ): void => {
    const { after = false, upload = false } = at;
    list.push({
      name,
      phase,
      after,
      from: made.inputs.pods[from]?.name ?? 'stranger',
      message: hex(bytes),
      upload,
      code,
    });
  };
  const [advert, shares, manifest, consistency, release] = (
    ['advertise', 'shares', 'manifest', 'consistency', 'release'] as const
  ).map((type) => find(type, 1)) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const entries = entriesOf(bodyOf(shares).slice(34));
  const commitment = bodyOf(shares).slice(0, 32);
  const hash = bodyOf(consistency);
  const released = Array.from({ length: 4 }, (_, i) => {
    const at = 34 + 35 * i;
    const bytes = bodyOf(release);
    return {
      of: i,
      kind: bytes[at + 2] === 1 ? ('self' as const) : ('key' as const),
      share: bytes.slice(at + 3, at + 35),
    };
  });
  const releases = (content: typeof released, survivors = hash): Uint8Array =>
    say('release', 1, body.release(survivors, content));
  add('advertise of a stranger', 0, 9, advert);
  add("another pod's advertise", 0, 0, advert);
  add('advertise with a flipped signature bit', 0, 1, flipLast(advert));
  add('advertise signed by another pod', 0, 1, say('advertise', 1, bodyOf(advert), 2));
  add('advertise of another session', 0, 1, advert.with(4, advert[4]! ^ 1));
  add('advertise with a byte too many', 0, 1, say('advertise', 1, join(bodyOf(advert), new Uint8Array(1))));
  add('advertise from another model', 0, 1, advertOf(1, agreementKey(draw(1, 2)), new Uint8Array(32)), TWO);
  add('advertise with a key of small order', 0, 1, advertOf(1, new Uint8Array(32)), 'KEY_INVALID');
  add('advertise with one key twice', 0, 1, advertOf(1, agreementKey(draw(1, 3))));
  add("advertise with another pod's key", 0, 1, advertOf(1, agreementKey(draw(0, 2))), TWO, { after: true });
  add('shares before the roster', 0, 1, shares);
  add('complaint before there are shares', 0, 1, say('complaint', 1, Uint8Array.of(0, 2)));
  add('a message only coordinators send', 0, 1, say('roster', 1, body.roster([], [])));
  add('shares for too few', 1, 1, say('shares', 1, body.shares(commitment, entries.slice(1))));
  add(
    'shares for one too many',
    1,
    1,
    say('shares', 1, body.shares(commitment, [...entries, { ...entries[0]!, pod: 4 }])),
  );
  add('shares for one pod twice', 1, 1, say('shares', 1, body.shares(commitment, [entries[0]!, ...entries])));
  add('second, different shares', 1, 1, say('shares', 1, body.shares(new Uint8Array(32), entries)), TWO, {
    after: true,
  });
  add('another advertise later', 1, 1, advertOf(1, agreementKey(draw(0, 3))), TWO);
  add('manifest without its vector', 2, 1, manifest);
  add(
    'manifest of a vector of another size',
    2,
    1,
    say('manifest', 1, body.manifest(session.bytes + 1, new Uint8Array(32))),
    BAD,
    { upload: true },
  );
  add('second, different manifest', 2, 1, say('manifest', 1, body.manifest(session.bytes, new Uint8Array(32))), TWO, {
    after: true,
    upload: true,
  });
  add('complaint about oneself', 2, 1, say('complaint', 1, Uint8Array.of(0, 1)));
  add('complaint about nobody', 2, 1, say('complaint', 1, Uint8Array.of(0, 9)));
  add('consistency for another list', 3, 1, say('consistency', 1, new Uint8Array(32)), TWO);
  add('consistency of a pod that did not upload', 3, 2, say('consistency', 2, hash));
  add('release for another list', 4, 1, releases(released, new Uint8Array(32)), TWO);
  add('release without one of the dealers', 4, 1, releases(released.slice(1)));
  add('release of a dealer that is none', 4, 1, releases([...released.slice(0, 3), { ...released[3]!, of: 4 }]));
  add('release of the wrong kind for a lost pod', 4, 1, releases(released.with(2, { ...released[2]!, kind: 'self' })));
  add('release of the wrong kind for a survivor', 4, 1, releases(released.with(0, { ...released[0]!, kind: 'key' })));
  add('release of both kinds', 4, 1, releases([released[0]!, { ...released[0]!, kind: 'key' }, ...released.slice(1)]));
  add('release of a third kind', 4, 1, say('release', 1, bodyOf(release).with(36, 3)));
  add(
    'release of a share that was not dealt',
    4,
    1,
    releases(released.with(0, { ...released[0]!, share: new Uint8Array(32) })),
    'AGG_BAD_SHARE',
  );
  return list;
}
