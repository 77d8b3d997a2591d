/**
 * Transcripts of attempts in memory, to be checked, and forged by whoever holds all keys.
 * @module
 */
import {
  cutShares,
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

/** Public identity of an Ed25519 seed. */
export const publicLine = (secret: string): string =>
  exportPublic(identityOf(signingPair(secret), agreementKeyOf(sha256(unhex(secret)))));

/** The transcript that a coordinator of this attempt writes. */
export function transcriptOf(
  inputs: AttemptInputs,
  kind: 'public' | 'whole',
): { session: Session; transcript: Transcript } {
  const session = sessionOf(inputs);
  const { messages, outcome } = replay(inputs);
  const parties = {
    coordinator: publicLine(inputs.coordinatorSecret),
    pods: new Map(inputs.pods.map(({ name, identitySecret }) => [name, publicLine(identitySecret)])),
  };
  const entries = messages.map(({ from, to, message: hex, vector }): TranscriptEntry => {
    const message = unhex(hex);
    const phase = PHASES[message[1]! - 1]!;
    if (to !== undefined) return { type: 'sent', at: AT, phase, to: [to], message };
    const hash = vector && Buffer.from(sha256(unhex(vector))).toString('hex');
    const cut = kind === 'public' ? cutShares(message) : null;
    return { type: 'received', at: AT, phase, from: from!, message, ...cut, ...(hash && { vector: hash }) };
  });
  entries.push(
    'sum' in outcome
      ? { type: 'outcome', at: AT, survivors: [...outcome.survivors] }
      : { type: 'outcome', at: AT, failed: outcome.failed, spent: outcome.spent },
  );
  return { session, transcript: { session: transcriptSession(session, parties, AT), entries } };
}
