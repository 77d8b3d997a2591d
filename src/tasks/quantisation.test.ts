import { describe, expect, it } from 'vitest';
import { checkQuantisation, quantisationOf } from './quantisation.ts';

describe('quantisation of a task', () => {
  it('is exact by default, and agrees on scales where few bits need it', () => {
    const defaults = { bits: 32, rounding: 'nearest', scaleQuantile: 1, rotation: false, scale: 'fixed' };
    expect(quantisationOf({})).toEqual(defaults);
    expect(quantisationOf({ bits: 24 })).toEqual({ ...defaults, bits: 24, scale: 'per_tensor' });
    expect(quantisationOf({ bits: 16, rotation: true })).toMatchObject({ scale: 'global' });
    expect(quantisationOf({ bits: 16, scale: 'fixed' })).toMatchObject({ scale: 'fixed' });
  });

  it('names the smallest width for the pods of the task', () => {
    const [problem, ...more] = checkQuantisation({ bits: 8 }, ['task', 'aggregator'], true, 100);
    expect(more).toEqual([]);
    expect(problem).toMatchObject({ path: ['task', 'aggregator', 'bits'] });
    expect(problem!.message).toContain('at least 9 are needed');
    expect(checkQuantisation({ bits: 8 }, [], true, 60)).toEqual([]);
  });
});
