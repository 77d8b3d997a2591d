/**
 * What admission of a task that asks looks at.
 * @module
 */
import type { Identity } from '../../crypto/index.ts';
import type { DecodePool, OpenDataset } from '../../datasources/index.ts';
import type { Peer } from '../../keystore/index.ts';
import type { PodConfig } from '../../tasks/index.ts';
import type { OpenPredictor } from '../../training/index.ts';
import type { Usage } from '../inference/usage.ts';
import type { PodEvent } from '../notices.ts';
import type { QueryAccount } from '../queryAccount.ts';
import type { TrainingOptions } from '../training/setUp.ts';

export interface AnalysisOptions extends Pick<TrainingOptions, 'account' | 'openTrainer' | 'pullModel' | 'request'> {
  readonly config: PodConfig;
  readonly openDataset: OpenDataset;
  readonly openPredictor: OpenPredictor;
  readonly decoders?: DecodePool;
  readonly signal: AbortSignal;
  /** The accounts that a private query is paid from. @param delta - At which the task reckons. */
  readonly queryAccount: (delta: number) => QueryAccount;
  /** Lists that this modeller has had compared, and one more of them. */
  readonly lists: { readonly before: () => number; readonly record: (detail: string) => void };
  /** Rows that models were run on, and more of them. */
  readonly usage: Usage;
  /** A model trained on this site's rows alone is about to leave. @throws KonsilError FILE_WRITE_FAILED */
  readonly recordGivenModel: (model: string) => void;
  /** Scores of so many rows under a model are about to leave. @throws KonsilError FILE_WRITE_FAILED */
  readonly recordScores: (model: string, rows: number) => void;
  readonly identity: Identity;
  /** Whose task it is. */
  readonly from: Pick<Peer, 'name' | 'public'>;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  readonly onEvent: (event: PodEvent) => void;
  readonly onProblem: (problem: string) => void;
}
