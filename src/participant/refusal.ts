/** Why a task does not run here, as the modeller is told. @module */
import type { JobResponse } from '../wire/index.ts';

/** A refusal as a value: expected, and sent to the modeller. */
export class Refusal extends Error {
  readonly response: JobResponse;
  /** @param cause - What only this site's operator is told. */
  constructor(response: JobResponse, reason: string, cause?: unknown) {
    super(reason, cause === undefined ? {} : { cause });
    this.response = response;
  }
}
