import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { agreedClips, type ClipRule, EXPONENTS, rangeCounts, rangeNames } from './scale.ts';

function addUp(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const names = Object.keys(all[0]!);
  return Object.fromEntries(names.map((name) => [name, all.reduce((sum, counts) => sum + counts[name]!, 0)]));
}

function agree(updates: readonly number[][], lengths: readonly number[], rule: Partial<ClipRule> = {}) {
  const counts = addUp(updates.map((update) => rangeCounts(Float32Array.from(update), lengths)));
  return agreedClips(counts, lengths, { pods: updates.length, ...rule });
}

describe('agreement on clips', () => {
  it('says one power of two a stretch, and nothing else', () => {
    const counts = rangeCounts(Float32Array.of(0.5, -3, 2 ** -40, 1e9), [2, 1, 1]);
    expect(Object.keys(counts)).toEqual(rangeNames(3));
    const ones = Object.keys(counts).filter((name) => counts[name] === 1);
    expect(ones).toEqual(['range.0.2', 'range.1.-32', 'range.2.15']);
    expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(3);
  });

  it('holds every pod, with less than a factor of two to spare', () => {
    const magnitude = fc.double({ min: 1e-9, max: 3e4, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.tuple(magnitude, magnitude), { minLength: 1, maxLength: 6 }), (pods) => {
        const updates = pods.map(([a, b]) => [a, -b]);
        const runs = agree(updates, [1, 1]);
        const clips = runs.flatMap(({ length, clip }) => Array<number>(length).fill(clip));
        [0, 1].forEach((stretch) => {
          const largest = Math.max(...updates.map((update) => Math.fround(Math.abs(update[stretch]!))));
          expect(largest).toBeLessThanOrEqual(clips[stretch]!);
          expect(largest).toBeGreaterThan(clips[stretch]! / 2);
        });
      }),
    );
  });

  it('merges neighbours with the same clip', () => {
    expect(agree([[1, 1, 4, 1]], [1, 1, 1, 1])).toEqual([
      { length: 2, clip: 1 },
      { length: 1, clip: 4 },
      { length: 1, clip: 1 },
    ]);
  });

  it('leaves out pods far out when a quantile is asked for, and never goes above a limit', () => {
    const updates = [[0.9], [0.7], [0.6], [0.3], [1000]];
    expect(agree(updates, [1])).toEqual([{ length: 1, clip: 1024 }]);
    expect(agree(updates, [1], { quantile: 0.8 })).toEqual([{ length: 1, clip: 1 }]);
    expect(agree(updates, [1], { quantile: 0.2 })).toEqual([{ length: 1, clip: 0.5 }]);
    expect(agree(updates, [1], { most: 8 })).toEqual([{ length: 1, clip: 8 }]);
  });

  it('refuses what does not cover the update, is not finite or was not sent by the pods', () => {
    expect(() => rangeCounts(new Float32Array(3), [1, 1])).toThrow(RangeError);
    for (const bad of [Number.NaN, Number.NEGATIVE_INFINITY])
      expect(() => rangeCounts(Float32Array.of(1, bad), [2])).toThrow(
        expect.objectContaining({ code: 'AGG_OVERFLOW', facts: { index: 1 } }),
      );
    const counts = rangeCounts(Float32Array.of(1), [1]);
    const garbage = expect.objectContaining({ code: 'AGG_OVERFLOW' });
    expect(() => agreedClips(counts, [1], { pods: 2 })).toThrow(garbage);
    expect(() => agreedClips({}, [1], { pods: 1 })).toThrow(garbage);
    for (const quantile of [0, 1.1, Number.NaN])
      expect(() => agreedClips(counts, [1], { pods: 1, quantile })).toThrow(RangeError);
    expect(EXPONENTS).toHaveLength(48);
  });
});
