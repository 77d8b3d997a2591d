/**
 * A coordinator that says what it likes, and what pods make of it.
 * @module
 */
import type { ClientOutput, Session } from '../../src/aggregation/index.ts';
import {
  type Bodies,
  COORDINATOR,
  encodeMessage,
  type MessageType,
  openMessage,
} from '../../src/aggregation/secure/messages.ts';
import { drawSecrets } from '../../src/aggregation/secure/sharing.ts';
import { type Cohort, identityOf, makeCohort, runPhases, seededBytes, testSession } from './secaggCohort.ts';

/** A message of a coordinator that says what it likes. */
export function say<K extends MessageType>(session: Session, type: K, body: Bodies[K]): Uint8Array {
  return encodeMessage(session, type, COORDINATOR, identityOf('coordinator'), body);
}

/** A roster message of the complete graph. */
export const roster = (session: Session, messages: readonly Uint8Array[]): Uint8Array =>
  say(session, 'roster', { nonces: [], messages });

/** An advertise body with these keys. */
export function advertOf(session: Session, maskKey: Uint8Array, channelKey: Uint8Array): Bodies['advertise'] {
  return { publicHash: session.publicHash, maskKey, channelKey, nonce: new Uint8Array(32) };
}

/** The request waiting for `pod`, decoded. */
export function requestTo<K extends MessageType>(cohort: Cohort, pod: string, type: K): Bodies[K] {
  return openMessage(cohort.session, type, COORDINATOR, cohort.toPods.find(({ to }) => to === pod)!.bytes);
}

/** What a pod did, as words: a type, and the code of what it objects to. */
export function codes(outputs: readonly ClientOutput[]): string[] {
  return outputs.map((output) => ('error' in output ? `${output.type} ${output.error.code}` : output.type));
}

/** A cohort whose pods answered `phases` phases; the next requests are on their way. */
export function cohortAt(phases: number, n = 4, overrides: Parameters<typeof testSession>[2] = {}): Cohort {
  const cohort = makeCohort(testSession(n, 6, overrides));
  if (phases > 0) runPhases(cohort, {}, 0, phases - 1);
  return cohort;
}

/** The secrets that `pod` of {@link makeCohort} draws. */
export function secretsOf(session: Session, pod: string): ReturnType<typeof drawSecrets> {
  return drawSecrets(seededBytes(`cohort/${pod}/${session.attempt}`));
}

/** Puts `bytes` in the place of what `pod` has on its way to the coordinator. */
export function replaceMessage(cohort: Cohort, pod: string, bytes: Uint8Array): void {
  cohort.toServer = cohort.toServer.filter((event) => event.type === 'close' || event.from !== pod);
  cohort.toServer.push({ type: 'message', from: pod, bytes });
}
