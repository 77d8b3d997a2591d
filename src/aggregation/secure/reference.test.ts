import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { referenceAttempt, referencePack, referenceThresholds } from '../../../test/support/secaggReference.ts';
import { replay } from '../../../test/support/secaggReplay.ts';
import { attemptInputs } from '../../../test/support/secaggVectors.ts';
import { packLanes } from '../vector.ts';
import { shapeOf, type VectorSpec } from '../vectorSpec.ts';
import { toWire } from '../vectorWire.ts';
import { type CohortAssumptions, thresholdsFor } from './parameters.ts';

describe('both implementations', () => {
  const shape = fc.array(
    fc.record({ bits: fc.constantFrom(8 as const, 16 as const, 32 as const), length: fc.integer({ min: 1, max: 40 }) }),
    { minLength: 1, maxLength: 3 },
  );
  const lost = fc.array(fc.constantFrom(5, 5, 5, 5, 0, 1, 2, 3, 4), { minLength: 6, maxLength: 6 });

  it('say the same in the complete graph, whoever is lost whenever', () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 6 }), shape, lost, fc.string(), (n, lanes, lostIn, label) => {
        const inputs = attemptInputs(label, n, { shape: lanes }, lostIn);
        expect(replay(inputs)).toEqual(referenceAttempt(inputs));
      }),
      { numRuns: 12 },
    );
  });

  it('say the same among neighbours, whoever is lost whenever', () => {
    const lostPods = fc.dictionary(fc.nat({ max: 32 }).map(String), fc.integer({ min: 1, max: 4 }), { maxKeys: 3 });
    fc.assert(
      fc.property(lostPods, fc.string(), (lostIn, label) => {
        const assumptions = { colluding: 0, dropouts: 0 };
        const inputs = attemptInputs(label, 33, { assumptions, shape: [{ bits: 8, length: 3 }] }, lostIn);
        expect(replay(inputs)).toEqual(referenceAttempt(inputs));
      }),
      { numRuns: 1 },
    );
  });

  it('have the same thresholds, computed with floating-point numbers and with exact fractions', () => {
    const assumed: CohortAssumptions[] = [
      {},
      { colluding: 0 },
      { colluding: 0.2 },
      { colluding: 0.05, dropouts: 0.05 },
      { colluding: 0.1, dropouts: 0.3 },
      { graph: 'complete' },
    ];
    for (const assumptions of assumed)
      for (const n of [3, 4, 5, 7, 10, 31, 32, 33, 34, 40, 57, 100, 150, 255]) {
        const { colluding: c, k, t, signatures: s, minSurvivors: m } = thresholdsFor(n, assumptions);
        expect({ n, c, k, t, s, m }).toEqual(referenceThresholds(n, assumptions));
      }
  });

  it('put integers of any width on the wire alike', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 8, max: 32 }),
        fc.array(fc.float({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 }),
        (bits, update) => {
          const spec: VectorSpec = {
            ...{ cohort: 3, updateLength: update.length, clip: 1, maxWeight: 1, extras: [], counts: [], bits },
          };
          const lanes = shapeOf(spec)[0]!.bits;
          const bytes = packLanes({ update: Float32Array.from(update), weight: 1, extras: {}, counts: {} }, spec);
          const values = update.map((_, i) =>
            Number(
              BigInt.asUintN(
                bits,
                bytes.slice((i * lanes) / 8, ((i + 1) * lanes) / 8).reduceRight((v, b) => 256n * v + BigInt(b), 0n),
              ),
            ),
          );
          expect(toWire(bytes, spec).slice(0, Math.ceil((update.length * bits) / 8))).toEqual(
            referencePack(values, bits),
          );
        },
      ),
      { numRuns: 50 },
    );
  });
});
