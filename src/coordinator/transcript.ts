/**
 * Writes what the coordinator saw in each attempt at a secure sum into the run's folder, for anybody to check:
 * `transcript/round-0003-update-0.jsonl` for attempt 0 of protocol round 3, whatever its end.
 * @module
 */
import {
  acceptedEntry,
  type PublicParameters,
  type Session,
  type TranscriptEntry,
  transcriptLine,
  transcriptSession,
} from '../aggregation/index.ts';
import { toHex } from '../base/index.ts';
import { exportPublic, type Identity, sha256 } from '../crypto/index.ts';
import { resultLine, type SumRecord } from '../protocols/index.ts';
import type { Member } from './members.ts';
import type { FinalResult } from './resultStatements.ts';
import type { RunFolder } from './runFolder.ts';

/** The transcript of one attempt, while it is being written. */
export interface AttemptTranscript {
  readonly record: (record: SumRecord) => void;
  /** Writes the file. @throws KonsilError FILE_WRITE_FAILED. */
  readonly close: () => void;
}

/** The transcripts of a run. */
export class Transcripts {
  readonly #folder: RunFolder;
  readonly #identity: Identity;
  readonly #members: readonly Member[];

  constructor(folder: RunFolder, identity: Identity, members: readonly Member[]) {
    this.#folder = folder;
    this.#identity = identity;
    this.#members = members;
  }

  /** Begins the transcript of `session`; nothing is on disk before it is closed. */
  open(session: Session, agreed: PublicParameters): AttemptTranscript {
    const pods = new Map(this.#members.map(({ name, peer }) => [name, peer.line]));
    const parties = { coordinator: exportPublic(this.#identity), pods };
    const lines = [transcriptLine(transcriptSession(session, agreed, parties, now()))];
    const { round, purpose, attempt } = session;
    return {
      record: (record) => lines.push(transcriptLine(entryOf(session, record, now()))),
      close: () => {
        const name = `round-${String(round).padStart(4, '0')}-${purpose}-${attempt}.jsonl`;
        this.#folder.write(`transcript/${name}`, `${lines.join('\n')}\n`);
      },
    };
  }

  /** Writes who signed for the final parameters. @throws KonsilError FILE_WRITE_FAILED. */
  result(runId: string, model: string, { parameters, statements }: FinalResult): void {
    const publicOf = (name: string): string => this.#members.find((member) => member.name === name)!.peer.line;
    const signed = statements.map((statement) => ({ ...statement, public: publicOf(statement.name) }));
    this.#folder.write(
      'transcript/result.jsonl',
      `${resultLine({ at: now(), runId, model, parameters, statements: signed })}\n`,
    );
  }
}

const now = (): string => new Date().toISOString();

function entryOf(session: Session, record: SumRecord, at: string): TranscriptEntry {
  switch (record.type) {
    case 'sent':
      return { type: 'sent', at, phase: record.phase, to: [...record.to], message: record.message };
    case 'accepted':
      return acceptedEntry(session, { ...record, at });
    case 'passed': {
      const { phase, from, message, reason } = record;
      const sum = { bytes: message.length, sha256: toHex(sha256(message)) };
      return { type: 'passed', at, phase, from, ...sum, ...(reason !== undefined && { reason }) };
    }
    case 'lost':
      return { type: 'lost', at, phase: record.phase, pod: record.pod };
    case 'outcome': {
      const { outcome } = record;
      return outcome.ok
        ? { type: 'sum', at, survivors: [...outcome.survivors] }
        : { type: 'failed', at, reason: outcome.error.message, spent: outcome.spent };
    }
  }
}
