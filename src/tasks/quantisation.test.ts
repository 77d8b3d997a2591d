import { describe, expect, it } from 'vitest';
import { quantisationBound } from '../aggregation/index.ts';
import { checkQuantisation, quantisationOf, quantisationSettings } from './quantisation.ts';

describe('quantisation of a task', () => {
  it('is exact by default, and agrees on scales where few bits need it', () => {
    const defaults = { bits: 32, rounding: 'nearest', scaleQuantile: 1, rotation: false, scale: 'fixed' };
    expect(quantisationOf({})).toEqual(defaults);
    expect(quantisationOf({ bits: 24 })).toEqual({ ...defaults, bits: 24, scale: 'per_tensor' });
    expect(quantisationOf({ bits: 16, rotation: true })).toMatchObject({ scale: 'global' });
    expect(quantisationOf({ bits: 16, scale: 'fixed' })).toMatchObject({ scale: 'fixed' });
  });

  it('takes the smallest width for a precision, which pods are told as bits', () => {
    for (const pods of [3, 40])
      for (const precision of [0.1, 1e-3, 1e-6])
        for (const rounding of ['nearest', 'stochastic'] as const) {
          const { bits, ...others } = quantisationSettings({ precision, rounding }, pods);
          expect(others).toEqual({ rounding });
          const own = { clip: 1, maxWeight: 900, maxTotalWeight: 900, cohort: pods, rounding };
          const bound = (width: number): number => quantisationBound({ ...own, bits: width }, 900, pods);
          expect(bound(bits!)).toBeLessThanOrEqual(precision);
          if (bits! > 9) expect(bound(bits! - 1)).toBeGreaterThan(precision);
        }
    const check = (file: object) =>
      checkQuantisation(file, ['task', 'aggregator'], true, 3).map(({ message }) => message);
    expect(check({ precision: 1e-3 })).toEqual([]);
    expect(check({ precision: 1e-3, bits: 16 })).toEqual([expect.stringContaining('not beside task.aggregator.bits')]);
    expect(check({ precision: 1e-15 })).toEqual([expect.stringContaining('no width up to 32 bits')]);
  });

  it('names the smallest width for the pods of the task', () => {
    const [problem, ...more] = checkQuantisation({ bits: 8 }, ['task', 'aggregator'], true, 100);
    expect(more).toEqual([]);
    expect(problem).toMatchObject({ path: ['task', 'aggregator', 'bits'] });
    expect(problem!.message).toContain('at least 9 are needed');
    expect(checkQuantisation({ bits: 8 }, [], true, 60)).toEqual([]);
  });
});
