import { describe, expect, it } from 'vitest';
import { quantiseLevels, rangeCounts } from '../../aggregation/index.ts';
import type { AggregatorSettings } from '../../tasks/index.ts';
import type { Purpose, SecureParameters } from '../../wire/index.ts';
import { checkSecure, clipsOf, exactSums, rangeInput, stretchesOf, updateParameters } from './quantisation.ts';
import { sumSpec } from './sums.ts';

const settings = (more: Partial<AggregatorSettings> = {}) => ({
  aggregator: { secure: true, minimumCohort: 3, ...more },
  pods: ['a', 'b', 'c', 'd'],
});
const defaults = { bits: 32, rounding: 'nearest', scale: 'fixed', rotation: false, scaleQuantile: 1 } as const;

describe('parameters of a round', () => {
  it('bound the weight of a sum by the rows that were found, and one more pod of that size for each absent', () => {
    const four = updateParameters(settings(), { rows: 1000, absent: 0 });
    expect(four).toMatchObject({ maxWeight: 1000, maxTotalWeight: 1000, cohort: 4, clip: 8, bits: 32 });
    expect(quantiseLevels(four)).toBe(0x7fffffff - 4);
    expect(updateParameters(settings(), { rows: 1000, absent: 1 }).maxTotalWeight).toBe(2000);
    expect(updateParameters(settings({ clip: 2, bits: 16 }), { rows: 9, absent: 0 })).toMatchObject({
      clip: 2,
      bits: 16,
    });
  });

  it('fit the exact slots with any cohort that a task may have', () => {
    for (const cohort of [3, 215, 1000]) {
      expect(() => quantiseLevels(exactSums(cohort))).not.toThrow();
      const pods = Array.from({ length: cohort }, (_, i) => `${i}`);
      const update = updateParameters({ ...settings(), pods }, { rows: 4e9, absent: 2 });
      expect(() => quantiseLevels(update)).not.toThrow();
    }
  });

  it('agree on a clip for each tensor, for all, or for each block of a rotation', () => {
    const tensors = [100_000, 0, 10];
    expect(stretchesOf(defaults, tensors)).toEqual([]);
    expect(stretchesOf({ ...defaults, scale: 'per_tensor' }, tensors)).toEqual([100_000, 10]);
    expect(stretchesOf({ ...defaults, scale: 'global' }, tensors)).toEqual([100_010]);
    expect(stretchesOf({ ...defaults, scale: 'global', rotation: true }, tensors)).toEqual([65_536, 34_474]);
  });
});

describe('clips of a round', () => {
  const facts = { features: 1, parameters: 3, kind: 'binary', classes: 2, stretches: [2, 1] } as const;

  it('of control variates are their own, agreed on or not', () => {
    const controls = { length: 2, clip: 0.25 };
    const scaffold = { ...facts, stretches: [3, 2], controls };
    expect(sumSpec('update', scaffold, exactSums(4))).toMatchObject({
      updateLength: 5,
      clips: [{ length: 3, clip: 1 }, controls],
    });
    const sum = rangeInput(Float32Array.of(0.3, -0.1, 5, 9, 9), scaffold, undefined);
    expect(clipsOf(sum, settings({ clip: 3 }), scaffold, 1)).toEqual([{ length: 3, clip: 3 }, controls]);
  });

  it('are the ranges of the pods, but never above the task’s clip', () => {
    const sum = rangeInput(Float32Array.of(0.3, -0.1, 5), facts, undefined);
    expect(sum).toMatchObject({ weight: 0, extras: {} });
    expect(Object.keys(sum.counts)).toEqual(sumSpec('range', facts, exactSums(4)).counts);
    const clips = (more: Partial<AggregatorSettings>) => clipsOf(sum, settings(more), facts, 1);
    expect(clips({})).toEqual([
      { length: 2, clip: 0.5 },
      { length: 1, clip: 8 },
    ]);
    expect(clips({ clip: 3 })).toEqual([
      { length: 2, clip: 0.5 },
      { length: 1, clip: 3 },
    ]);
  });

  it('are not made of garbage: the round is lost, as with an update that makes no sense', () => {
    const counts = rangeCounts(Float32Array.of(1, 1, 1), [2, 1]);
    expect(() => clipsOf({ counts }, settings(), facts, 4)).toThrow(
      expect.objectContaining({ code: 'AGG_ROUND_SPENT' }),
    );
  });
});

describe('a pod', () => {
  const seed = new Uint8Array(32);
  const clips = [{ length: 3, clip: 1 }];
  const base = exactSums(4);
  const rotated = settings({ bits: 16, rotation: true, rounding: 'stochastic' });
  const good: SecureParameters = { ...base, bits: 16, rounding: 'stochastic', clips, rotation: seed };

  it('takes what its task asks for', () => {
    for (const purpose of ['statistics', 'evaluation'] as const) {
      expect(() => checkSecure(base, purpose, settings())).not.toThrow();
      expect(() => checkSecure(base, purpose, rotated)).not.toThrow();
    }
    expect(() => checkSecure(base, 'update', settings())).not.toThrow();
    expect(() => checkSecure(good, 'update', rotated)).not.toThrow();
    expect(() => checkSecure({ ...base, rotation: seed }, 'range', rotated)).not.toThrow();
    expect(() => checkSecure(base, 'range', settings({ sparse: 0.5 }))).not.toThrow();
    expect(() => checkSecure({ ...base, blocks: seed }, 'update', settings({ sparse: 0.5 }))).not.toThrow();
    expect(() => checkSecure(base, 'update', settings({ sparse: 0.5 }))).toThrow(/the blocks of a update/);
  });

  it.each<[string, Purpose, Partial<SecureParameters>]>([
    ['bits', 'update', { bits: 8 }],
    ['bits', 'update', { bits: undefined }],
    ['rounding', 'update', { rounding: 'nearest' }],
    ['scale', 'update', { clips: undefined }],
    ['rotation', 'update', { rotation: undefined }],
    ['bits', 'range', {}],
    ['scale', 'range', { bits: 32, rounding: 'nearest' }],
    ['blocks', 'update', { blocks: seed }],
    ['rotation', 'evaluation', { bits: 32, rounding: 'nearest', clips: undefined }],
  ])('refuses another %s of a %s', (what, purpose, change) => {
    expect(() => checkSecure({ ...good, ...change }, purpose, rotated)).toThrow(
      expect.objectContaining({ code: 'PROTOCOL_VIOLATION', message: expect.stringContaining(`the ${what} of`) }),
    );
  });

  it('refuses to say its ranges when nobody needs them', () => {
    expect(() => checkSecure(base, 'range', settings())).toThrow(/the range of a range/);
  });
});
