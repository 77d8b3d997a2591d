/**
 * Every supported operator with random shapes and attributes: forward against a float64 evaluator and onnxruntime on the
 * original node, reverse against central differences.
 * @module
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildCase, checkLowered, checkReference } from '../../../test/support/operatorCases/check.ts';
import { damaged } from '../../../test/support/operatorCases/damage.ts';
import { CASES, Draw } from '../../../test/support/operatorCases/index.ts';
import { isKonsilError } from '../../base/index.ts';
import { supportedOperators } from './index.ts';

/** `SEED=7 RUNS=500 npx vitest run --project unit src/training/operators` looks further. */
const SEED = Number(process.env['SEED'] ?? 20261121);
const RUNS = Number(process.env['RUNS'] ?? 40);

const TARGETS = ['cpu', 'gpu'] as const;

describe('operators', () => {
  for (const [op, make] of Object.entries(CASES))
    it(`${op} (seed ${SEED})`, async () => {
      const property = fc.asyncProperty(fc.gen(), async (generate) => {
        const draw = new Draw(generate);
        const given = make(draw);
        await checkReference(op, given);
        await checkLowered(op, given, draw.rng, draw.pick(TARGETS));
      });
      await fc.assert(property, { seed: SEED, numRuns: RUNS });
    });

  it.each(Object.keys(CASES))('%s: refuses damage with a code', (op) => {
    const property = fc.property(fc.gen(), (generate) => {
      const draw = new Draw(generate);
      const node = damaged(op, CASES[op]!(draw), draw);
      try {
        buildCase(node.node, node.given, draw.pick(TARGETS));
      } catch (error) {
        if (!isKonsilError(error)) throw error;
      }
    });
    fc.assert(property, { seed: SEED, numRuns: 3 * RUNS });
  });

  it('every supported operator has cases, and every case is of one', () => {
    expect(Object.keys(CASES).sort()).toEqual([...supportedOperators()].sort());
  });
});
