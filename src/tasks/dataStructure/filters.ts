/**
 * Filters of a task: the list of `filter_type` and `value` of the file, as one set of rules and back.
 * @source spec/platform.md §1, task-level filter types.
 * @module
 */
import { z } from 'zod';
import type { DayRange, Filters } from '../../datasources/index.ts';
import type { Path, Problem } from '../configFile.ts';
import { text } from '../keys.ts';

/** A day, or the month or year it is in. */
export const day = z.strictObject({
  year: z.int().min(1800).max(9999),
  month: z.int().min(1).max(12).optional(),
  day: z.int().min(1).max(31).optional(),
});
type Day = z.output<typeof day>;

const megabytes = z.number().min(0).max(1e9);
const frames = z.int().min(0).max(1_000_000);
const rule = <const T extends string, V extends z.ZodType>(type: T, value: V) =>
  z.strictObject({ filter_type: z.literal(type), value });

const UNKNOWN_FILTER =
  'unknown filter type; expected modality, min-frames, max-frames, min-file-size, max-file-size, a first or last day (such as min-dob, scan-acquisition-max-date), check-required-fields or series-description';

/** One rule of a task. */
export const filter = z.discriminatedUnion(
  'filter_type',
  [
    rule('modality', z.enum(['OCT', 'SLO'])),
    rule('min-frames', frames),
    rule('max-frames', frames),
    rule('min-file-size', megabytes),
    rule('max-file-size', megabytes),
    rule('file-creation-min-date', day),
    rule('file-creation-max-date', day),
    rule('file-modification-min-date', day),
    rule('file-modification-max-date', day),
    rule('min-dob', day),
    rule('max-dob', day),
    rule('scan-acquisition-min-date', day),
    rule('scan-acquisition-max-date', day),
    rule('check-required-fields', z.array(text).min(1).max(1000)),
    rule('series-description', text),
  ],
  { error: ({ code }) => (code === 'invalid_union' ? UNKNOWN_FILTER : undefined) },
);
type FilterFile = z.output<typeof filter>;
type FilterType = FilterFile['filter_type'];
type ValueOf<T extends FilterType> = Extract<FilterFile, { filter_type: T }>['value'];

const two = (n: number): string => String(n).padStart(2, '0');

/** First day of what `date` names, `YYYY-MM-DD`. */
export function firstDay({ year, month = 1, day: of = 1 }: Day): string {
  return `${year}-${two(month)}-${two(of)}`;
}

/** Last day of what `date` names; days are only compared, so 31 is the last of every month. */
export function lastDay({ year, month = 12, day: of = 31 }: Day): string {
  return `${year}-${two(month)}-${two(of)}`;
}

/** The rules together; of rules of one type the stricter holds. */
export function filtersOf(list: readonly FilterFile[]): Filters {
  const all = <T extends FilterType>(type: T): ValueOf<T>[] =>
    list.flatMap((entry) => (entry.filter_type === type ? [entry.value as ValueOf<T>] : []));
  const largest = (values: readonly number[]): number | undefined =>
    values.length > 0 ? Math.max(...values) : undefined;
  const least = (values: readonly number[]): number | undefined =>
    values.length > 0 ? Math.min(...values) : undefined;
  const range = (from: readonly Day[], to: readonly Day[]): DayRange | undefined => {
    const [first, last] = [from.map(firstDay).sort().at(-1), to.map(lastDay).sort()[0]];
    if (first === undefined && last === undefined) return undefined;
    return { ...(first !== undefined && { from: first }), ...(last !== undefined && { to: last }) };
  };
  const found = {
    modality: all('modality')[0],
    minFrames: largest(all('min-frames')),
    maxFrames: least(all('max-frames')),
    minFileSize: largest(all('min-file-size')),
    maxFileSize: least(all('max-file-size')),
    created: range(all('file-creation-min-date'), all('file-creation-max-date')),
    modified: range(all('file-modification-min-date'), all('file-modification-max-date')),
    born: range(all('min-dob'), all('max-dob')),
    acquired: range(all('scan-acquisition-min-date'), all('scan-acquisition-max-date')),
    requiredFields: all('check-required-fields').length > 0 ? all('check-required-fields').flat() : undefined,
    seriesDescription: all('series-description')[0],
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

/** The list of the file for `filters`. */
export function filterFileOf(filters: Filters): FilterFile[] {
  const dayOf = (text: string): Day => {
    const [year = 0, month = 1, of = 1] = text.split('-').map(Number);
    return { year, month, day: of };
  };
  const one = (type: FilterType, value: unknown): FilterFile[] =>
    value === undefined ? [] : [{ filter_type: type, value } as FilterFile];
  const range = (name: 'file-creation' | 'file-modification' | 'scan-acquisition', days: DayRange | undefined) => [
    ...one(`${name}-min-date`, days?.from === undefined ? undefined : dayOf(days.from)),
    ...one(`${name}-max-date`, days?.to === undefined ? undefined : dayOf(days.to)),
  ];
  return [
    ...one('modality', filters.modality),
    ...one('min-frames', filters.minFrames),
    ...one('max-frames', filters.maxFrames),
    ...one('min-file-size', filters.minFileSize),
    ...one('max-file-size', filters.maxFileSize),
    ...range('file-creation', filters.created),
    ...range('file-modification', filters.modified),
    ...one('min-dob', filters.born?.from === undefined ? undefined : dayOf(filters.born.from)),
    ...one('max-dob', filters.born?.to === undefined ? undefined : dayOf(filters.born.to)),
    ...range('scan-acquisition', filters.acquired),
    ...one('check-required-fields', filters.requiredFields && [...filters.requiredFields]),
    ...one('series-description', filters.seriesDescription),
  ];
}

/** Rules that nothing can pass, and rules of which one would be ignored. */
export function checkFilters(list: readonly FilterFile[], path: Path): Problem[] {
  const problems: Problem[] = [];
  for (const type of ['modality', 'series-description'] as const) {
    const at = list.flatMap((entry, i) => (entry.filter_type === type ? [i] : []));
    if (at.length > 1)
      problems.push({ path: [...path, at[1]!], message: `${type} is given twice; expected one filter of this type` });
  }
  const { minFrames = 0, maxFrames, minFileSize = 0, maxFileSize, created, modified, born, acquired } = filtersOf(list);
  if (maxFrames !== undefined && minFrames > maxFrames)
    problems.push({ path, message: `min-frames ${minFrames} is more than max-frames ${maxFrames}: no file passes` });
  if (maxFileSize !== undefined && minFileSize > maxFileSize)
    problems.push({
      path,
      message: `min-file-size ${minFileSize} is more than max-file-size ${maxFileSize}: no file passes`,
    });
  const ranges = { 'file-creation': created, 'file-modification': modified, dob: born, 'scan-acquisition': acquired };
  for (const [name, range] of Object.entries(ranges))
    if (range?.from !== undefined && range.to !== undefined && range.from > range.to)
      problems.push({ path, message: `the first day of ${name} is after the last: no file passes` });
  return problems;
}
