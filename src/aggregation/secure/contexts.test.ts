import { describe, expect, it } from 'vitest';
import {
  deliverToPod,
  deliverToServer,
  failureOf,
  identityOf,
  makeCohort,
  podNames,
  seededBytes,
  testSession,
} from '../../../test/support/secaggCohort.ts';
import { codes, cohortAt, roster } from '../../../test/support/secaggSpeech.ts';
import { frame } from '../../base/index.ts';
import { sha256 } from '../../crypto/index.ts';
import { hashSurvivors } from './checks.ts';
import { startClient, stepClient } from './client.ts';
import { openSession } from './context.ts';
import { startServer, stepServer } from './server.ts';

const POD = 'pod-00';
const coordinator = identityOf('coordinator');

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
