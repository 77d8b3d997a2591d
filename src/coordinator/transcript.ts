/**
 * Writes what the coordinator saw in each attempt at a secure sum into the run's folder:
 * `transcript/round-0003-update-0.jsonl` for attempt 0 of protocol round 3, whatever its end.
 * @module
 */
import {
  cutShares,
  type Session,
  type TranscriptEntry,
  type TranscriptParties,
  transcriptLine,
  transcriptSession,
} from '../aggregation/index.ts';
import { toHex } from '../base/index.ts';
import { exportPublic, type Identity } from '../crypto/index.ts';
import type { SumRecord } from '../protocols/index.ts';
import type { Member } from './members.ts';
import type { RunFolder } from './runFolder.ts';

/** `public` leaves out released shares, so that the transcript can be handed to anybody. */
export type TranscriptKind = 'public' | 'whole';

/** The transcript of one attempt, while it is being written. */
export interface AttemptTranscript {
  readonly record: (record: SumRecord) => void;
  /** Writes the file. @throws KonsilError FILE_WRITE_FAILED. */
  readonly close: () => void;
}

/** Begins transcripts in `folder` of sums of `members`. */
export function transcriptsIn(
  folder: RunFolder,
  kind: TranscriptKind,
  identity: Identity,
  members: readonly Member[],
): (session: Session) => AttemptTranscript {
  const parties = {
    coordinator: exportPublic(identity),
    pods: new Map(members.map(({ name, peer }) => [name, peer.line])),
  };
  return (session) => openTranscript(folder, kind, session, parties);
}

/** Begins the transcript of `session`; nothing is on disk before it is closed. */
function openTranscript(
  folder: RunFolder,
  kind: TranscriptKind,
  session: Session,
  parties: TranscriptParties,
): AttemptTranscript {
  const now = (): string => new Date().toISOString();
  const lines = [transcriptLine(transcriptSession(session, parties, now()))];
  const { round, purpose, attempt } = session;
  return {
    record: (record) => lines.push(transcriptLine(entryOf(record, kind, now()))),
    close: () => {
      const name = `round-${String(round).padStart(4, '0')}-${purpose}-${attempt}.jsonl`;
      folder.write(`transcript/${name}`, `${lines.join('\n')}\n`);
    },
  };
}

function entryOf(record: SumRecord, kind: TranscriptKind, at: string): TranscriptEntry {
  switch (record.type) {
    case 'sent':
      return { type: 'sent', at, phase: record.phase, to: [...record.to], message: record.message };
    case 'lost':
      return { type: 'lost', at, phase: record.phase, pod: record.pod };
    case 'outcome': {
      const { outcome } = record;
      return outcome.ok
        ? { type: 'outcome', at, survivors: [...outcome.survivors] }
        : { type: 'outcome', at, failed: outcome.error.message, spent: outcome.spent };
    }
    case 'received': {
      const { phase, from, message, vector, refused } = record;
      const cut = kind === 'public' ? cutShares(message) : null;
      return {
        ...{ type: 'received', at, phase, from, message },
        ...cut,
        ...(vector && { vector: toHex(vector) }),
        ...(refused !== undefined && { refused }),
      };
    }
  }
}
