/**
 * What a simulation found: result.json, and what summary, JUnit and report are made from.
 * @module
 */
import type { Metrics, PooledMetric } from '../src/metrics/index.ts';
import type { Check } from './checks/check.ts';
import type { FaultEntry } from './faults/driver.ts';
import type { PrivacyTestResult } from './privacy/result.ts';

export type { Check };

/** One completed round. */
export interface SimulatedRound {
  readonly round: number;
  readonly survivors: readonly string[];
  readonly dropped: readonly { readonly pod: string; readonly phase: string; readonly reason: string }[];
  readonly attempts: number;
  readonly trainingLoss: number | null;
  /** Of the model the round started from. */
  readonly validationLoss: number | null;
  readonly validationAccuracy: number | null;
  readonly clipped: number;
  /** Of the simulated clock; in processes mode the wall's. */
  readonly seconds: number;
}

/** Time in one phase over the whole run. */
export interface PhaseTime {
  readonly phase: string;
  readonly seconds: number;
  readonly wallSeconds: number;
}

/** What the same rows give without a federation. */
export interface Baselines {
  /** On the test rows of all pods. */
  readonly pooled: Metrics;
  readonly alone: readonly { readonly name: string; readonly metrics: Metrics }[];
}

/** One pod at the end. */
export interface SimulatedPod {
  readonly name: string;
  readonly state: string;
  readonly reason: string;
  readonly rows: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Of the final model on its own test rows, where its policy shares them. */
  readonly metrics: Metrics | null;
}

/** One variant's run. */
export interface VariantResult {
  readonly name: string;
  readonly secure: boolean;
  readonly status: 'complete' | 'aborted';
  readonly reason: string;
  /** Error code of an aborted run. */
  readonly code: string | null;
  readonly parameters: number;
  /** Of the final parameters as little-endian float32; null when no round was completed. */
  readonly parametersSha256: string | null;
  readonly roundsLost: number;
  readonly rounds: readonly SimulatedRound[];
  /** Over the test rows of all pods. */
  readonly metrics: Readonly<Record<string, PooledMetric>>;
  readonly pods: readonly SimulatedPod[];
  readonly faults: readonly FaultEntry[];
  readonly phases: readonly PhaseTime[];
  readonly seconds: number;
  readonly wallSeconds: number;
  readonly checks: readonly Check[];
  readonly passed: boolean;
}

/** The whole record. */
export interface SimulationResult {
  readonly format: 'konsil-simulation-v1';
  readonly scenario: string;
  readonly seed: number;
  readonly transport: 'memory' | 'processes';
  readonly training: 'real' | 'synthetic';
  /** Metric that comes first for this kind of target. */
  readonly metric: string;
  readonly baselines: Baselines | null;
  readonly variants: readonly VariantResult[];
  /** Of a scenario with privacy tests whose run completed. */
  readonly privacy?: PrivacyTestResult;
  readonly passed: boolean;
}
