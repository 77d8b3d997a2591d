import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRng } from '../../src/base/index.ts';
import type { PartitionSettings } from '../scenario/schema.ts';
import { generate } from './generate.ts';
import { dirichlet, LEAST_ROWS, partition, type Site, siteNames } from './partition.ts';
import type { Table } from './table.ts';

/** A table whose rows can be told apart. */
function numbered(rows: number, classes: number): Table {
  const names = Array.from({ length: classes }, (_, i) => `c${i}`);
  return {
    ...{ rows, target: 'y', classes: names },
    columns: {
      id: Array.from({ length: rows }, (_, i) => i),
      site: Array.from({ length: rows }, (_, i) => ['north', 'south', 'no name!'][i % 3]!),
      y: Array.from({ length: rows }, (_, i) => names[i % classes]!),
    },
  };
}

const idsOf = (sites: readonly Site[]): number[] => sites.flatMap(({ table }) => table.columns['id'] as number[]);
const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

/** Share of the most frequent class at each site, on average. */
function purity(sites: readonly Site[]): number {
  const shares = sites.map(({ table }) => {
    const counts = table.classes.map((label) => table.columns['y']!.filter((cell) => cell === label).length);
    return Math.max(...counts) / table.rows;
  });
  return shares.reduce((a, b) => a + b, 0) / shares.length;
}

const settings: fc.Arbitrary<PartitionSettings> = fc.oneof(
  fc.constant({ kind: 'iid' as const }),
  fc.record({ kind: fc.constant('dirichlet' as const), alpha: fc.constantFrom(0.01, 0.3, 5, 1e5) }),
  fc.record({ kind: fc.constant('quantity' as const), alpha: fc.constantFrom(0.05, 1, 1e5) }),
);

describe('a partition', () => {
  it('deals every row to exactly one site, each of which has enough, the same ones for the same seed', () => {
    fc.assert(
      fc.property(
        settings,
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 2, max: 6 }),
        fc.nat(),
        (how, pods, k, seed) => {
          const table = numbered(pods * LEAST_ROWS + 37, k);
          const sites = partition(table, how, pods, seed);
          expect(sites.map(({ name }) => name)).toEqual(siteNames(pods));
          expect(ascending(idsOf(sites))).toEqual(table.columns['id']);
          for (const site of sites) expect(site.table.rows).toBeGreaterThanOrEqual(LEAST_ROWS);
          // the cells of a row stay together
          for (const { table: part } of sites)
            part.columns['id']!.forEach((id, i) =>
              expect(part.columns['y']![i]).toBe(table.columns['y']![id as number]),
            );
          expect(idsOf(partition(table, how, pods, seed))).toEqual(idsOf(sites));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('by labels is purer the smaller alpha is, and as pure as the data when it is large', () => {
    const table = numbered(4_000, 4);
    const [skewed, mild, even] = [0.05, 1, 1e5].map((alpha) =>
      purity(partition(table, { kind: 'dirichlet', alpha }, 10, 3)),
    );
    expect(skewed).toBeGreaterThan(0.8);
    expect(mild!).toBeLessThan(skewed!);
    expect(mild!).toBeGreaterThan(even!);
    // four classes: a quarter, and the chance of the largest of four
    expect(even).toBeLessThan(0.3);
  });

  it('by quantity is more uneven the smaller alpha is', () => {
    const table = numbered(4_000, 2);
    const sizes = (alpha: number): number[] =>
      partition(table, { kind: 'quantity', alpha }, 10, 5).map((site) => site.table.rows);
    expect(Math.max(...sizes(0.1)) / Math.min(...sizes(0.1))).toBeGreaterThan(10);
    expect(Math.max(...sizes(1e5)) / Math.min(...sizes(1e5))).toBeLessThan(1.1);
  });

  it('with a shift moves every feature of a site by one offset, and no label', () => {
    const table = generate({ kind: 'blobs', rows: 200, features: 3, classes: 2, separation: 2 }, 1);
    const plain = partition(table, { kind: 'shift', strength: 0 }, 4, 9);
    const moved = partition(table, { kind: 'shift', strength: 2 }, 4, 9);
    const offsets = moved.map(({ table: { columns } }, i) => {
      const differences = columns['x0']!.map(
        (cell, row) => (cell as number) - (plain[i]!.table.columns['x0']![row] as number),
      );
      for (const difference of differences) expect(difference).toBeCloseTo(differences[0]!, 9);
      expect(columns['y']).toEqual(plain[i]!.table.columns['y']);
      return differences[0]!;
    });
    expect(new Set(offsets.map((offset) => offset.toFixed(3))).size).toBe(4);
  });

  it('by a column gives each site its own rows, without the column', () => {
    const sites = partition(numbered(30, 2), { kind: 'column', column: 'site' }, undefined, 0);
    expect(sites.map(({ name, table }) => [name, table.rows])).toEqual([
      ['site-1', 10], // its name in the data is no name for a pod
      ['north', 10],
      ['south', 10],
    ]);
    expect(Object.keys(sites[0]!.table.columns)).toEqual(['id', 'y']);
    expect(ascending(idsOf(sites))).toEqual(numbered(30, 2).columns['id']);
    expect(() => partition(numbered(30, 2), { kind: 'column', column: 'ward' }, undefined, 0)).toThrow(
      'no column "ward"',
    );
  });

  it('of too few rows is refused', () => {
    expect(() => partition(numbered(10, 2), { kind: 'iid' }, 3, 0)).toThrow(
      '10 rows for 3 pods; expected at least 5 for each',
    );
  });
});

describe('a Dirichlet draw', () => {
  it('sums to one and varies as the distribution does, also where variates underflow', () => {
    const rng = seededRng(1, 'test');
    for (const alpha of [1e-4, 0.5, 3]) {
      const draws = Array.from({ length: 4_000 }, () => dirichlet(4, alpha, rng));
      for (const draw of draws) expect(draw.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
      const first = draws.map(([share]) => share!);
      const mean = first.reduce((a, b) => a + b, 0) / first.length;
      const variance = first.reduce((sum, share) => sum + (share - mean) ** 2, 0) / first.length;
      // mean 1/k, variance (1/k)(1 − 1/k)/(kα + 1); five standard errors of the mean, a tenth for the variance
      const wanted = 0.1875 / (4 * alpha + 1);
      expect(Math.abs(mean - 0.25)).toBeLessThan(5 * Math.sqrt(wanted / 4_000));
      expect(Math.abs(variance / wanted - 1)).toBeLessThan(0.1);
    }
  });
});
