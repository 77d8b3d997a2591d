/** Why a task does not run here, as the modeller is told. @module */
import type { KonsilError } from '../base/index.ts';
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

/** An error's message without files and folders: what they are called is nobody else's business, and may be a patient's name. */
export function withoutPaths({ message, facts }: KonsilError): string {
  const { file } = facts;
  const named = typeof file === 'string' && file !== '' ? message.replaceAll(file, 'a file of this site') : message;
  return named.replace(/(?:[A-Za-z]:)?(?:[\\/][^\s\\/:;,"'()]+){2,}/g, 'a file of this site');
}
