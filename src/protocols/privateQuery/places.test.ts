/**
 * Penalties of quantiles: where they are smallest, and that one person moves none by more than the mechanism counts on.
 * @module
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Grid } from '../../datasources/index.ts';
import { binsOf, penaltiesOf, planPlace } from './places.ts';
import type { Target } from './releases.ts';

const GRID: Grid = { step: 1, low: 0, high: 2 ** 16, isDate: false };
const EPSILON = { numerator: 1n, denominator: 1n };
const TARGETS: readonly Target[] = [
  { kind: 'min' },
  { kind: 'max' },
  { kind: 'share', numerator: 1, denominator: 2 },
  { kind: 'share', numerator: 9, denominator: 10 },
  { kind: 'share', numerator: 1, denominator: 1_000 },
];
const best = (target: Target, people: readonly number[]): number[] => {
  const penalties = penaltiesOf(planPlace(target, GRID, EPSILON), people.map(BigInt));
  const least = penalties.reduce((a, b) => (a < b ? a : b));
  return penalties.flatMap((penalty, bin) => (penalty === least ? [bin] : []));
};

describe('penalties', () => {
  it('are smallest where the quantile is', () => {
    const half: Target = { kind: 'share', numerator: 1, denominator: 2 };
    expect(best(half, [1, 1, 1, 0, 0])).toEqual([1]);
    expect(best(half, [2, 0, 0, 2, 0])).toEqual([0, 1, 2, 3]);
    expect(best(half, [0, 10, 0, 1, 1])).toEqual([1]);
    expect(best({ kind: 'share', numerator: 9, denominator: 10 }, [80, 5, 10, 5])).toEqual([2]);
    // k = ⌈2·ln(1025/0.05)⌉ = 20 people from the end, or the middle one
    expect(planPlace({ kind: 'min' }, GRID, EPSILON).margin).toBe(20n);
    expect(best({ kind: 'min' }, [0, 19, 2, 500, 0])).toEqual([2]);
    expect(best({ kind: 'max' }, [0, 500, 2, 19, 0])).toEqual([2]);
    expect(best({ kind: 'max' }, [0, 3, 3, 3, 0])).toEqual([2]);
  });

  it('are moved by one person no farther than is counted on, and by some as far', () => {
    const farthest = new Map<Target, bigint>();
    const people = fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(people, fc.nat(11), fc.constantFrom(...TARGETS), (counts, place, target) => {
        const plan = planPlace(target, GRID, EPSILON);
        const bin = place % counts.length;
        const before = penaltiesOf(plan, counts.map(BigInt));
        const after = penaltiesOf(
          plan,
          counts.map((count, i) => BigInt(i === bin ? count + 1 : count)),
        );
        for (const [i, penalty] of after.entries()) {
          const moved = penalty > before[i]! ? penalty - before[i]! : before[i]! - penalty;
          expect(moved).toBeLessThanOrEqual(plan.sensitivity);
          if (moved > (farthest.get(target) ?? 0n)) farthest.set(target, moved);
        }
      }),
      { numRuns: 2_000, seed: 1 },
    );
    for (const target of TARGETS) expect(farthest.get(target)).toBe(planPlace(target, GRID, EPSILON).sensitivity);
  });

  it('are of some 1,024 bins that cover the range', () => {
    for (const high of [2 ** 15 + 1, 40_000, 2 ** 16]) {
      const { count, width } = binsOf({ ...GRID, high });
      expect(Math.floor(high / width)).toBe(count - 1);
      expect(count).toBeGreaterThan(1_000);
      expect(count).toBeLessThan(1_100);
    }
  });
});
