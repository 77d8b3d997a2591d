import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Cohort,
  deliverToPod,
  deliverToServer,
  failureOf,
  identityOf,
  makeCohort,
  plainSum,
  podNames,
  runPhases,
  seededBytes,
  sumOf,
  testSession,
} from '../../../test/support/secaggCohort.ts';
import { frame } from '../../base/index.ts';
import { sha256 } from '../../crypto/index.ts';
import { hashSurvivors } from './checks.ts';
import type { ClientOutput } from './client.ts';
import { startClient, stepClient } from './client.ts';
import { openSession, type Session } from './context.ts';
import {
  type Bodies,
  COORDINATOR,
  decodeBody,
  encodeMessage,
  type MessageType,
  openMessage,
  peekMessage,
} from './messages.ts';
import { startServer, stepServer } from './server.ts';
import { commitSelfSeed, dealShares, drawSecrets, pointAt } from './sharing.ts';

const POD = 'pod-00';
const coordinator = identityOf('coordinator');

/** A message of a coordinator that says what it likes. */
function say<K extends MessageType>(session: Session, type: K, body: Bodies[K]): Uint8Array {
  return encodeMessage(session, type, COORDINATOR, coordinator, body);
}

const roster = (session: Session, messages: readonly Uint8Array[]): Uint8Array =>
  say(session, 'roster', { nonces: [], messages });

/** An advertise body with these keys. */
function advertOf(session: Session, maskKey: Uint8Array, channelKey: Uint8Array): Bodies['advertise'] {
  return { publicHash: session.publicHash, maskKey, channelKey, nonce: new Uint8Array(32) };
}

/** The request waiting for `pod`, decoded. */
function requestTo<K extends MessageType>(cohort: Cohort, pod: string, type: K): Bodies[K] {
  return openMessage(cohort.session, type, COORDINATOR, cohort.toPods.find(({ to }) => to === pod)!.bytes);
}

function codes(outputs: readonly ClientOutput[]): string[] {
  return outputs.map((output) => ('error' in output ? `${output.type} ${output.error.code}` : output.type));
}

/** A cohort whose pods answered `phases` phases; the next requests are on their way. */
function cohortAt(phases: number, n = 4, overrides: Parameters<typeof testSession>[2] = {}): Cohort {
  const cohort = makeCohort(testSession(n, 6, overrides));
  if (phases > 0) runPhases(cohort, {}, 0, phases - 1);
  return cohort;
}

function secretsOf(session: Session, pod: string): ReturnType<typeof drawSecrets> {
  return drawSecrets(seededBytes(`cohort/${pod}/${session.attempt}`));
}

function replaceMessage(cohort: Cohort, pod: string, bytes: Uint8Array): void {
  cohort.toServer = cohort.toServer.filter((event) => event.type === 'close' || event.from !== pod);
  cohort.toServer.push({ type: 'message', from: pod, bytes });
}

