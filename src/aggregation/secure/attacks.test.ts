import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Cohort,
  deliverToPod,
  deliverToServer,
  identityOf,
  makeCohort,
  plainSum,
  podNames,
  runPhases,
  seededBytes,
  sumOf,
  testSession,
} from '../../../test/support/secaggCohort.ts';
import { advertOf, codes, cohortAt, requestTo, roster, say } from '../../../test/support/secaggSpeech.ts';
import { stepClient } from './client.ts';
import { type Session } from './context.ts';
import { type Bodies, COORDINATOR, decodeBody, encodeMessage, openMessage, peekMessage } from './messages.ts';
import { stepServer } from './server.ts';
import { drawSecrets } from './sharing.ts';

const POD = 'pod-00';

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
