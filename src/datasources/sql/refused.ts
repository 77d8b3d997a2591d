/**
 * Why a query gets no answer.
 * @module
 */
import { KonsilError, messageOf, printable } from '../../base/index.ts';

const MAX_REASON_CHARS = 300;

/** @param reason - Of the query's own text and the table's columns; never a value. */
export function refused(reason: string): KonsilError {
  return new KonsilError('SQL_REFUSED', `the query is refused: ${printable(reason).slice(0, MAX_REASON_CHARS)}`);
}

/** Limits that a query may meet, for messages. */
export interface QueryLimits {
  readonly memoryLimitMb: number;
  readonly timeoutMs: number;
}

/**
 * What becomes of an error of DuckDB. Errors while rows are worked on quote their values, so only the kind passes, and no
 * `cause`; those of names and types quote the query.
 */
export function failureOf(error: unknown, { memoryLimitMb }: QueryLimits): KonsilError {
  if (error instanceof KonsilError) return error;
  const message = messageOf(error);
  if (/out of memory|max_temp_directory_size/i.test(message))
    return refused(`it needs more than ${memoryLimitMb} MB of memory`);
  const binder = /^Binder Error: ([^\n]*)/.exec(message)?.[1];
  if (binder !== undefined) return refused(binder);
  return refused('it fails on the rows of the table, as by a conversion or a number out of range');
}