describe('a coordinator that lies about the roster', () => {
  const forge = (change: (messages: Uint8Array[], cohort: Cohort) => Uint8Array[]): string[] => {
    const cohort = cohortAt(1);
    const messages = [...requestTo(cohort, POD, 'roster').messages];
    return codes(deliverToPod(cohort, POD, roster(cohort.session, change(messages, cohort))));
  };
  const advert = (session: Session, index: number, as: string, keysOf = as): Uint8Array => {
    const secrets = drawSecrets(seededBytes(`forged ${keysOf}`));
    const body = advertOf(session, secrets.mask.publicKey, secrets.channel.publicKey);
    return encodeMessage(session, 'advertise', index, identityOf(as), body);
  };

  it('by putting its own keys in the place of a pod', () => {
    const forged = forge((messages, { session }) => messages.with(1, advert(session, 1, 'coordinator')));
    expect(forged).toEqual(['aborted AGG_BAD_MESSAGE']);
  });
  it("by replacing the receiver's own keys, even signed by it in another run of the attempt", () => {
    expect(forge((messages, { session }) => messages.with(0, advert(session, 0, POD)))).toEqual([
      'aborted AGG_BAD_MESSAGE',
    ]);
  });
  it('by leaving the receiver out, naming a pod twice, or in another order', () => {
    for (const change of [
      [1, 2, 3],
      [0, 1, 1, 2],
      [1, 0, 2, 3],
    ])
      expect(forge((messages) => change.map((i) => messages[i]!))).toEqual(['aborted AGG_BAD_MESSAGE']);
  });
  it('by adding a pod outside the roster, or itself', () => {
    for (const index of [4, COORDINATOR])
      expect(forge((messages, { session }) => [...messages, advert(session, index, 'coordinator')])).toEqual([
        'aborted AGG_BAD_MESSAGE',
      ]);
  });
  it('by announcing too few pods to hide an input', () => {
    expect(forge((messages) => messages.slice(0, 2))).toEqual(['aborted AGG_TOO_FEW_SURVIVORS']);
  });
  it('with a pod that copied the keys of another', () => {
    const copied = forge((messages, { session }) =>
      messages.with(1, advert(session, 1, 'pod-01', 'x')).with(2, advert(session, 2, 'pod-02', 'x')),
    );
    expect(copied).toEqual(['aborted AGG_BAD_MESSAGE']);
  });
  it('with a message of another attempt or round', () => {
    for (const other of [{ attempt: 1 }, { round: 4 }, { purpose: 'validation' }, { runId: 'run-2' }]) {
      const old = cohortAt(1, 4, other);
      const messages = requestTo(old, POD, 'roster').messages;
      expect(forge(() => [...messages])).toEqual(['aborted AGG_BAD_MESSAGE']);
    }
  });
  it('by signing two different ones', () => {
    const cohort = cohortAt(2);
    const messages = [...cohort.server.accepted.advertise.values()].slice(0, 3);
    expect(codes(deliverToPod(cohort, POD, roster(cohort.session, messages)))).toEqual(['aborted AGG_EQUIVOCATION']);
    expect(cohort.clients.get(POD)!.phase).toBe('aborted');
  });
});

describe('a coordinator that lies about the inbox', () => {
  type Entries = Bodies['inbox']['entries'];
  const forge = (change: (entries: Entries) => Entries): string[] => {
    const cohort = cohortAt(2);
    const { entries } = requestTo(cohort, POD, 'inbox');
    return codes(deliverToPod(cohort, POD, say(cohort.session, 'inbox', { entries: change(entries) })));
  };
  const alteredIn =
    (field: 'selfCommitment' | 'keyCommitment' | 'nonce' | 'sealed', at: number) =>
    (entries: Entries): Entries => {
      const bytes = entries[at]![field];
      return entries.with(at, { ...entries[at]!, [field]: bytes.with(5, bytes[5]! ^ 1) });
    };

  it('by leaving the receiver out, or naming a dealer that is not in the cohort', () => {
    for (const change of [(e: Entries) => e.slice(1), (e: Entries) => [...e, { ...e[3]!, pod: 4 }]])
      expect(forge(change)).toEqual(['aborted AGG_BAD_MESSAGE']);
    // not strictly ascending: does not even parse
    expect(forge((e) => [e[0]!, e[1]!, e[1]!, e[2]!])).toEqual(['rejected AGG_BAD_MESSAGE']);
  });
  it('by altering what was dealt, or passing on what was dealt to or by another pod', () => {
    for (const field of ['selfCommitment', 'keyCommitment', 'nonce', 'sealed'] as const)
      for (const at of [0, 2]) expect(forge(alteredIn(field, at))).toEqual(['send', 'aborted AGG_BAD_SHARE']);
    expect(forge((e) => e.with(2, { ...e[1]!, pod: 2 }))).toEqual(['send', 'aborted AGG_BAD_SHARE']);
    const foreign = requestTo(cohortAt(2), 'pod-01', 'inbox').entries;
    expect(forge((e) => e.with(2, foreign[2]!))).toEqual(['send', 'aborted AGG_BAD_SHARE']);
  });
  it('by announcing too few', () => {
    expect(forge((entries) => entries.slice(0, 2))).toEqual(['aborted AGG_TOO_FEW_SURVIVORS']);
  });
  it('by adding a dealer of the cohort that was not in the announced roster', () => {
    const cohort = makeCohort(testSession(5, 6));
    runPhases(cohort, { answers: (pod) => pod !== 'pod-04' }, 0, 1);
    const { entries } = requestTo(cohort, POD, 'inbox');
    const request = say(cohort.session, 'inbox', { entries: [...entries, { ...entries[3]!, pod: 4 }] });
    expect(codes(deliverToPod(cohort, POD, request))).toEqual(['aborted AGG_BAD_MESSAGE']);
  });
});

