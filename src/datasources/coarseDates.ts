/**
 * Dates no finer than a site allows: the first day of their month or year.
 * @module
 */
import type { DayRange, Filters } from './files/filters.ts';
import type { Value } from './value.ts';

/** What is left of a date. */
export const COARSE_DATES = ['day', 'month', 'year'] as const;
export type CoarseDate = (typeof COARSE_DATES)[number];

/** As DuckDB reads dates, with or without a time: 2024-05-17, 2024/5/7 10:11, 2024-05-17T10:11:12Z. */
const WRITTEN = /^\s*(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?!\d)/;
/** A moment in DICOM, 20240517101112.000000+0100; at least to the minute, or it may be any number. */
const MOMENT = /^(\d{4})(\d{2})(\d{2})\d{4}(?:\d{2})?(?:\.\d+)?(?:[+-]\d{4})?$/;

/**
 * The cells with their dates made coarse, as `YYYY-MM-DD`. In a column of text, what is no date stays as it is; in one of
 * dates, nothing is left of what cannot be made coarse.
 */
export function coarseDates(values: readonly Value[], dates: CoarseDate, isDate: boolean): readonly Value[] {
  return values.map((value) =>
    typeof value === 'string' ? (coarseDate(value, dates) ?? (isDate ? null : value)) : value,
  );
}

function coarseDate(text: string, dates: CoarseDate): string | undefined {
  const [, year, month, day] = WRITTEN.exec(text) ?? MOMENT.exec(text) ?? [];
  if (year === undefined) return undefined;
  const parts = [year, dates === 'year' ? '1' : month!, dates === 'day' ? day! : '1'];
  return parts.map((part) => part.padStart(2, '0')).join('-');
}

/** A task's filters that ask for nothing finer: what they admit begins and ends with a month or a year. */
export function coarseFilters(filters: Filters, dates: CoarseDate): Filters {
  const widened = (range: DayRange | undefined): DayRange | undefined =>
    range && {
      ...(range.from !== undefined && { from: coarseDate(range.from, dates) ?? range.from }),
      ...(range.to !== undefined && { to: lastDay(range.to, dates) }),
    };
  const [born, acquired] = [widened(filters.born), widened(filters.acquired)];
  return { ...filters, ...(born && { born }), ...(acquired && { acquired }) };
}

function lastDay(day: string, dates: CoarseDate): string {
  const [year, month] = day.split('-').map(Number) as [number, number];
  if (dates === 'day') return day;
  return dates === 'year' ? `${day.slice(0, 4)}-12-31` : new Date(Date.UTC(year, month, 0)).toISOString().slice(0, 10);
}
