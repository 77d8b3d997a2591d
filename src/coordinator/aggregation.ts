/**
 * What an aggregation is asked for, with what, and what comes of it.
 * @module
 */
import type { PublicParameters, Session, SummedVector } from '../aggregation/index.ts';
import type { Identity, MaskPool } from '../crypto/index.ts';
import type { RoundPrivacy, RunSums } from '../protocols/index.ts';
import type { RoundResult } from '../reports/index.ts';
import type { Task } from '../tasks/index.ts';
import type { Blobs, Clock } from '../transport/index.ts';
import type { BlobRef, Context, Purpose, SecureParameters } from '../wire/index.ts';
import type { LearnedDeadlines } from './deadlines.ts';
import type { RunEvent } from './events.ts';
import type { OpenSum, SumJournal } from './journal/index.ts';
import type { Member, Members } from './members.ts';
import type { AttemptTranscript } from './transcript.ts';

export interface AggregatorOptions {
  readonly runId: string;
  readonly task: Pick<Task, 'pods' | 'aggregator'>;
  /** The task as sent, byte for byte. */
  readonly taskJson: string;
  readonly modelId: string;
  readonly sums: RunSums;
  readonly identity: Identity;
  readonly members: Members;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly pool: MaskPool;
  readonly deadlines: LearnedDeadlines;
  readonly minimum: number;
  /** Null for a run that nobody will go on with. */
  readonly journal: SumJournal | null;
  readonly signal: AbortSignal;
  readonly emit: (event: RunEvent) => void;
  /** Begins a transcript of an attempt; absent when none is kept. */
  readonly transcript?: (session: Session, agreed: PublicParameters) => AttemptTranscript;
}

/** What one aggregation is about. */
export interface AggregationRequest {
  readonly purpose: Purpose;
  /** Protocol round: goes up with every aggregation and is never used twice. */
  readonly round: number;
  readonly completed: number;
  readonly parameters?: BlobRef;
  readonly standardiser?: { readonly mean: Uint8Array; readonly scale: Uint8Array };
  readonly secure?: SecureParameters;
  /** Of an update round under differential privacy; the sum's mean then has one coordinate more with an adaptive clip. */
  readonly privacy?: RoundPrivacy;
}

export interface Aggregation {
  readonly sum: SummedVector;
  readonly survivors: readonly string[];
  readonly dropped: readonly { readonly pod: string; readonly phase: string; readonly reason: string }[];
  /** Updates of earlier rounds in the sum; absent when there are none. */
  readonly late?: RoundResult['late'];
  readonly attempts: number;
  readonly vectorBytes: number;
}

/** Who takes part in a sum, and how far it was when another process left it. */
export interface Cohort {
  readonly context: Context;
  readonly cohort: readonly Member[];
  readonly open: OpenSum | undefined;
}

/** Whether a pod has the present round: one that came back without it can only wait for the next. */
export function isInRound({ state, continues }: Member, open: OpenSum | undefined): boolean {
  return state === 'active' && (open === undefined || continues);
}
