import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  failureOf,
  makeCohort,
  plainSum,
  podNames,
  runPhases,
  sumOf,
  testSession,
} from '../../../test/support/secaggCohort.ts';

const COHORTS = [3, 4, 5, 10, 20];

describe('secure sum', () => {
  for (const n of COHORTS)
    for (const length of [1, 7, 130])
      it(`of ${n} pods and ${length} words is bit for bit the plain sum`, () => {
        const cohort = makeCohort(testSession(n, length));
        runPhases(cohort);
        expect(cohort.podReports).toEqual([]);
        expect(cohort.reports.map((report) => report.type)).toEqual(['sum']);
        expect(sumOf(cohort)!.survivors).toEqual(podNames(n));
        expect(sumOf(cohort)!.words).toEqual(plainSum(podNames(n), length));
        expect(cohort.server.phase).toBe('done');
      });

  it('spans several mask chunks, with a last one that is not full', () => {
    const cohort = makeCohort(testSession(3, 2 * 4096 + 5));
    runPhases(cohort, { answers: (pod, phase) => pod !== 'pod-01' || phase < 3 });
    expect(sumOf(cohort)!.words).toEqual(plainSum(podNames(3), 2 * 4096 + 5));
  });

  for (const n of COHORTS)
    it(`of ${n} pods is of exactly the survivors, or fails cleanly, whoever is lost in whichever phase`, () => {
      const lossAt = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant(5) }, fc.integer({ min: 0, max: 4 })), {
        minLength: n,
        maxLength: n,
      });
      fc.assert(
        fc.property(lossAt, (lostIn) => {
          const names = podNames(n);
          const { t, minSurvivors } = testSession(n, 9);
          const cohort = makeCohort(testSession(n, 9));
          runPhases(cohort, { answers: (pod, phase) => phase < lostIn[names.indexOf(pod)]! });
          const answered = (phase: number): string[] => names.filter((_, i) => lostIn[i]! > phase);
          const possible = answered(2).length >= minSurvivors && answered(3).length >= t && answered(4).length >= t;
          if (possible) {
            expect(sumOf(cohort)!.survivors).toEqual(answered(2));
            expect(sumOf(cohort)!.words).toEqual(plainSum(answered(2), 9));
          } else {
            expect(sumOf(cohort)).toBeUndefined();
            expect(failureOf(cohort)!.error.code).toBe('AGG_TOO_FEW_SURVIVORS');
            expect(failureOf(cohort)!.spent).toBe(answered(2).length >= minSurvivors && answered(3).length >= t);
          }
        }),
        { numRuns: n > 10 ? 8 : 25 },
      );
    });
});
