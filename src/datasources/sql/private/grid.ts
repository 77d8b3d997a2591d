/**
 * A column's declared range as whole numbers: clamped to it, a value is a whole multiple of a power of two. Noise is added
 * to sums of such multiples, so that no floating-point number depends on a value and the noise together.
 * @source Mironov, "On significance of the least significant bits for differential privacy" (CCS 2012), for why.
 * @module
 */
import { type ColumnSchema } from '../../schema.ts';
import { isNumber } from '../loadTable.ts';
import { refused } from '../refused.ts';

/** Steps of a range at most: rounding moves a value by 2^-17 of the range, far less than any noise does. */
const MOST_STEPS = 2 ** 16;
/** Steps from 0 at most: sums of 10^9 of them stay far below 2^127. */
const MOST_FROM_ZERO = 2 ** 40;
/** No range of doubles this side of it overflows or becomes subnormal. */
const LARGEST = 1e100;
const MS_PER_DAY = 86_400_000;

/** Bounds of a column; of dates as `YYYY-MM-DD`. */
export interface Bounds {
  readonly lower: number | string;
  readonly upper: number | string;
}

/** A value x of the column stands for the whole number nearest to x/step, clamped to [low, high]. */
export interface Grid {
  /** A power of two, in the column's unit; of dates in days. */
  readonly step: number;
  /** Whole numbers up to 2^40. */
  readonly low: number;
  readonly high: number;
  /** Counted in days from 1970-01-01. */
  readonly isDate: boolean;
}

/**
 * The finest grid of at most 2^16 steps.
 * @throws KonsilError SQL_REFUSED when the column holds no numbers or dates, or the bounds are not ascending, or much
 *   closer to each other than to 0.
 */
export function gridOf(column: ColumnSchema, { lower, upper }: Bounds): Grid {
  const isDate = column.dataType === 'date';
  if (!isDate && !isNumber(column)) throw refused(`the column "${column.name}" holds no numbers and has no range`);
  const [from, to] = [lower, upper].map((bound) => (isDate ? dayOf(column.name, bound) : bound));
  if (typeof from !== 'number' || typeof to !== 'number' || !(from < to) || !(from >= -LARGEST && to <= LARGEST))
    throw refused(`the range of "${column.name}" needs two numbers or dates, the lower one first, up to 1e100`);
  let step = 2 ** (Math.floor(Math.log2(to - from)) - 16);
  while ((to - from) / step > MOST_STEPS) step *= 2;
  const [low, high] = [Math.round(from / step), Math.round(to / step)];
  if (!(step > 1 / LARGEST && Math.max(Math.abs(low), Math.abs(high)) <= MOST_FROM_ZERO))
    throw refused(`the range of "${column.name}" is too narrow for its distance from 0; expected a wider one`);
  return { step, low, high, isDate };
}

function dayOf(column: string, date: number | string): number {
  const ms = typeof date === 'string' && /^\d{4}-\d\d-\d\d$/.test(date) ? Date.parse(`${date}T00:00:00Z`) : Number.NaN;
  // JavaScript reads February 31 as March 3
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== date)
    throw refused(`the range of "${column}" needs dates as "YYYY-MM-DD"`);
  return ms / MS_PER_DAY;
}

/** What `steps` (of a grid, or of a mean of it) mean in the column: a number, or the text of the day. */
export function onGrid(steps: number, { step, isDate }: Grid): number | string {
  const value = steps * step;
  return isDate ? new Date(Math.floor(value) * MS_PER_DAY).toISOString().slice(0, 10) : value;
}

/** SQL of the whole number that the column `name`, already quoted, has in each row; NULL for what is no number; never an error. */
export function gridSql(name: string, { step, low, high, isDate }: Grid): string {
  const value = isDate ? `date_diff('day', DATE '1970-01-01', TRY_CAST(${name} AS DATE))::DOUBLE` : name;
  const clamped = `least(greatest(round(${value} / ${step}::DOUBLE), ${low}::DOUBLE), ${high}::DOUBLE)`;
  return `TRY(CASE WHEN isnan(${value}) THEN NULL ELSE ${clamped}::BIGINT END)`;
}
