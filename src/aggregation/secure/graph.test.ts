import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  failureOf,
  identityOf,
  makeCohort,
  nonceOf,
  plainSum,
  podNames,
  runPhases,
  seededBytes,
  sumOf,
  testSession,
} from '../../../test/support/secaggCohort.ts';
import { startClient } from './client.ts';
import { drawGraph } from './graph.ts';
import { failureBits, LIVENESS_BITS, SECRECY_BITS, thresholdsFor } from './parameters.ts';

const SPARSE = { colluding: 0.05, dropouts: 0.05 };

describe('a neighbour graph', () => {
  it('has the failure probabilities it was chosen for, from exact tails', () => {
    for (const n of [33, 50, 100, 300, 1000])
      for (const colluding of [0.05, 0.1, 0.2]) {
        const thresholds = thresholdsFor(n, { colluding, dropouts: 0.1 });
        const { k, t, colluding: bad, minSurvivors, signatures } = thresholds;
        const { secrecy, liveness } = failureBits(thresholds, 0.1);
        expect(secrecy).toBeLessThanOrEqual(-SECRECY_BITS);
        expect(liveness).toBeLessThanOrEqual(-LIVENESS_BITS);
        expect(2 * t).toBeGreaterThan(k + 1);
        expect(2 * signatures).toBeGreaterThan(n + bad);
        expect(minSurvivors).toBeGreaterThanOrEqual(Math.max(signatures, bad + 2));
      }
  });
  it('is as dense as published ones', () => {
    // the degrees and thresholds of the semi-malicious rule of Google's graph_parameter_finder, sigma 40, eta 20
    expect(thresholdsFor(100, { colluding: 0.1, dropouts: 0.1 })).toMatchObject({ k: 32, t: 22 });
    expect(thresholdsFor(100, { colluding: 0.2, dropouts: 0.1 })).toMatchObject({ k: 42, t: 32 });
    expect(thresholdsFor(100, { colluding: 0.1, dropouts: 0.2 })).toMatchObject({ k: 52, t: 32 });
    expect(thresholdsFor(10_000, { colluding: 0.1, dropouts: 0.1 })).toMatchObject({ k: 122, t: 85 });
  });
  it('is refused when nothing is safe', () => {
    expect(() => thresholdsFor(1000, { colluding: 0.33, dropouts: 0.33 })).toThrow(/no neighbour graph of 1000 pods/);
    expect(() => thresholdsFor(300, { graph: 'complete' })).toThrow(/at most 255/);
    expect(() => thresholdsFor(50, { colluding: 0.5 })).toThrow(/fraction/);
  });

  it('is complete where no sparser one is safe, and then cannot fail', () => {
    const thresholds = thresholdsFor(33, { colluding: 0.3, dropouts: 0.3 });
    expect(thresholds).toMatchObject({ k: 32, colluding: 10, t: 22 });
    expect(failureBits(thresholds)).toEqual({
      secrecy: Number.NEGATIVE_INFINITY,
      liveness: Number.NEGATIVE_INFINITY,
    });
    expect(() => thresholdsFor(3, { colluding: 0.49 })).toThrow(/leave no safe threshold/);
  });

  it.each([1, 2, 4])('ends when somebody has too few neighbours left, in phase %i', (phase) => {
    const session = testSession(36, 3, { assumptions: SPARSE });
    const nonces = session.roster.map(({ name }) => nonceOf(name, 0));
    const own = drawGraph(session, nonces)[0]!.filter((holder) => holder !== 0);
    const lost = new Set(own.slice(session.t - 2).map((holder) => session.roster[holder]!.name));
    expect(session.n - lost.size).toBeGreaterThanOrEqual(session.minSurvivors);
    const cohort = makeCohort(session);
    runPhases(cohort, { answers: (pod, at) => at < phase || !lost.has(pod) });
    const { error, spent } = failureOf(cohort)!;
    expect(error).toMatchObject({ code: 'AGG_TOO_FEW_SURVIVORS', facts: { need: session.t } });
    expect(error.message).toContain('holders of pod ');
    expect(spent).toBe(phase === 4);
  });

  it('is regular, symmetric, connected and drawn from every nonce', () => {
    const session = testSession(60, 3, { assumptions: SPARSE });
    const nonces = podNames(60).map((name) => nonceOf(name, 0));
    const holders = drawGraph(session, nonces);
    for (const [pod, list] of holders.entries()) {
      expect(list).toHaveLength(session.k + 1);
      expect(list).toContain(pod);
      expect(new Set(list).size).toBe(list.length);
      for (const holder of list) expect(holders[holder]).toContain(pod);
    }
    const seen = new Set([0]);
    for (const pod of seen) for (const holder of holders[pod]!) seen.add(holder);
    expect(seen.size).toBe(60);
    fc.assert(
      fc.property(fc.nat(59), (pod) => {
        const other = drawGraph(session, nonces.with(pod, nonceOf('another', 0)));
        expect(other).not.toEqual(holders);
      }),
      { numRuns: 10 },
    );
  });

  it('places every pod everywhere equally often', () => {
    const session = testSession(33, 3, { assumptions: SPARSE });
    const counts = new Float64Array(33);
    const draws = 2000;
    for (let i = 0; i < draws; i++)
      for (const holder of drawGraph(session, [seededBytes(`draw ${i}`)(32)])[0]!) if (holder > 0) counts[holder]!++;
    const expected = (draws * session.k) / 32;
    const chi = counts.subarray(1).reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 31 degrees of freedom, tail below 2^-64 (Laurent and Massart 2000, lemma 1)
    expect(chi).toBeLessThan(31 + 2 * Math.sqrt(31 * 45) + 90);
  });

  it('needs a commitment of every pod, kept by its nonce', () => {
    expect(() => testSession(40, 3, { commitments: new Map() })).toThrow(/has not committed to a nonce/);
    const session = testSession(40, 3);
    const config = { session, self: 'pod-00', identity: identityOf('pod-00') };
    expect(() => startClient({ ...config, nonce: nonceOf('pod-01', 0) }, seededBytes('x'))).toThrow(/another nonce/);
  });

  it('sums exactly the survivors, whoever is lost in whichever phase after the keys', () => {
    const names = podNames(36);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(35), fc.integer({ min: 1, max: 4 })), { maxLength: 4 }), (losses) => {
        const cohort = makeCohort(testSession(36, 9, { assumptions: SPARSE }));
        const lostIn = new Map(losses.map(([pod, phase]) => [names[pod]!, phase]));
        runPhases(cohort, { answers: (pod, phase) => phase < (lostIn.get(pod) ?? 5) });
        const survivors = names.filter((name) => (lostIn.get(name) ?? 5) > 2);
        if (failureOf(cohort)) expect(failureOf(cohort)!.error.code).toBe('AGG_TOO_FEW_SURVIVORS');
        else {
          expect(sumOf(cohort)!.survivors).toEqual(survivors);
          expect(sumOf(cohort)!.words).toEqual(plainSum(survivors, 9));
        }
      }),
      { numRuns: 6 },
    );
  });

  it('is not drawn without everybody: a nonce left out ends the attempt, unspent', () => {
    const cohort = makeCohort(testSession(36, 9, { assumptions: SPARSE }));
    runPhases(cohort, { answers: (pod) => pod !== 'pod-07' }, 0, 0);
    expect(failureOf(cohort)).toMatchObject({ spent: false, error: { code: 'AGG_TOO_FEW_SURVIVORS' } });
  });
});