describe('a coordinator that wants both shares of a pod', () => {
  const without = (body: Bodies['survivors'], pod: number): Bodies['survivors'] => ({
    uploads: body.uploads.filter((upload) => upload.pod !== pod),
  });

  it('gets exactly one kind a pod, by whether it survived', () => {
    const cohort = makeCohort(testSession(4, 6));
    runPhases(cohort, { answers: (pod, phase) => pod !== 'pod-03' || phase < 2 }, 0, 3);
    for (const { to, bytes } of cohort.toPods.splice(0)) {
      const [output] = deliverToPod(cohort, to, bytes);
      const index = podNames(4).indexOf(to);
      const { shares } = openMessage(cohort.session, 'release', index, (output as { bytes: Uint8Array }).bytes);
      expect(shares.map(({ of, kind }) => `${of} ${kind}`)).toEqual(['0 self', '1 self', '2 self', '3 key']);
      expect(cohort.clients.get(to)!.spent).toBe(true);
    }
  });

  it('by asking again with another survivor list, before or after the release', () => {
    const signed = cohortAt(3);
    const body = requestTo(signed, POD, 'survivors');
    deliverToPod(signed, POD, say(signed.session, 'survivors', body));
    expect(codes(deliverToPod(signed, POD, say(signed.session, 'survivors', without(body, 3))))).toEqual([
      'aborted AGG_EQUIVOCATION',
    ]);
    const released = cohortAt(5);
    const before = released.clients.get(POD)!;
    expect(codes(deliverToPod(released, POD, say(released.session, 'survivors', without(body, 3))))).toEqual([
      'rejected AGG_EQUIVOCATION',
    ]);
    expect(released.clients.get(POD)).toBe(before);
  });

  it('by showing different survivors to different pods: no set of t signatures exists', () => {
    const cohort = cohortAt(3);
    const body = requestTo(cohort, POD, 'survivors');
    const lists = [body, body, without(body, 0), without(body, 0)];
    const signatures = lists.map((list, i) => {
      const [output] = deliverToPod(cohort, podNames(4)[i]!, say(cohort.session, 'survivors', list));
      return (output as { bytes: Uint8Array }).bytes;
    });
    for (const messages of [signatures, signatures.slice(0, 3)]) {
      const own = cohort.clients.get(POD)!;
      const proof = say(cohort.session, 'proof', { messages });
      expect(codes(stepClient(own, { type: 'message', bytes: proof }).outputs)).toEqual(['aborted AGG_EQUIVOCATION']);
    }
  });

  it('with fewer than t signatures, one signature twice, or one from outside', () => {
    const cases: [(messages: Uint8Array[], session: Session) => Uint8Array[], string][] = [
      [(m) => m.slice(0, 2), 'AGG_TOO_FEW_SURVIVORS'],
      [(m) => [m[0]!, m[1]!, m[1]!], 'AGG_BAD_MESSAGE'],
      [(m) => [m[0]!, m[1]!, m[2]!.with(50, m[2]![50]! ^ 1)], 'AGG_BAD_MESSAGE'],
    ];
    for (const [change, code] of cases) {
      const cohort = cohortAt(4);
      const messages = change([...requestTo(cohort, POD, 'proof').messages], cohort.session);
      expect(codes(deliverToPod(cohort, POD, say(cohort.session, 'proof', { messages })))).toEqual([`aborted ${code}`]);
    }
    const cohort = makeCohort(testSession(4, 6));
    runPhases(cohort, { answers: (pod, phase) => pod !== 'pod-03' || phase < 2 }, 0, 3);
    const { survivorsHash } = cohort.server;
    const outside = encodeMessage(cohort.session, 'consistency', 3, identityOf('pod-03'), { survivorsHash });
    const messages = [...requestTo(cohort, POD, 'proof').messages, outside];
    expect(codes(deliverToPod(cohort, POD, say(cohort.session, 'proof', { messages })))).toEqual([
      'aborted AGG_BAD_MESSAGE',
    ]);
  });

  it('with survivors that are unknown, not us, too few, or twice', () => {
    const hash = new Uint8Array(32);
    const cases: [(b: Bodies['survivors']) => Bodies['survivors'], string][] = [
      [(b) => ({ uploads: [...b.uploads, { pod: 4, manifestHash: hash }] }), 'aborted AGG_BAD_MESSAGE'],
      [(b) => without(b, 0), 'aborted AGG_BAD_MESSAGE'],
      [(b) => ({ uploads: b.uploads.with(0, { pod: 0, manifestHash: hash }) }), 'aborted AGG_BAD_MESSAGE'],
      [(b) => without(without(b, 2), 3), 'aborted AGG_TOO_FEW_SURVIVORS'],
      // not strictly ascending: does not even parse
      [(b) => ({ uploads: [b.uploads[0]!, ...b.uploads] }), 'rejected AGG_BAD_MESSAGE'],
    ];
    for (const [change, expected] of cases) {
      const cohort = cohortAt(3);
      const body = change(requestTo(cohort, POD, 'survivors'));
      expect(codes(deliverToPod(cohort, POD, say(cohort.session, 'survivors', body)))).toEqual([expected]);
    }
  });
});

