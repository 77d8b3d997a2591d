/**
 * The port between a run and what it computes: {@link PodRun} keeps rounds, sums, journal and pauses; a protocol's work says
 * what goes into each sum.
 * @module
 */
import type { Identity } from '../crypto/index.ts';
import type { Peer } from '../keystore/index.ts';
import type { PodSumOptions } from '../protocols/index.ts';
import type { PodPolicy } from '../tasks/index.ts';
import type { Blobs, Clock } from '../transport/index.ts';
import type { Context, Message, MessageOf } from '../wire/index.ts';
import type { PodEvent } from './notices.ts';
import type { Round } from './round.ts';
import type { SumJournal } from './sumJournal.ts';

/** What work may use of the run it is part of. */
export interface WorkSite {
  readonly runId: string;
  /** This run in the journal: another coordinator's run of the same name is another run. */
  readonly key: string;
  /** The pod's state folder. */
  readonly state: string;
  readonly identity: Identity;
  readonly policy: PodPolicy;
  readonly coordinator: Peer;
  readonly request: MessageOf<'JOB_REQUEST'>;
  readonly journal: SumJournal;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly send: (context: Context, message: Message, signal?: AbortSignal) => Promise<void>;
  readonly onEvent: (event: PodEvent) => void;
}

/** What a pod adds to a sum, masked or in the open as the task says; noise is drawn for masked ones only. */
export type Contribution = Pick<PodSumOptions, 'spec' | 'input' | 'drawNoise'>;

/** What one run computes at a pod. */
export interface RunWork {
  /** Rounds of the task. */
  readonly rounds: number;
  /**
   * Does what a round start asks for; long work ends when the round does. Null when nothing is to be summed and all has been
   * said.
   */
  contribute(round: Round): Promise<Contribution | null>;
  /** What a sum adds up of this dataset: the same text, the same numbers, or so nearly that a difference shows them. */
  summed(message: MessageOf<'ROUND_START'>): string;
  /** Puts on the site's accounts what leaves next. @throws KonsilError FILE_WRITE_FAILED: then nothing may leave. */
  charge(message: MessageOf<'ROUND_START'>): void;
  /** What was contributed is in a sum, as far as this pod can know. */
  settle(message: MessageOf<'ROUND_START'>): void;
  /** The coordinator says the run is over. @returns the reason for the site's record. */
  complete(message: MessageOf<'TASK_COMPLETE'>): string;
  /** Frees what it holds. Never rejects. */
  close(): Promise<void>;
}

/** Of the model sent along; empty for a task without one. */
export const modelIdOf = ({ model }: MessageOf<'JOB_REQUEST'>): string => model?.id ?? '';
