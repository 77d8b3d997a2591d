/**
 * Noisy numbers as the table that a modeller reads, and how noisy each is.
 * @module
 */
import { type Grid, type Key, onGrid, type PrivateUnit, type SqlResult } from '../../datasources/index.ts';
import { deviationOf, halfWidth, type Noise } from './noise.ts';
import type { PrivateQueryPlan } from './planPrivateQuery.ts';
import type { Figure } from './releases.ts';

/** A group's numbers, one a release: noisy, in steps of the grid; of a place the number of its bin. */
export interface NoisyGroup {
  readonly keys: readonly Key[];
  readonly numbers: bigint[];
}

/** Noise in a column of the result. */
export type ColumnNoise =
  | {
      readonly kind: Noise['kind'];
      /** In the column's own unit; null for a mean, whose noise depends on the noisy number of people. */
      readonly standardDeviation: number | null;
    }
  /** People by which the rank of a quantile is off at most, 95 times of 100. */
  | { readonly kind: 'exponential'; readonly rankError95: number };

type Interval = readonly [number | string, number | string] | null;

/** Plain JSON. */
export interface PrivateResult extends Pick<SqlResult, 'columns' | 'types' | 'rows'> {
  /** Of each cell: where the figure without noise (of the clamped values) is, 95 times of 100; null for keys and places. */
  readonly intervals: readonly (readonly Interval[])[];
  /** Of each column; null for keys. */
  readonly noise: readonly (ColumnNoise | null)[];
  readonly privacy: {
    readonly epsilon: number;
    readonly delta: number;
    /** Who is hidden. */
    readonly unit: PrivateUnit;
    /** Groups that one of them counts in. */
    readonly maxGroups: number;
    /** Noisy people of the smallest group that is shown; null when groups were declared. */
    readonly threshold: number | null;
  };
}

/** Chance that a figure is outside its interval. */
const OUTSIDE = 0.05;

export function resultOf(plan: PrivateQueryPlan, groups: readonly NoisyGroup[], unit: PrivateUnit): PrivateResult {
  const { query, figures, epsilon, delta, maxGroups, threshold } = plan;
  // where rows stand in the site's table is nobody's business
  const sorted = groups.toSorted((a, b) => compareKeys(a.keys, b.keys));
  let next = 0;
  const columns = query.select.items.map((item) => {
    if ('key' in item) return keyColumn(plan, item.key);
    return figureColumn(plan, figures[next++]!);
  });
  const cells = sorted.map((group) => columns.map((column) => column.cell(group)));
  return {
    columns: query.select.items.map(({ name }) => name),
    types: columns.map(({ type }) => type),
    rows: cells.map((row) => row.map(([value]) => value)),
    intervals: cells.map((row) => row.map(([, interval]) => interval)),
    noise: columns.map(({ noise }) => noise),
    privacy: { epsilon, delta, unit, maxGroups, threshold },
  };
}

interface ResultColumn {
  readonly type: 'number' | 'text';
  readonly noise: ColumnNoise | null;
  cell(group: NoisyGroup): readonly [Key, Interval];
}

function keyColumn({ query }: PrivateQueryPlan, key: number): ResultColumn {
  const { dataType } = query.keys[key]!;
  return {
    type: dataType === 'integer' || dataType === 'number' ? 'number' : 'text',
    noise: null,
    cell: ({ keys }) => [keys[key]!, null],
  };
}

function figureColumn(plan: PrivateQueryPlan, figure: Figure): ResultColumn {
  switch (figure.kind) {
    case 'count': {
      const noise = noiseOf(plan, figure.count);
      const half = halfWidth(noise, OUTSIDE);
      return {
        type: 'number',
        noise: { kind: noise.kind, standardDeviation: deviationOf(noise) },
        cell: ({ numbers }) => {
          const count = Number(numbers[figure.count]);
          return [count, [Math.max(0, count - half), Math.max(0, count + half)]];
        },
      };
    }
    case 'sum': {
      const noise = noiseOf(plan, figure.sum);
      const { step } = gridOfSum(plan, figure.sum).grid;
      const half = halfWidth(noise, OUTSIDE);
      return {
        type: 'number',
        noise: { kind: noise.kind, standardDeviation: deviationOf(noise) * step },
        cell: ({ numbers }) => {
          const sum = Number(numbers[figure.sum]);
          return [sum * step, [(sum - half) * step, (sum + half) * step]];
        },
      };
    }
    case 'mean':
      return meanColumn(plan, figure);
    case 'place': {
      const planned = plan.releases[figure.place]!;
      if (!('place' in planned)) throw new TypeError('figure is no place');
      const grid = plan.grids[planned.release.column]!;
      return {
        type: grid.isDate ? 'text' : 'number',
        noise: { kind: 'exponential', rankError95: planned.place.rankError95 },
        cell: ({ numbers }) => [
          onGrid(grid.low + Number(numbers[figure.place]) * planned.place.bins.width, grid),
          null,
        ],
      };
    }
  }
}

/** Noisy sum around the centre by noisy count, inside the range; the interval holds when those of both do. */
function meanColumn(plan: PrivateQueryPlan, figure: Extract<Figure, { kind: 'mean' }>): ResultColumn {
  const { grid, centre } = gridOfSum(plan, figure.sum);
  const noise = noiseOf(plan, figure.sum);
  const sumHalf = halfWidth(noise, OUTSIDE / 2);
  const countHalf = halfWidth(noiseOf(plan, figure.count), OUTSIDE / 2);
  const inRange = (steps: number): number | string => onGrid(Math.min(grid.high, Math.max(grid.low, steps)), grid);
  return {
    type: grid.isDate ? 'text' : 'number',
    noise: { kind: noise.kind, standardDeviation: null },
    cell: ({ numbers }) => {
      const [sum, count] = [Number(numbers[figure.sum]), Number(numbers[figure.count])];
      const [fewest, most] = [Math.max(1, count - countHalf), Math.max(1, count + countHalf)];
      const [low, high] = [sum - sumHalf, sum + sumHalf];
      const interval = [low / (low < 0 ? fewest : most), high / (high < 0 ? most : fewest)] as const;
      return [
        inRange(centre + sum / Math.max(1, count)),
        [inRange(centre + interval[0]), inRange(centre + interval[1])],
      ];
    },
  };
}

function noiseOf({ releases }: PrivateQueryPlan, index: number): Noise {
  const planned = releases[index]!;
  if (!('noise' in planned)) throw new TypeError('a place has no noise that is added');
  return planned.noise;
}

function gridOfSum({ releases, grids }: PrivateQueryPlan, index: number): { grid: Grid; centre: number } {
  const { release } = releases[index]!;
  if (release.kind !== 'sum') throw new TypeError('figure is no sum');
  return { grid: grids[release.column]!, centre: release.centre };
}

/** Numbers by size, text by its code units, null last. */
function compareKeys(a: readonly Key[], b: readonly Key[]): number {
  for (const [i, one] of a.entries()) {
    const other = b[i]!;
    if (one === other) continue;
    if (one === null || other === null) return one === null ? 1 : -1;
    return one < other ? -1 : 1;
  }
  return 0;
}
