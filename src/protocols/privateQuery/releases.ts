/**
 * Which noisy numbers a query needs: each once, whatever it is used for, and how far one person moves it.
 * @module
 */
import type { Aggregate, Grid, PreparedQuery } from '../../datasources/index.ts';

/** A number (of a quantile: a place) of each group, released once. Columns are indices into the query's columns. */
export type Release =
  | { readonly kind: 'people' }
  | { readonly kind: 'count'; readonly column: number }
  /** Sum of values less `centre`, in steps of the column's grid. */
  | { readonly kind: 'sum'; readonly column: number; readonly centre: number }
  | { readonly kind: 'place'; readonly column: number; readonly target: Target };

/** Which place of the sorted values: a share of them, or as far from one end as noise needs. */
export type Target =
  | { readonly kind: 'share'; readonly numerator: number; readonly denominator: number }
  | { readonly kind: 'min' | 'max' };

/** What a figure of the result is made of: indices into the releases. */
export type Figure =
  | { readonly kind: 'count'; readonly count: number }
  | { readonly kind: 'sum'; readonly sum: number }
  | { readonly kind: 'mean'; readonly sum: number; readonly count: number }
  | { readonly kind: 'place'; readonly place: number };

/** Largest change of the number, in its own steps, by one person that is added or removed; not of places. */
export function sensitivityOf(release: Exclude<Release, { kind: 'place' }>, grids: readonly (Grid | null)[]): number {
  if (release.kind !== 'sum') return 1;
  const { low, high } = grids[release.column]!;
  return Math.max(Math.abs(low - release.centre), Math.abs(high - release.centre));
}

/** Releases of a query, and the figure of each of its aggregates, in their order. */
export function releasesOf(
  { columns, select }: PreparedQuery,
  grids: readonly (Grid | null)[],
  hasThreshold: boolean,
): { readonly releases: readonly Release[]; readonly figures: readonly Figure[] } {
  const releases: Release[] = [];
  const indexOf = (release: Release): number => {
    const text = JSON.stringify(release);
    const known = releases.findIndex((other) => JSON.stringify(other) === text);
    return known >= 0 ? known : releases.push(release) - 1;
  };
  // groups are shown by their number of people, so that comes first
  if (hasThreshold) indexOf({ kind: 'people' });
  const figureOf = (aggregate: Aggregate): Figure => {
    if (aggregate.kind === 'people') return { kind: 'count', count: indexOf({ kind: 'people' }) };
    const column = columns.findIndex(({ name }) => name === aggregate.column);
    const grid = grids[column];
    switch (aggregate.kind) {
      case 'count':
        return { kind: 'count', count: indexOf({ kind: 'count', column }) };
      case 'sum':
        return { kind: 'sum', sum: indexOf({ kind: 'sum', column, centre: 0 }) };
      case 'avg': {
        // around the middle of the range one person moves the sum by half of the range at most
        const centre = Math.round((grid!.low + grid!.high) / 2);
        return {
          kind: 'mean',
          sum: indexOf({ kind: 'sum', column, centre }),
          count: indexOf({ kind: 'count', column }),
        };
      }
      case 'min':
      case 'max':
        return { kind: 'place', place: indexOf({ kind: 'place', column, target: { kind: aggregate.kind } }) };
      case 'quantile':
        return {
          kind: 'place',
          place: indexOf({ kind: 'place', column, target: { kind: 'share', ...aggregate.share } }),
        };
    }
  };
  const figures = select.items.flatMap((item) => ('aggregate' in item ? [figureOf(item.aggregate)] : []));
  return { releases, figures };
}