describe('one changed bit', () => {
  /** Runs a cohort and keeps, for each delivery, the receiver's state before it. */
  it('in any byte of any message is rejected and changes nothing', () => {
    const cohort = makeCohort(testSession(3, 3));
    for (let phase = 0; phase < 5; phase++) {
      for (const { to, bytes } of cohort.toPods.splice(0)) {
        if (to === POD)
          for (let at = 0; at < bytes.length; at++) {
            const before = cohort.clients.get(to)!;
            const flipped = bytes.with(at, bytes[at]! ^ (1 << (at % 8)));
            const { state, outputs } = stepClient(before, { type: 'message', bytes: flipped });
            expect(codes(outputs)).toEqual(['rejected AGG_BAD_MESSAGE']);
            expect(state).toBe(before);
          }
        deliverToPod(cohort, to, bytes);
      }
      for (const event of cohort.toServer.splice(0)) {
        if (event.type === 'close' || event.type === 'gone') continue;
        const fields = event.type === 'message' ? (['bytes'] as const) : (['manifest'] as const);
        for (const field of event.from === POD ? fields : []) {
          const bytes = (event as unknown as Record<string, Uint8Array>)[field]!;
          for (let at = 0; at < bytes.length; at++) {
            const altered = { ...event, [field]: bytes.with(at, bytes[at]! ^ (1 << (at % 8))) };
            const { state, outputs } = stepServer(cohort.server, altered);
            expect(outputs).toMatchObject([{ type: 'rejected', from: POD, error: { code: 'AGG_BAD_MESSAGE' } }]);
            expect(state).toBe(cohort.server);
          }
        }
        deliverToServer(cohort, event);
      }
      deliverToServer(cohort, { type: 'close' });
    }
    expect(sumOf(cohort)!.words).toEqual(plainSum(podNames(3), 3));
  });

  it('in a quoted message makes a pod abort even when the coordinator signs it', () => {
    for (const [phases, type] of [
      [1, 'roster'],
      [4, 'proof'],
    ] as const)
      fc.assert(
        fc.property(fc.nat(), fc.nat({ max: 7 }), fc.nat({ max: 2 }), (position, bit, which) => {
          const cohort = cohortAt(phases, 3);
          const body: Bodies['roster' | 'proof'] = requestTo(cohort, POD, type);
          const { messages } = body;
          const at = position % messages[which]!.length;
          const altered = messages[which]!.with(at, messages[which]![at]! ^ (1 << bit));
          const forged = say(cohort.session, type, { nonces: [], messages: messages.with(which, altered) });
          expect(codes(deliverToPod(cohort, POD, forged))).toEqual(['aborted AGG_BAD_MESSAGE']);
        }),
        { numRuns: 20 },
      );
  });

  it('too many or missing, is rejected by every codec', () => {
    const cohort = makeCohort(testSession(3, 3));
    for (let phase = 0; phase < 5; phase++) {
      for (const { to, bytes } of cohort.toPods.splice(0)) {
        const { type } = peekMessage(bytes);
        const body = bytes.subarray(36, bytes.length - 64);
        expect(() => decodeBody(type, new Uint8Array([...body, 0]))).toThrow(/too long/);
        for (let length = 0; length < body.length; length += 7)
          expect(() => decodeBody(type, body.subarray(0, length))).toThrow();
        deliverToPod(cohort, to, bytes);
      }
      for (const event of cohort.toServer.splice(0)) deliverToServer(cohort, event);
      deliverToServer(cohort, { type: 'close' });
    }
    for (const length of [0, 1, 36, 99])
      expect(() => peekMessage(new Uint8Array(length).fill(1))).toThrow(/not a message/);
  });
});

