/**
 * result.json: everything a run found, in one record that the report, the summary and machines read.
 * @module
 */
import type { EvaluationKind, GroupEvaluation, Metrics, PooledMetric } from '../metrics/index.ts';

/** One pod of the run. Bytes are what went over the broker, envelopes included. */
export interface PodResult {
  readonly name: string;
  readonly dataset: string;
  readonly fingerprint: string;
  readonly state: 'finished' | 'rejected' | 'lost' | 'left';
  readonly reason?: string;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** One completed round; losses are means over all rows of its survivors. */
export interface RoundResult {
  readonly round: number;
  readonly survivors: readonly string[];
  readonly dropped: readonly { readonly pod: string; readonly phase: string; readonly reason: string }[];
  /** Pods whose update of an earlier round counts in this one, for less, and by how many rounds it is late. */
  readonly late?: readonly { readonly pod: string; readonly rounds: number }[];
  readonly attempts: number;
  readonly trainingRows: number;
  readonly trainingLoss: number | null;
  /** Of the model the round started from. */
  readonly validationLoss: number | null;
  readonly validationRows: number;
  readonly validationAccuracy: number | null;
  /** Coordinates that were clipped, all pods together. */
  readonly clipped: number;
  /** Pods whose update was longer than the task's `clip_norm` and was shortened; absent without one. */
  readonly shortened?: number;
  readonly seconds: number;
  /** Bytes of the masked vector (or plain input) each pod sent. */
  readonly vectorBytes: number;
  /** ε of all rounds so far, and the longest an update could be in this one. */
  readonly privacy?: { readonly epsilon: number; readonly clipNorm: number };
}

/** Differential privacy of each site in the updates; nothing else is covered by it. */
export interface PrivacyResult {
  readonly mechanism: 'skellam' | 'discrete_gaussian' | 'gaussian';
  /** Deviation of the noise that is relied on, in clip norms. */
  readonly noiseMultiplier: number;
  readonly delta: number;
  /** Spent by this run. */
  readonly epsilon: number;
  readonly epsilonBudget?: number;
  /** Of the last round, or the next one where it adapts. */
  readonly clipNorm: number;
  readonly isAdaptive: boolean;
  /** Pods in a sum at least, and how many of these may tell their noise. */
  readonly survivors: number;
  readonly colluding: number;
  readonly rounds: number;
  readonly plannedRounds: number;
}

/** The alternatives to federating, where one machine holds all the data. */
export interface Comparison {
  readonly note: string;
  readonly pooledTraining: { readonly metrics: Metrics };
  readonly sitesAlone: readonly { readonly name: string; readonly ownTest: Metrics; readonly allTest: Metrics }[];
  readonly federatedAllTest: Metrics;
  readonly federatedBySite: readonly { readonly name: string; readonly metrics: Metrics }[];
}

/** The whole record. */
export interface RunResult {
  readonly format: 'konsil-result-v1';
  readonly run: string;
  readonly title: string;
  readonly status: 'complete' | 'aborted';
  readonly reason?: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  /** How often the coordinator was stopped and went on with the run. @default never */
  readonly interruptions?: number;
  /** `local`: one site's data on one machine, no federation. */
  readonly mode: 'secure' | 'plain' | 'local';
  /**
   * Secure mode: shares that rebuild a secret, smallest cohort; clip per coordinate (the largest, where pods agree on them)
   * and error bound of the last mean; how parameters became masked integers. @default 32 bits, nearest, fixed, no rotation
   */
  readonly secure?: {
    readonly threshold: number;
    /** Hospitals of a full round that may conspire with the coordinator. */
    readonly colluding: number;
    readonly minimum: number;
    readonly clip: number;
    readonly bound: number;
    readonly bits?: number;
    readonly rounding?: 'nearest' | 'stochastic';
    readonly scale?: 'fixed' | 'global' | 'per_tensor';
    readonly rotation?: boolean;
    /** Share of the parameters sent in a round. @default all */
    readonly sparse?: number;
  };
  readonly problem: { readonly kind: EvaluationKind; readonly target: string; readonly classes: readonly string[] };
  readonly features: number;
  readonly model: {
    readonly source: string;
    /** Relative to the run's folder. */
    readonly file: string | null;
    readonly parameters: number;
    readonly float32Bytes: number;
    readonly sha256: string | null;
  };
  readonly training: Readonly<Record<string, string | number>>;
  readonly cohort: readonly PodResult[];
  readonly rounds: readonly RoundResult[];
  readonly pooled: Readonly<Record<string, PooledMetric>> | null;
  /** All figures of the same rows, with curves; absent in results of earlier versions. */
  readonly evaluated?: GroupEvaluation;
  /** Only sites whose policy shares their own metrics. */
  readonly sites: readonly { readonly name: string; readonly rows: number; readonly metrics: Metrics }[];
  readonly comparison?: Comparison;
  /** Absent when no noise was added. */
  readonly differentialPrivacy?: PrivacyResult & { readonly notCovered: readonly string[] };
  readonly privacy: {
    readonly whatLeft: readonly {
      readonly what: string;
      readonly to: string;
      readonly bytes: number;
      readonly visibleTo: string;
    }[];
  };
  readonly machine: { readonly cores: number; readonly node: string; readonly platform: string };
  readonly konsil: string;
}
