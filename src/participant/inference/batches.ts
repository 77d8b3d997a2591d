/**
 * Rows in batches one after another: what happens when one fails, and when many do.
 * @source spec/platform.md §6.
 * @module
 */
import { type ErrorCode, isKonsilError, KonsilError, messageOf, throwIfCancelled } from '../../base/index.ts';
import type { FailedFile } from './failureReports.ts';

/** How rows are gone through. */
export interface BatchRules {
  readonly batchSize: number;
  /** Whether a batch that fails leaves the others alone. */
  readonly isResilient: boolean;
  /** So many batches that fail in a row end the run. @default no end */
  readonly mostFailures?: number;
  /** Whether rows of batches that failed are tried one by one at the end. */
  readonly retries: boolean;
}

/** What is done with rows. */
export interface BatchWork {
  /** All of it or nothing: a batch that fails has left no trace. */
  run(keys: readonly number[]): Promise<void>;
  /** A batch has failed, and its rows. @param soFar - This one included. */
  onFailure(
    failure: { readonly batch: number; readonly keys: readonly number[]; readonly error: string },
    soFar: { readonly successful: number; readonly failed: number },
  ): void;
  /** Whether an error would come again with any other rows. */
  isFatal(error: unknown): boolean;
  /** Rows that are done with, whatever became of them. */
  onProgress(done: number): void;
}

/** Rows of batches that failed, and what came of them. */
export interface FailedRow extends Pick<FailedFile, 'retry' | 'error'> {
  readonly key: number;
  readonly batch: number;
}

/** How it went. */
export interface BatchOutcome {
  readonly batches: number;
  readonly failedBatches: number;
  readonly failed: readonly FailedRow[];
  /** Rows that were run. */
  readonly rows: number;
}

/** What no batch is to blame for: the next one would fail as well. */
const FATAL: readonly ErrorCode[] = [
  ...(['CANCELLED', 'LIMITS_EXCEEDED', 'FILE_WRITE_FAILED', 'MODEL_UNSUPPORTED', 'MODEL_MISMATCH'] as const),
  ...(['DEVICE_UNAVAILABLE', 'RUN_ABORTED', 'DATA_COLUMN_MISSING'] as const),
];
/** Data that is away for now says nothing of the batch. */
const AWAY: readonly ErrorCode[] = ['DATA_EMPTY', 'DATA_UNREACHABLE', 'FILE_NOT_FOUND'];

const isOneOf = (error: unknown, codes: readonly ErrorCode[]): boolean =>
  isKonsilError(error) && codes.includes(error.code);

/**
 * Runs all rows `keys`.
 * @throws KonsilError the first error of a batch where these are not resilient, and what ends any run; RUN_ABORTED when too many fail in
 *   a row, or all have.
 */
export async function runBatches(
  keys: readonly number[],
  { batchSize, isResilient, mostFailures, retries }: BatchRules,
  work: BatchWork,
  signal: AbortSignal,
): Promise<BatchOutcome> {
  const failures: { batch: number; keys: readonly number[]; error: string }[] = [];
  let [batches, rows, inARow, done] = [0, 0, 0, 0];
  for (let first = 0; first < keys.length; first += batchSize) {
    throwIfCancelled(signal);
    const chosen = keys.slice(first, first + batchSize);
    batches++;
    try {
      await work.run(chosen);
      rows += chosen.length;
      inARow = 0;
    } catch (error) {
      throwIfCancelled(signal);
      if (!isResilient || isOneOf(error, FATAL) || work.isFatal(error)) throw error;
      const failure = { batch: batches, keys: chosen, error: describe(error) };
      failures.push(failure);
      work.onFailure(failure, { successful: batches - failures.length, failed: failures.length });
      if (!isOneOf(error, AWAY)) inARow++;
      if (mostFailures !== undefined && inARow >= mostFailures)
        throw new KonsilError(
          'RUN_ABORTED',
          `${inARow} batches in a row have failed (limits.inference.maximum_consecutive_failures); the last one: ${codeOf(error)}`,
          {},
          { cause: error },
        );
    }
    done += chosen.length;
    work.onProgress(done);
  }
  const failed: FailedRow[] = [];
  for (const failure of failures)
    for (const key of failure.keys) {
      const found = retries ? await retry(key, failure.error, work, signal) : null;
      if (found?.retry === 'Success') rows++;
      failed.push({ key, batch: failure.batch, ...(found ?? { retry: 'Not tested', error: failure.error }) });
    }
  if (rows === 0 && failures.length > 0)
    throw new KonsilError(
      'RUN_ABORTED',
      `all ${batches} batches have failed${retries ? ', and each of their files alone' : ''}: ${distinct(failed)}`,
    );
  return { batches, failedBatches: failures.length, failed, rows };
}

/** A row alone. Its error is that of the batch where the row is not to blame. */
async function retry(
  key: number,
  error: string,
  work: BatchWork,
  signal: AbortSignal,
): Promise<Pick<FailedRow, 'retry' | 'error'>> {
  throwIfCancelled(signal);
  try {
    await work.run([key]);
    return { retry: 'Success', error };
  } catch (cause) {
    throwIfCancelled(signal);
    if (isOneOf(cause, FATAL) || work.isFatal(cause)) throw cause;
    return { retry: 'Failed', error: describe(cause) };
  }
}

const codeOf = (error: unknown): string => (isKonsilError(error) ? error.code : 'unexpected failure');
const describe = (error: unknown): string => `${codeOf(error)}: ${messageOf(error)}`;

/** The codes of what went wrong, each once: messages name files. */
function distinct(failed: readonly FailedRow[]): string {
  return [...new Set(failed.map(({ error }) => error.split(':')[0]!))].join(', ');
}
