/**
 * What a simulation is asked for, and what it tells while it runs.
 * @module
 */
import type { RunEvent } from '../src/coordinator/index.ts';
import type { LocalTask } from '../src/tasks/index.ts';
import type { Site } from './data/partition.ts';
import type { FaultEntry } from './faults/driver.ts';
import type { VariantResult } from './result.ts';
import type { Scenario, Variant } from './scenario/scenario.ts';

/** What a simulation tells while it runs. */
export type SimulationEvent =
  | { readonly type: 'variant'; readonly name: string; readonly pods: number; readonly rounds: number }
  | { readonly type: 'run'; readonly variant: string; readonly event: RunEvent }
  | { readonly type: 'fault'; readonly variant: string; readonly entry: FaultEntry }
  | { readonly type: 'verdict'; readonly result: VariantResult }
  | { readonly type: 'privacy'; readonly done: number; readonly total: number };

export interface SimulationOptions {
  /** Names of the variants to run. @default all */
  readonly variants?: readonly string[];
  /** Folder for runs, journals and ledgers of all variants; kept. @default a temporary one, removed */
  readonly folder?: string;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: SimulationEvent) => void;
  /** The `konsil` program of processes. @default the one that runs */
  readonly program?: string;
  /** Turns of the event loop that each message takes on top. For tests: nothing may depend on it. */
  readonly jitter?: () => number;
}

/** One variant, ready to run. */
export interface PreparedVariant {
  readonly scenario: Scenario;
  readonly variant: Variant;
  readonly sites: readonly Site[];
  readonly task: LocalTask;
  readonly folder: string;
}
