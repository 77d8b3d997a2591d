/**
 * Ranges of a private query as one site clamps its values: those of the query within those of the site.
 * @module
 */
import { sqlRefused } from '../../datasources/index.ts';
import type { ColumnRange, SiteRange } from '../../tasks/index.ts';

/**
 * A column of which the query declares no range has the site's. Names of columns are compared as SQL does, without case.
 * @throws KonsilError SQL_REFUSED when nothing is left of a range.
 */
export function siteRanges(
  asked: Readonly<Record<string, ColumnRange>>,
  own: Readonly<Record<string, SiteRange>> = {},
): Readonly<Record<string, ColumnRange>> {
  const ranges = new Map(Object.entries(asked));
  for (const [column, site] of Object.entries(own)) {
    const name = [...ranges.keys()].find((key) => key.toLowerCase() === column.toLowerCase()) ?? column;
    ranges.set(name, within(column, ranges.get(name) ?? {}, site));
  }
  return Object.fromEntries(ranges);
}

function within(column: string, asked: ColumnRange, site: SiteRange): ColumnRange {
  const lower = asked.lower ?? site.lower;
  const upper = asked.upper ?? site.upper;
  if (typeof lower !== typeof site.lower || typeof upper !== typeof site.upper)
    throw sqlRefused(`the range of "${column}" is of another type here; expected ${typeof site.lower}s`);
  const narrowed = {
    lower: lower < site.lower ? site.lower : lower,
    upper: upper > site.upper ? site.upper : upper,
  };
  if (narrowed.lower >= narrowed.upper)
    throw sqlRefused(
      `the range of "${column}" has nothing in common with this site's, from ${site.lower} to ${site.upper}`,
    );
  return { ...asked, ...narrowed };
}
