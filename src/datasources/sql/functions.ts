/**
 * Functions that queries may call. An allow-list: DuckDB has some thousand, among them those that read files, settings and
 * the environment, run text as a query, or make a gigabyte of one letter.
 * @module
 */

/** Operators and functions of one row's values. */
export const SCALAR_FUNCTIONS: ReadonlySet<string> = new Set([
  ...['+', '-', '*', '/', '//', '%', '^', '**', '&', '|', '<<', '>>', '~'],
  ...['~~', '!~~', '~~*', '!~~*', 'like_escape', 'not_like_escape', 'ilike_escape', 'not_ilike_escape'],
  // numbers
  ...['abs', 'ceil', 'ceiling', 'floor', 'round', 'trunc', 'sign', 'sqrt', 'cbrt', 'exp', 'ln', 'log', 'log2', 'log10'],
  ...['pow', 'power', 'mod', 'least', 'greatest', 'sin', 'cos', 'tan', 'asin', 'acos', 'atan', 'atan2', 'degrees'],
  ...['radians', 'pi', 'isnan', 'isinf', 'isfinite', 'ifnull', 'nullif'],
  // text
  ...['lower', 'upper', 'lcase', 'ucase', 'trim', 'ltrim', 'rtrim', 'length', 'len', 'char_length', 'substr'],
  ...['substring', 'left', 'right', 'strpos', 'position', 'instr', 'contains', 'starts_with', 'ends_with'],
  ...['prefix', 'suffix', 'replace', 'regexp_matches', 'regexp_full_match'],
  ...['regexp_extract', 'split_part', 'reverse'],
  // dates
  ...['date_part', 'datepart', 'date_trunc', 'datetrunc', 'date_diff', 'datediff', 'date_sub', 'date_add', 'age'],
  ...['year', 'month', 'day', 'hour', 'minute', 'second', 'dayofweek', 'dayofyear', 'isodow', 'week', 'quarter'],
  ...['make_date', 'strptime', 'try_strptime', 'strftime', 'to_years', 'to_months', 'to_days', 'to_hours'],
  ...['to_minutes', 'to_seconds', 'today', 'now'],
]);

/**
 * Functions that join texts. DuckDB 1.5 counts neither their memory nor stops them while it plans, and each may multiply
 * what the one inside it made: `allowList.ts` counts them.
 */
export const JOINING_FUNCTIONS: ReadonlySet<string> = new Set(['||', 'concat', 'concat_ws']);

/** Aggregates whose result says little of one row when there are many; arguments as many as they take columns. */
export const SUMMARY_AGGREGATES: ReadonlySet<string> = new Set([
  ...['count', 'count_star', 'sum', 'avg', 'mean', 'stddev', 'stddev_pop', 'stddev_samp', 'variance', 'var_pop'],
  ...['var_samp', 'skewness', 'kurtosis', 'corr', 'covar_pop', 'covar_samp', 'regr_slope', 'regr_intercept'],
  ...['regr_r2', 'regr_count'],
]);

/** Aggregates whose result is the value of one row. */
export const EXTREME_AGGREGATES: ReadonlySet<string> = new Set(['min', 'max', 'median']);

/** Aggregates that list or pick rows: only where no size of groups is asked for. */
export const LISTING_AGGREGATES: ReadonlySet<string> = new Set([
  ...['quantile', 'quantile_cont', 'quantile_disc', 'mode', 'approx_count_distinct', 'bool_and', 'bool_or'],
  ...['first', 'last', 'any_value', 'arg_min', 'arg_max'],
]);

/** Functions that only stand before OVER. */
export const WINDOW_FUNCTIONS: ReadonlySet<string> = new Set([
  ...['row_number', 'rank', 'dense_rank', 'percent_rank', 'cume_dist', 'ntile', 'lag', 'lead'],
  ...['first_value', 'last_value', 'nth_value'],
]);

export function isAggregate(name: string): boolean {
  return SUMMARY_AGGREGATES.has(name) || EXTREME_AGGREGATES.has(name) || LISTING_AGGREGATES.has(name);
}
