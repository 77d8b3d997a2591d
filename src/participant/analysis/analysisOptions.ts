/**
 * What admission of a task that asks looks at.
 * @module
 */
import type { DecodePool, OpenDataset } from '../../datasources/index.ts';
import type { Peer } from '../../keystore/index.ts';
import type { PodConfig } from '../../tasks/index.ts';
import type { OpenPredictor } from '../../training/index.ts';
import type { Usage } from '../inference/usage.ts';
import type { PrivacyUnit } from '../ledger.ts';
import type { PodEvent } from '../notices.ts';
import type { PrivacyAccount } from '../privacyAccount.ts';
import type { TrainingOptions } from '../training/setUp.ts';

export interface AnalysisOptions extends Pick<TrainingOptions, 'request' | 'openTrainer' | 'pullModel'> {
  readonly config: PodConfig;
  readonly openDataset: OpenDataset;
  readonly openPredictor: OpenPredictor;
  readonly decoders?: DecodePool;
  readonly signal: AbortSignal;
  /** The account of the dataset asked for. @param delta - At which the task reckons. */
  readonly account: (unit: PrivacyUnit, delta: number) => PrivacyAccount;
  /** Lists that this modeller has had compared, and one more of them. */
  readonly lists: { readonly before: number; readonly record: (detail: string) => void };
  /** Rows that models were run on, and more of them. */
  readonly usage: Usage;
  /** A model trained on this site's rows alone is about to leave. @throws KonsilError FILE_WRITE_FAILED */
  readonly recordGivenModel: (model: string) => void;
  /** Whose task it is. */
  readonly from: Pick<Peer, 'name' | 'public'>;
  readonly onEvent: (event: PodEvent) => void;
  readonly onProblem: (problem: string) => void;
}
