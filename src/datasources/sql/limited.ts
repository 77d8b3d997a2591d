/**
 * Work on a connection that ends when the time is over or a signal is aborted, and whose errors quote no row.
 * @module
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { throwIfCancelled } from '../../base/index.ts';
import { failureOf, type QueryLimits, refused } from './refused.ts';

/** An interrupt that arrives between two steps of a query is lost, so it is repeated. */
const INTERRUPT_EVERY_MS = 50;

/** @throws KonsilError SQL_REFUSED when the time is over or the work fails, CANCELLED. */
export async function limited<T>(
  connection: DuckDBConnection,
  limits: QueryLimits,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const started = performance.now();
  const isLate = (): boolean => performance.now() - started >= limits.timeoutMs;
  let isStopped = false;
  const timer = setInterval(
    () => {
      if (signal?.aborted !== true && !isLate()) return;
      isStopped = true;
      connection.interrupt();
    },
    Math.min(INTERRUPT_EVERY_MS, limits.timeoutMs),
  );
  try {
    return await work();
  } catch (error) {
    throwIfCancelled(signal);
    if (isStopped) throw refused(`it takes longer than ${limits.timeoutMs} ms`);
    throw failureOf(error, limits);
  } finally {
    clearInterval(timer);
  }
}
