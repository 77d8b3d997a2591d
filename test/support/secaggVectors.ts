/**
 * Test vectors of the secure sum: one whole attempt with a pod lost in upload, and messages that must be refused. All
 * bytes are hex; a pod's `random` are its four 32-byte draws: dealing seed, b, mask scalar, channel scalar.
 * @module
 */

import { COORDINATOR, encodeMessage, openMessage } from '../../src/aggregation/secure/messages.ts';
import { toHex } from '../../src/base/index.ts';
import {
  deliverToPod,
  deliverToServer,
  identityOf,
  inputOf,
  makeCohort,
  podNames,
  seededBytes,
  sumOf,
  testSession,
} from './secaggCohort.ts';

const LENGTH = 6;

export function goodVector(): unknown {
  const session = testSession(4, LENGTH);
  const cohort = makeCohort(session);
  const transcript: unknown[] = [];
  for (let phase = 0; phase < 5; phase++) {
    for (const { to, bytes } of cohort.toPods.splice(0)) {
      if (to === 'pod-02' && phase >= 2) continue;
      transcript.push({ to, message: toHex(bytes) });
      deliverToPod(cohort, to, bytes);
    }
    for (const event of cohort.toServer.splice(0)) {
      if (event.type === 'message') transcript.push({ from: event.from, message: toHex(event.bytes) });
      if (event.type === 'upload')
        transcript.push({ from: event.from, message: toHex(event.manifest), vector: toHex(event.vector!) });
      deliverToServer(cohort, event);
    }
    deliverToServer(cohort, { type: 'close' });
  }
  const { runId, round, attempt, purpose, publicHash, base, ctx, n, k, t, signatures, minSurvivors } = session;
  return {
    session: {
      runId,
      round,
      attempt,
      purpose,
      words: LENGTH,
      publicHash: toHex(publicHash),
      ...{ n, k, t, signatures, minSurvivors },
    },
    base: toHex(base),
    ctx: toHex(ctx),
    coordinatorSecret: toHex(identityOf('coordinator').secret),
    pods: podNames(4).map((name) => {
      const random = seededBytes(`cohort/${name}/0`);
      return {
        name,
        identitySecret: toHex(identityOf(name).secret),
        random: [random(32), random(32), random(32), random(32)].map(toHex),
        input: Array.from(inputOf(name, LENGTH)),
      };
    }),
    transcript,
    survivors: sumOf(cohort)!.survivors,
    sum: Array.from(sumOf(cohort)!.words),
  };
}

/** For pod-00 of the good vector's cohort after `answered` requests: what it must do with a message. */
export function badVectors(): { name: string; answered: number; message: string; outcome: string; code: string }[] {
  const session = testSession(4, LENGTH);
  const coordinator = identityOf('coordinator');
  const cohort = makeCohort(session);
  const requests: Uint8Array[] = [];
  for (let phase = 0; phase < 5; phase++) {
    for (const { to, bytes } of cohort.toPods.splice(0)) {
      if (to === 'pod-00') requests.push(bytes);
      deliverToPod(cohort, to, bytes);
    }
    for (const event of cohort.toServer.splice(0)) deliverToServer(cohort, event);
    deliverToServer(cohort, { type: 'close' });
  }
  const roster = openMessage(session, 'roster', COORDINATOR, requests[0]!).messages;
  const inbox = openMessage(session, 'inbox', COORDINATOR, requests[1]!).entries;
  const { uploads } = openMessage(session, 'survivors', COORDINATOR, requests[2]!);
  const proof = openMessage(session, 'proof', COORDINATOR, requests[3]!).messages;
  const quote = (type: 'roster' | 'proof', messages: readonly Uint8Array[]): Uint8Array =>
    encodeMessage(session, type, COORDINATOR, coordinator, { nonces: [], messages });
  const inboxOf = (entries: typeof inbox): Uint8Array =>
    encodeMessage(session, 'inbox', COORDINATOR, coordinator, { entries });
  const survivors = (list: typeof uploads): Uint8Array =>
    encodeMessage(session, 'survivors', COORDINATOR, coordinator, { uploads: list });
  const stranger = encodeMessage(session, 'roster', COORDINATOR, identityOf('mallory'), {
    nonces: [],
    messages: roster,
  });
  const last = requests[0]!.length - 1;
  const bad = (name: string, answered: number, bytes: Uint8Array, outcome: string, code = 'AGG_BAD_MESSAGE') => ({
    name,
    answered,
    message: toHex(bytes),
    outcome,
    code,
  });
  return [
    bad('roster with a flipped signature bit', 0, requests[0]!.with(last, requests[0]![last]! ^ 1), 'rejected'),
    bad('roster signed by a stranger', 0, stranger, 'rejected'),
    bad('inbox before the roster', 0, requests[1]!, 'rejected'),
    bad('roster without the receiver', 0, quote('roster', roster.slice(1)), 'aborted'),
    bad('roster with a pod twice', 0, quote('roster', [roster[0]!, roster[0]!, roster[1]!]), 'aborted'),
    bad('roster of two', 0, quote('roster', roster.slice(0, 2)), 'aborted', 'AGG_TOO_FEW_SURVIVORS'),
    bad('second, different roster', 1, quote('roster', roster.slice(0, 3)), 'aborted', 'AGG_EQUIVOCATION'),
    bad('inbox without the receiver', 1, inboxOf(inbox.slice(1)), 'aborted'),
    bad('inbox of two', 1, inboxOf(inbox.slice(0, 2)), 'aborted', 'AGG_TOO_FEW_SURVIVORS'),
    bad('survivors without the receiver', 2, survivors(uploads.slice(1)), 'aborted'),
    bad('survivors with a stranger', 2, survivors([...uploads, { ...uploads[0]!, pod: 4 }]), 'aborted'),
    bad('survivors twice', 2, survivors([uploads[0]!, ...uploads]), 'rejected'),
    bad('second, different survivors', 3, survivors(uploads.slice(0, 3)), 'aborted', 'AGG_EQUIVOCATION'),
    bad('proof with two signatures', 3, quote('proof', proof.slice(0, 2)), 'aborted', 'AGG_TOO_FEW_SURVIVORS'),
    bad('proof with one signature twice', 3, quote('proof', [proof[0]!, proof[0]!, proof[1]!]), 'aborted'),
    bad('different survivors after the release', 4, survivors(uploads.slice(0, 3)), 'rejected', 'AGG_EQUIVOCATION'),
  ];
}
