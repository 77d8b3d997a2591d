/**
 * Arguments of `RecordFilterAlgorithm`: rules that choose the records to run on before anything is run.
 * @source spec/platform.md §2.2.
 * @module
 */
import { z } from 'zod';
import type { Path, Problem } from '../configFile.ts';

const column = z.string().min(1).max(200);
const ids = z.union([column, z.array(column).min(1).max(20)]);
const number = z.int().min(1).max(1_000_000);

/** The arguments of each rule. */
const STRATEGIES = {
  latest: z.strictObject({ date_column: column, id_column: ids, num_latest: number.default(1) }),
  frequency: z.strictObject({ id_column: ids, min_frequency: number.optional(), max_frequency: number.optional() }),
  age_range: z.strictObject({
    birth_date_column: column,
    min_age: number.max(200).optional(),
    max_age: number.max(200).optional(),
  }),
} as const;
type Strategy = keyof typeof STRATEGIES;

/** `RecordFilterAlgorithm` in a task file. */
export const recordFilter = z.strictObject({
  strategies: z
    .array(z.enum(Object.keys(STRATEGIES) as [Strategy, ...Strategy[]]))
    .min(1)
    .max(20)
    .meta({
      description:
        'Rules, in order: latest (the last records of each id), frequency (ids with so many records), age_range (by date of birth).',
    }),
  filter_args_list: z
    .array(z.record(z.string(), z.unknown()))
    .min(1)
    .max(20)
    .meta({ description: 'The arguments of each rule.' }),
});

/** Which records are kept. An id is the cells of its columns together. */
export type RecordRule =
  | { readonly kind: 'latest'; readonly date: string; readonly id: readonly string[]; readonly count: number }
  | { readonly kind: 'frequency'; readonly id: readonly string[]; readonly least: number; readonly most: number | null }
  | { readonly kind: 'age_range'; readonly birth: string; readonly least: number | null; readonly most: number | null };

/** What is wrong between strategies and their arguments. */
export function checkRecordFilter(file: z.output<typeof recordFilter>, path: Path): Problem[] {
  const { strategies, filter_args_list: list } = file;
  const at = [...path, 'filter_args_list'];
  if (strategies.length !== list.length)
    return [{ path: at, message: `expected the arguments of ${strategies.length} strategies, got ${list.length}` }];
  return strategies.flatMap((strategy, i): Problem[] => {
    const read = STRATEGIES[strategy].safeParse(list[i]);
    if (!read.success) {
      const [issue] = read.error.issues;
      return [{ path: [...at, i, ...issue!.path], message: `${strategy}: ${issue!.message}` }];
    }
    const [least, most] = boundsOf(strategy, read.data);
    if (strategy !== 'latest' && least === null && most === null)
      return [{ path: [...at, i], message: `${strategy} needs a least or a greatest value` }];
    if (least !== null && most !== null && least > most)
      return [{ path: [...at, i], message: `expected a least value of at most ${most}, got ${least}` }];
    return [];
  });
}

function boundsOf(strategy: Strategy, args: object): [number | null, number | null] {
  const value = (key: string): number | null => (args as Record<string, number | undefined>)[key] ?? null;
  return strategy === 'frequency'
    ? [value('min_frequency'), value('max_frequency')]
    : [value('min_age'), value('max_age')];
}

const listed = (given: string | readonly string[]): readonly string[] => (typeof given === 'string' ? [given] : given);

/** @param file - Accepted by {@link checkRecordFilter}. */
export function recordRulesOf({ strategies, filter_args_list: list }: z.output<typeof recordFilter>): RecordRule[] {
  return strategies.map((kind, i): RecordRule => {
    switch (kind) {
      case 'latest': {
        const { date_column: date, id_column, num_latest: count } = STRATEGIES.latest.parse(list[i]);
        return { kind, date, id: listed(id_column), count };
      }
      case 'frequency': {
        const { id_column, min_frequency: least = 1, max_frequency } = STRATEGIES.frequency.parse(list[i]);
        return { kind, id: listed(id_column), least, most: max_frequency ?? null };
      }
      case 'age_range': {
        const { birth_date_column: birth, min_age, max_age } = STRATEGIES.age_range.parse(list[i]);
        return { kind, birth, least: min_age ?? null, most: max_age ?? null };
      }
    }
  });
}

/** The keys of the file for `rules`. */
export function recordFilterFileOf(rules: readonly RecordRule[]): Record<string, unknown> {
  return {
    strategies: rules.map(({ kind }) => kind),
    filter_args_list: rules.map((rule) => {
      switch (rule.kind) {
        case 'latest':
          return { date_column: rule.date, id_column: [...rule.id], num_latest: rule.count };
        case 'frequency':
          return {
            id_column: [...rule.id],
            min_frequency: rule.least,
            ...(rule.most !== null && { max_frequency: rule.most }),
          };
        case 'age_range':
          return {
            birth_date_column: rule.birth,
            ...(rule.least !== null && { min_age: rule.least }),
            ...(rule.most !== null && { max_age: rule.most }),
          };
      }
    }),
  };
}

/** Columns whose cells decide. */
export function columnsOfRules(rules: readonly RecordRule[]): readonly string[] {
  return rules.flatMap((rule) => {
    if (rule.kind === 'age_range') return [rule.birth];
    return rule.kind === 'latest' ? [rule.date, ...rule.id] : rule.id;
  });
}
