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
import { advertOf, codes, cohortAt, replaceMessage, secretsOf } from '../../../test/support/secaggSpeech.ts';
import { sha256 } from '../../crypto/index.ts';
import { encodeMessage, openMessage } from './messages.ts';
import { stepServer } from './server.ts';
import { commitSelfSeed, dealShares, drawSecrets, pointAt } from './sharing.ts';

const POD = 'pod-00';

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
