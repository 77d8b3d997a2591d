/**
 * Transcripts of attempts in memory, to be checked, and forged by whoever holds all keys.
 * @module
 */
import {
  acceptedEntry,
  hashPublicParameters,
  type PublicParameters,
  type Session,
  type Transcript,
  type TranscriptEntry,
  transcriptSession,
} from '../../src/aggregation/index.ts';
import { agreementKeyOf, exportPublic, identityOf, sha256 } from '../../src/crypto/index.ts';
import type { AttemptInputs } from './secaggReference.ts';
import { replay, sessionOf, signingPair, unhex } from './secaggReplay.ts';

const AT = '2026-01-01T00:00:00.000Z';
const PHASES = ['advertise', 'share', 'share', 'upload', 'upload', 'sign', 'sign', 'release', 'release'] as const;
const NONE = new Uint8Array(0);
const AGREED: PublicParameters = {
  ...{ task: '{}', modelId: 'aa'.repeat(32), parametersId: 'bb'.repeat(32), mean: NONE, scale: NONE },
  specHash: new Uint8Array(32),
};

/** Public identity of an Ed25519 seed. */
export const publicLine = (secret: string): string =>
  exportPublic(identityOf(signingPair(secret), agreementKeyOf(sha256(unhex(secret)))));

/** What a coordinator of this attempt writes, with the messages as they were. */
export interface MadeTranscript {
  readonly session: Session;
  readonly transcript: Transcript;
  /** All messages of pods, those that release shares too. */
  readonly received: readonly Uint8Array[];
}

/** The transcript that a coordinator of this attempt writes. @param agreed - Replaces the inputs' `publicHash`. */
export function transcriptOf(given: AttemptInputs, agreed: Partial<PublicParameters> = {}): MadeTranscript {
  const parameters = { ...AGREED, ...agreed };
  const inputs = { ...given, publicHash: Buffer.from(hashPublicParameters(parameters)).toString('hex') };
  const session = sessionOf(inputs);
  const { messages, outcome } = replay(inputs);
  const parties = {
    coordinator: publicLine(inputs.coordinatorSecret),
    pods: new Map(inputs.pods.map(({ name, identitySecret }) => [name, publicLine(identitySecret)])),
  };
  const entries = messages.map(({ from, to, message: hex }): TranscriptEntry => {
    const message = unhex(hex);
    const phase = PHASES[message[1]! - 1]!;
    if (to !== undefined) return { type: 'sent', at: AT, phase, to: [to], message };
    return acceptedEntry(session, { at: AT, phase, from: from!, message });
  });
  entries.push(
    'sum' in outcome
      ? { type: 'sum', at: AT, survivors: [...outcome.survivors] }
      : { type: 'failed', at: AT, reason: outcome.failed, spent: outcome.spent },
  );
  const received = messages.filter(({ from }) => from !== undefined).map(({ message }) => unhex(message));
  return { session, transcript: { session: transcriptSession(session, parameters, parties, AT), entries }, received };
}