describe('a pod that cheats', () => {
  it('by releasing a share it was not dealt is named, and the sum is made without its answer', () => {
    const cohort = cohortAt(4);
    for (const { to, bytes } of cohort.toPods.splice(0)) deliverToPod(cohort, to, bytes);
    const honest = cohort.toServer.find((event) => event.type === 'message' && event.from === POD)!;
    const body = openMessage(cohort.session, 'release', 0, (honest as { bytes: Uint8Array }).bytes);
    for (let victim = 0; victim < 4; victim++) {
      const share = body.shares[victim]!.share;
      const shares = body.shares.with(victim, { ...body.shares[victim]!, share: share.with(31, share[31]! ^ 1) });
      const bytes = encodeMessage(cohort.session, 'release', 0, identityOf(POD), { ...body, shares });
      expect(stepServer(cohort.server, { type: 'message', from: POD, bytes }).outputs).toMatchObject([
        { type: 'rejected', error: { code: 'AGG_BAD_SHARE', facts: { pod: POD, dealer: podNames(4)[victim] } } },
      ]);
    }
    const kinds = body.shares.map((share) => ({ ...share, kind: 'key' as const }));
    for (const shares of [body.shares.slice(1), kinds]) {
      const bytes = encodeMessage(cohort.session, 'release', 0, identityOf(POD), { ...body, shares });
      expect(stepServer(cohort.server, { type: 'message', from: POD, bytes }).outputs).toMatchObject([
        { type: 'rejected', error: { code: 'AGG_BAD_MESSAGE', facts: { pod: POD } } },
      ]);
    }
    for (const event of cohort.toServer.splice(0)) if (event !== honest) deliverToServer(cohort, event);
    deliverToServer(cohort, { type: 'close' });
    expect(sumOf(cohort)!.words).toEqual(plainSum(podNames(4), 6));
  });

  /** pod-03 deals shares of other secrets than those it committed to, and uploads something when `uploads`. */
  function dealWrongly(uploads: boolean): Cohort {
    const cohort = cohortAt(1);
    const { session } = cohort;
    const holders = new Map(
      [...cohort.server.adverts].map(([i, { channelKey }]) => [i, { channelKey, point: pointAt(i) }]),
    );
    const secrets = secretsOf(session, 'pod-03');
    const other = drawSecrets(seededBytes('other'));
    const wrong = { ...secrets, selfSeed: other.selfSeed, mask: other.mask };
    const body = dealShares(session, 3, wrong, holders, sha256());
    const selfCommitment = commitSelfSeed(session, 3, secrets.selfSeed);
    for (const { to, bytes } of cohort.toPods.splice(0)) deliverToPod(cohort, to, bytes);
    const forged = encodeMessage(session, 'shares', 3, identityOf('pod-03'), { ...body, selfCommitment });
    replaceMessage(cohort, 'pod-03', forged);
    runPhases(cohort, {}, 1, 1);
    if (uploads) {
      const vector = new Uint8Array(24);
      const manifest = encodeMessage(session, 'manifest', 3, identityOf('pod-03'), {
        bytes: 24,
        sha256: sha256(vector),
      });
      deliverToServer(cohort, { type: 'upload', from: 'pod-03', manifest, vector });
    }
    runPhases(cohort, {}, 2, 4);
    return cohort;
  }

  it('by dealing shares of another secret is named when the secret is rebuilt', () => {
    for (const uploads of [false, true]) {
      const cohort = dealWrongly(uploads);
      expect(sumOf(cohort)).toBeUndefined();
      expect(failureOf(cohort)).toMatchObject({
        spent: true,
        error: { code: 'AGG_BAD_SHARE', facts: { pod: 'pod-03' } },
      });
    }
  });

  it('by sealing garbage for one pod is named in a signed complaint', () => {
    const cohort = cohortAt(1);
    const { session } = cohort;
    for (const { to, bytes } of cohort.toPods.splice(0)) deliverToPod(cohort, to, bytes);
    const honest = cohort.toServer.find((event) => event.type === 'message' && event.from === 'pod-03')!;
    const body = openMessage(session, 'shares', 3, (honest as { bytes: Uint8Array }).bytes);
    const entries = body.entries.with(0, { ...body.entries[0]!, sealed: new Uint8Array(80) });
    replaceMessage(cohort, 'pod-03', encodeMessage(session, 'shares', 3, identityOf('pod-03'), { ...body, entries }));
    runPhases(cohort, {}, 1, 1);
    const inbox = cohort.toPods.find(({ to }) => to === POD)!;
    expect(codes(deliverToPod(cohort, POD, inbox.bytes))).toEqual(['send', 'aborted AGG_BAD_SHARE']);
    const [complaint] = cohort.toServer.splice(0);
    expect(deliverToServer(cohort, complaint!)).toEqual([{ type: 'complaint', from: POD, dealer: 'pod-03' }]);
    expect(deliverToServer(cohort, complaint!)).toEqual([]);
    expect(cohort.server.awaiting).not.toContain(POD);
  });

  it('by complaining about itself or a stranger is rejected', () => {
    for (const dealer of [0, 9]) {
      const cohort = cohortAt(2);
      const bytes = encodeMessage(cohort.session, 'complaint', 0, identityOf(POD), { dealer });
      expect(deliverToServer(cohort, { type: 'message', from: POD, bytes })).toMatchObject([{ type: 'rejected' }]);
    }
  });

  it('by saying two things in one phase keeps its first word', () => {
    const cohort = makeCohort(testSession(4, 6));
    const first = cohort.toServer.find((event) => event.type === 'message' && event.from === POD)!;
    deliverToServer(cohort, first);
    const other = makeCohort(cohort.session, 'other').toServer.find((e) => e.type === 'message' && e.from === POD)!;
    expect(deliverToServer(cohort, other)).toMatchObject([{ type: 'rejected', error: { code: 'AGG_EQUIVOCATION' } }]);
    expect(cohort.server.accepted.advertise.get(0)).toBe((first as { bytes: Uint8Array }).bytes);
  });

  it('by advertising a key twice, a key of another pod, or one of small order is rejected', () => {
    const cohort = makeCohort(testSession(4, 6));
    const taken = cohort.toServer.find((event) => event.type === 'message' && event.from === 'pod-01')!;
    deliverToServer(cohort, taken);
    const theirs = openMessage(cohort.session, 'advertise', 1, (taken as { bytes: Uint8Array }).bytes);
    const own = drawSecrets(seededBytes('own')).mask.publicKey;
    for (const [maskKey, channelKey] of [
      [own, own],
      [theirs.maskKey, own],
      [own, theirs.maskKey],
      [new Uint8Array(32), own],
      [own, Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0))],
    ]) {
      const body = advertOf(cohort.session, maskKey!, channelKey!);
      const bytes = encodeMessage(cohort.session, 'advertise', 0, identityOf(POD), body);
      expect(deliverToServer(cohort, { type: 'message', from: POD, bytes })).toMatchObject([{ type: 'rejected' }]);
    }
    expect(cohort.server.accepted.advertise.size).toBe(1);
  });

  it('by dealing to other pods than the roster, or speaking for another, is rejected', () => {
    const cohort = cohortAt(1);
    for (const { to, bytes } of cohort.toPods.splice(0)) deliverToPod(cohort, to, bytes);
    const { bytes } = cohort.toServer.find((e) => e.type === 'message' && e.from === POD) as { bytes: Uint8Array };
    const body = openMessage(cohort.session, 'shares', 0, bytes);
    const short = encodeMessage(cohort.session, 'shares', 0, identityOf(POD), {
      ...body,
      entries: body.entries.slice(1),
    });
    for (const [from, message] of [
      [POD, short],
      ['pod-01', bytes],
      ['stranger', bytes],
    ] as const)
      expect(deliverToServer(cohort, { type: 'message', from, bytes: message })).toMatchObject([{ type: 'rejected' }]);
  });

  it('by uploading another length than the session has is rejected', () => {
    const cohort = cohortAt(2);
    const { session } = cohort;
    for (const bytes of [0, 20, 28]) {
      const promised = { bytes, sha256: sha256(new Uint8Array(bytes)) };
      const manifest = encodeMessage(session, 'manifest', 0, identityOf(POD), promised);
      expect(deliverToServer(cohort, { type: 'upload', from: POD, manifest })).toMatchObject([
        { type: 'rejected', error: { code: 'AGG_BAD_MESSAGE' } },
      ]);
    }
  });
});

