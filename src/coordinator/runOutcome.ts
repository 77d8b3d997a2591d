/**
 * What a run, federated or on one site's data, leaves for report and result.json.
 * @module
 */
import type { KonsilError } from '../base/index.ts';
import { fingerprint } from '../crypto/index.ts';
import type { GroupEvaluation, Metrics, PooledMetric } from '../metrics/index.ts';
import type { SumFacts } from '../protocols/index.ts';
import type { PrivacyResult, RoundResult } from '../reports/index.ts';
import type { SecureParameters } from '../wire/index.ts';
import type { ResolvedTask } from './initialModel.ts';
import type { Member } from './members.ts';
import type { Standardiser } from './trainedModel.ts';

/** What a run produced; the report and result.json are made from it. */
export interface RunOutcome {
  readonly run: string;
  readonly folder: string;
  readonly status: 'complete' | 'aborted';
  readonly reason: string;
  /** Set when the run did not complete: the error to exit with. */
  readonly error?: KonsilError;
  readonly startedAt: Date;
  readonly seconds: number;
  /** How often the coordinator was stopped and went on with the run; absent when never. */
  readonly interruptions?: number;
  readonly resolved: ResolvedTask | null;
  readonly facts: SumFacts | null;
  /** Last global parameters; null when none were ever averaged. */
  readonly parameters: Float32Array | null;
  readonly standardiser: Standardiser | null;
  readonly modelFile: string | null;
  readonly rounds: readonly RoundResult[];
  readonly pooled: Readonly<Record<string, PooledMetric>> | null;
  /** All figures of the test rows of all sites. */
  readonly evaluated: GroupEvaluation | null;
  readonly sites: readonly { readonly name: string; readonly rows: number; readonly metrics: Metrics }[];
  readonly secure: (SecureParameters & { readonly bound: number; readonly minimum: number }) | null;
  /** SHA-256 of the final parameters, and who has signed that it was given them; null when they were not evaluated. */
  readonly result: { readonly parameters: string; readonly confirmedBy: readonly string[] } | null;
  /** What a run under differential privacy cost. */
  readonly privacy?: PrivacyResult;
  readonly members: readonly Member[];
  /** Of a run on one site's data on this machine, without a federation. */
  readonly local?: {
    readonly site: string;
    readonly dataset: string;
    readonly device: string;
    readonly threads: number;
  };
  readonly trafficOf: (member: Member) => { readonly sentBytes: number; readonly receivedBytes: number };
}

/** A pod's fingerprint as reports show it. */
export const fingerprintOf = (member: Member): string => fingerprint(member.peer.public.id);
