import { describe, expect, it } from 'vitest';
import { deliverToPod, makeCohort, runPhases, testSession } from '../../../test/support/secaggCohort.ts';
import { badVectors, goodVector } from '../../../test/support/secaggVectors.ts';
import good from '../../../test/vectors/secagg/v2_attempt.json' with { type: 'json' };
import bad from '../../../test/vectors/secagg/v2_bad_requests.json' with { type: 'json' };
import { stepClient } from './client.ts';

// a change of these files is a change of the protocol: it needs another version label
describe('test vectors', () => {
  it('of a whole attempt are reproduced byte for byte', () => {
    expect(goodVector()).toEqual(good);
    for (let i = 0; i < good.sum.length; i++) {
      const plain = good.pods.filter(({ name }) => good.survivors.includes(name)).map(({ input }) => input[i]!);
      expect(good.sum[i]).toBe(plain.reduce((sum, word) => (sum + word) >>> 0));
    }
  });

  it('of bad requests are reproduced', () => {
    expect(badVectors()).toEqual(bad);
  });

  for (const { name, answered, message, outcome, code } of bad)
    it(`${outcome}: ${name}`, () => {
      const cohort = makeCohort(testSession(4, 6));
      for (let phase = 0; phase < answered; phase++) runPhases(cohort, {}, phase, phase);
      const request = cohort.toPods.find(({ to }) => to === 'pod-00');
      if (answered > 0) deliverToPod(cohort, 'pod-00', request!.bytes);
      const before = cohort.clients.get('pod-00')!;
      const { state, outputs } = stepClient(before, { type: 'message', bytes: Buffer.from(message, 'hex') });
      expect(outputs).toMatchObject([{ type: outcome, error: { code } }]);
      expect(state.phase).toBe(outcome === 'aborted' ? 'aborted' : before.phase);
    });
});