describe('contexts', () => {
  it('differ in every parameter, so that replayed messages are rejected everywhere', () => {
    const roster = podNames(4).map((name) => ({ name, publicKey: identityOf(name).publicKey }));
    const others: Parameters<typeof testSession>[2][] = [
      { runId: 'run-2' },
      { round: 4 },
      { attempt: 1 },
      { purpose: 'validation' },
      { coordinator: identityOf('another coordinator').publicKey },
      { shape: [{ bits: 32, length: 7 }] },
      { shape: [{ bits: 16, length: 6 }] },
      { wireBytes: 23 },
      { minimum: 4 },
      { publicHash: sha256(frame('another model')) },
      { roster: roster.with(3, { name: 'pod-03', publicKey: identityOf('mallory').publicKey }) },
      { roster: roster.with(3, { name: 'pod-04', publicKey: identityOf('pod-03').publicKey }) },
      { roster: roster.slice(0, 3) },
    ];
    const cohort = makeCohort(testSession(4, 6));
    const roster1 = cohortAt(1).toPods[0]!.bytes;
    for (const overrides of others) {
      const session = testSession(4, 6, overrides);
      expect(session.ctx).not.toEqual(cohort.session.ctx);
      const [advert] = cohort.toServer;
      if (overrides?.coordinator === undefined)
        expect(stepServer(startServer(session, coordinator), advert!).outputs).toMatchObject([
          { type: 'rejected', error: { code: overrides?.publicHash ? 'AGG_EQUIVOCATION' : 'AGG_BAD_MESSAGE' } },
        ]);
      const pod = startClient({ session, self: POD, identity: identityOf(POD) }, seededBytes('replay'));
      expect(codes(stepClient(pod.state, { type: 'message', bytes: roster1 }).outputs)).toEqual([
        'rejected AGG_BAD_MESSAGE',
      ]);
    }
  });

  it('of two base models never meet in one sum, and nobody uploads', () => {
    const cohort = makeCohort(testSession(4, 6));
    const twisted = makeCohort(testSession(4, 6, { publicHash: sha256(frame('canary model')) }));
    const mixed = [...cohort.toServer.splice(0).slice(0, 2), ...twisted.toServer.splice(0).slice(2)];
    for (const event of mixed) deliverToServer(cohort, event);
    expect(cohort.reports).toMatchObject([
      { type: 'rejected', error: { code: 'AGG_EQUIVOCATION' } },
      { type: 'rejected', error: { code: 'AGG_EQUIVOCATION' } },
    ]);
    deliverToServer(cohort, { type: 'close' });
    expect(failureOf(cohort)).toMatchObject({ spent: false, error: { code: 'AGG_TOO_FEW_SURVIVORS' } });
    const messages = mixed.map((event) => (event as { bytes: Uint8Array }).bytes);
    for (const each of [cohort, twisted])
      expect(codes(deliverToPod(each, each === cohort ? POD : 'pod-02', roster(each.session, messages)))).toEqual([
        'aborted AGG_EQUIVOCATION',
      ]);
  });

  it('are refused with bad parameters', () => {
    const good = testSession(4, 6);
    const bad: Parameters<typeof testSession>[2][] = [
      { roster: good.roster.slice(0, 2) },
      { roster: [...good.roster, good.roster[0]!] },
      { roster: good.roster.with(0, { name: 'pod-00', publicKey: good.roster[1]!.publicKey }) },
      { roster: good.roster.with(0, { name: 'pod-00', publicKey: coordinator.publicKey }) },
      { roster: good.roster.with(0, { name: 'pod-00', publicKey: new Uint8Array(31) }) },
      { round: 2 ** 32 },
      { round: 0.5 },
      { attempt: -1 },
      { wireBytes: 0 },
      { wireBytes: 1.5 },
      { publicHash: new Uint8Array(0) },
    ];
    for (const overrides of bad)
      expect(() => openSession({ ...good, ...overrides })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(() => startServer(good, identityOf('mallory'))).toThrow(/coordinator/);
    const random = seededBytes('start');
    for (const change of [{ self: 'stranger' }, { identity: identityOf('mallory') }])
      expect(() => startClient({ session: good, self: POD, identity: identityOf(POD), ...change }, random)).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID' }),
      );
  });

  it('do not depend on the order in which the roster is given', () => {
    const session = testSession(4, 6);
    expect(openSession({ ...session, roster: [...session.roster].reverse() }).ctx).toEqual(session.ctx);
    expect(hashSurvivors(session, { uploads: [] })).not.toEqual(hashSurvivors(testSession(4, 7), { uploads: [] }));
  });
});
