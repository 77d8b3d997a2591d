/**
 * Robust rules against their definitions, written out once more, and against pods that lie.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { normal, seededRng } from '../../base/index.ts';
import { beginOf } from './createStrategy.ts';
import type { StrategySettings } from './strategy.ts';

const rate = { serverLearningRate: 1 };
const PODS = 7;
const LENGTH = 6;
const rng = seededRng(3);
const updates = Array.from({ length: PODS }, () => Float32Array.from({ length: LENGTH }, () => normal(rng)));

/** The aggregate of `all`, given in an order of its own. */
function combine(settings: StrategySettings, all: readonly Float32Array[], order = all.map((_, i) => i)): number[] {
  const aggregate = beginOf(settings)(LENGTH);
  for (const i of order) aggregate.add({ pod: `pod-${i}`, update: all[i]!, samples: 10 ** i });
  return [...aggregate.result().mean];
}

function sortedAt(all: readonly Float32Array[], i: number): number[] {
  return all.map((update) => update[i]!).sort((a, b) => a - b);
}

describe('robust strategies', () => {
  it('take the coordinate-wise median, of an even number the middle two', () => {
    const settings = { name: 'CoordinateMedian', ...rate } as const;
    for (const pods of [1, 2, 6, 7]) {
      const some = updates.slice(0, pods);
      const expected = Array.from({ length: LENGTH }, (_, i) => {
        const values = sortedAt(some, i);
        return pods % 2 === 1 ? values[(pods - 1) / 2]! : (values[pods / 2 - 1]! + values[pods / 2]!) / 2;
      });
      expect(combine(settings, some)).toEqual(expected);
    }
  });

  it.each([
    [0, 0],
    [0.1, 1],
    [2 / 7, 2],
    [0.3, 3],
    [0.49, 3],
  ])('trim %f of seven values to %i fewer at each end', (trim, out) => {
    const kept = combine({ name: 'TrimmedMean', trim, ...rate }, updates);
    for (let i = 0; i < LENGTH; i++) {
      const values = sortedAt(updates, i).slice(out, PODS - out);
      expect(kept[i]).toBeCloseTo(values.reduce((sum, value) => sum + value, 0) / values.length, 12);
    }
  });

  it('trim somebody of four, and keep somebody of one', () => {
    const four = [0, 0, 0, 1e9].map((value) => new Float32Array(LENGTH).fill(value));
    const settings = { name: 'TrimmedMean', trim: 0.2, ...rate } as const;
    expect(combine(settings, four)).toEqual(Array.from({ length: LENGTH }, () => 0));
    expect(combine(settings, four.slice(3))).toEqual(Array.from({ length: LENGTH }, () => 1e9));
  });

  it('choose as Krum does', () => {
    const byzantine = 2;
    const scored = updates.map((own, i) => {
      const distances = updates
        .filter((_, j) => j !== i)
        .map((other) => own.reduce((sum, value, k) => sum + (value - other[k]!) ** 2, 0))
        .sort((a, b) => a - b);
      return { own, score: distances.slice(0, PODS - byzantine - 2).reduce((sum, d) => sum + d, 0) };
    });
    scored.sort((a, b) => a.score - b.score);
    expect(combine({ name: 'Krum', byzantine, ...rate }, updates)).toEqual([...scored[0]!.own]);
    for (const selected of [3, undefined]) {
      const several = combine({ name: 'MultiKrum', byzantine, ...(selected && { selected }), ...rate }, updates);
      const best = scored.slice(0, selected ?? PODS - byzantine);
      for (let i = 0; i < LENGTH; i++)
        expect(several[i]).toBeCloseTo(best.reduce((sum, { own }) => sum + own[i]!, 0) / best.length, 12);
    }
  });

  it('choose by hand-made distances: three together, one near, one far', () => {
    const line = [0, 1, 2, 5, 100].map((value) => new Float32Array(LENGTH).fill(value));
    // n = 5, f = 1: two nearest. 0: 1+4, 1: 1+1, 2: 1+4, 5: 9+16, 100: all of them far
    expect(combine({ name: 'Krum', byzantine: 1, ...rate }, line)[0]).toBe(1);
    // 1, then 0 before 2, which has the same score
    expect(combine({ name: 'MultiKrum', byzantine: 1, selected: 2, ...rate }, line)[0]).toBe(0.5);
  });

  it.each([
    { name: 'CoordinateMedian', ...rate },
    { name: 'TrimmedMean', trim: 0.3, ...rate },
    { name: 'Krum', byzantine: 2, ...rate },
    { name: 'MultiKrum', byzantine: 2, ...rate },
  ] as const)('stay among the honest with two liars of seven, and do not care who comes first: $name', (settings) => {
    const honest = updates.slice(2);
    const all = [new Float32Array(LENGTH).fill(1e6), new Float32Array(LENGTH).fill(-1e6), ...honest];
    const result = combine(settings, all);
    result.forEach((value, i) => {
      const values = sortedAt(honest, i);
      expect(value).toBeGreaterThanOrEqual(values[0]!);
      expect(value).toBeLessThanOrEqual(values.at(-1)!);
    });
    expect(combine(settings, all, [6, 4, 2, 0, 1, 3, 5])).toEqual(result);
  });

  it('refuse too few updates for Krum, and what is no update', () => {
    expect(() => combine({ name: 'Krum', byzantine: 1, ...rate }, updates.slice(0, 4))).toThrow(
      expect.objectContaining({ code: 'AGG_TOO_FEW_SURVIVORS' }),
    );
    const median = beginOf({ name: 'CoordinateMedian', ...rate })(LENGTH);
    expect(() => median.result()).toThrow(expect.objectContaining({ code: 'DATA_EMPTY' }));
    for (const update of [new Float32Array(2), new Float32Array(LENGTH).fill(Number.NaN)])
      expect(() => median.add({ pod: 'a', update, samples: 1 })).toThrow(
        expect.objectContaining({ code: 'AGG_BAD_MESSAGE' }),
      );
  });
});
