/**
 * The one error class and the one code table. What to do next is data: `retry` says whether the same call may succeed
 * later, `peer` whether the other side is at fault (drop that peer, go on) rather than this side.
 * @module
 */
import { setMaxListeners } from 'node:events';

/** Every code Konsil throws; `docs/reference/errors.md` lists the same table and a test compares the two. */
export const ERROR_CODES = {
  // operator's configuration and files
  CONFIG_INVALID: { retry: false, peer: false },
  FILE_NOT_FOUND: { retry: false, peer: false },
  FILE_WRITE_FAILED: { retry: true, peer: false },
  USAGE: { retry: false, peer: false },
  REPORT_INVALID: { retry: false, peer: false },
  // data at a site
  DATA_INVALID: { retry: false, peer: false },
  DATA_COLUMN_MISSING: { retry: false, peer: false },
  DATA_EMPTY: { retry: false, peer: false },
  DATA_NOT_READ: { retry: true, peer: false },
  DATA_UNSUPPORTED: { retry: false, peer: false },
  NO_NEW_DATA: { retry: true, peer: false },
  DATA_UNREACHABLE: { retry: true, peer: false },
  SQL_REFUSED: { retry: false, peer: true },
  // models and training
  MODEL_INVALID: { retry: false, peer: false },
  MODEL_UNSUPPORTED: { retry: false, peer: false },
  MODEL_MISMATCH: { retry: false, peer: false },
  MODEL_UNKNOWN: { retry: false, peer: false },
  MODEL_TOO_LARGE: { retry: false, peer: false },
  MODEL_STORE_CORRUPT: { retry: false, peer: false },
  TRAINING_DIVERGED: { retry: false, peer: false },
  DEVICE_UNAVAILABLE: { retry: false, peer: false },
  // identity and envelopes
  KEY_INVALID: { retry: false, peer: false },
  KEY_LOCKED: { retry: false, peer: false },
  IDENTITY_IN_USE: { retry: false, peer: false },
  ENVELOPE_REJECTED: { retry: false, peer: true },
  PEER_UNKNOWN: { retry: false, peer: true },
  JOIN_FAILED: { retry: true, peer: true },
  // transport
  BROKER_UNREACHABLE: { retry: true, peer: false },
  BROKER_REFUSED: { retry: false, peer: false },
  PEER_UNREACHABLE: { retry: true, peer: true },
  PEER_RESTARTED: { retry: true, peer: true },
  BLOB_CORRUPT: { retry: true, peer: true },
  BLOB_UNAVAILABLE: { retry: true, peer: true },
  STORE_FAILED: { retry: true, peer: false },
  // aggregation
  AGG_BAD_MESSAGE: { retry: false, peer: true },
  AGG_BAD_SHARE: { retry: false, peer: true },
  AGG_EQUIVOCATION: { retry: false, peer: true },
  AGG_TOO_FEW_SURVIVORS: { retry: true, peer: false },
  AGG_ROUND_SPENT: { retry: false, peer: false },
  AGG_OVERFLOW: { retry: false, peer: false },
  TRANSCRIPT_INVALID: { retry: false, peer: true },
  PRIVACY_BUDGET: { retry: false, peer: false },
  LIMITS_EXCEEDED: { retry: false, peer: false },
  // runs
  PROTOCOL_VIOLATION: { retry: false, peer: true },
  COHORT_TOO_SMALL: { retry: true, peer: false },
  COHORT_TOO_CLOSE: { retry: false, peer: true },
  TASK_REJECTED: { retry: false, peer: true },
  RUN_UNKNOWN: { retry: false, peer: false },
  NOT_RUNNING: { retry: true, peer: false },
  RUN_ABORTED: { retry: true, peer: false },
  RUN_INTERRUPTED: { retry: true, peer: false },
  RUN_FINISHED: { retry: false, peer: false },
  CANCELLED: { retry: true, peer: false },
} as const satisfies Record<string, { retry: boolean; peer: boolean }>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Facts for the log line. Never a secret, a mask, a share, a data row or a patient identifier. */
export type ErrorFacts = Readonly<Record<string, string | number | boolean>>;

/** The only error Konsil throws on purpose; leaf code may also throw `TypeError`/`RangeError` for programming mistakes. */
export class KonsilError extends Error {
  override readonly name = 'KonsilError';
  readonly code: ErrorCode;
  readonly facts: ErrorFacts;

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.facts = facts;
  }
}

/** True when `error` is a {@link KonsilError}, optionally of one code. */
export function isKonsilError(error: unknown, code?: ErrorCode): error is KonsilError {
  return error instanceof KonsilError && (code === undefined || error.code === code);
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** An abort controller that many waits may listen to: a run has hundreds, and each removes itself. */
export function abortControllerForMany(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/** Throws CANCELLED when `signal` is aborted. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new KonsilError('CANCELLED', 'cancelled', {}, { cause: signal.reason });
}
