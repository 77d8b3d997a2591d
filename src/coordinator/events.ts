/**
 * Everything a run tells the outside, as one typed stream that the terminal, the run folder and tests all read.
 * @module
 */
import type { RoundResult } from '../reports/index.ts';
import type { Purpose } from '../wire/index.ts';

/** A pod's standing in a run. */
export type MemberState = 'invited' | 'active' | 'lost' | 'rejected' | 'left' | 'finished';

export type RunEvent =
  | {
      readonly type: 'started';
      readonly run: string;
      readonly rounds: number;
      /** `separate`: nothing is added up. */
      readonly mode: 'secure' | 'plain' | 'separate';
    }
  /** Another process began the run; this one goes on with it. `within`: the sum it was in. */
  | {
      readonly type: 'resumed';
      readonly run: string;
      readonly rounds: number;
      readonly mode: 'secure' | 'plain';
      readonly completed: number;
      readonly within: Purpose | null;
    }
  /** The run waits for somebody to let it go on. */
  | { readonly type: 'paused'; readonly reason: string }
  | { readonly type: 'continued' }
  /** Something the run goes on without. */
  | { readonly type: 'problem'; readonly reason: string }
  | { readonly type: 'member'; readonly pod: string; readonly state: MemberState; readonly reason: string }
  | {
      readonly type: 'thresholds';
      readonly pods: number;
      readonly neighbours: number;
      readonly threshold: number;
      readonly minimum: number;
      readonly colluding: number;
    }
  | {
      readonly type: 'phase';
      readonly purpose: Purpose;
      /** Update rounds completed so far; the present one is this plus one. */
      readonly completed: number;
      readonly attempt: number;
      readonly phase: string;
      readonly awaiting: readonly string[];
    }
  | { readonly type: 'progress'; readonly pod: string; readonly done: number; readonly total: number }
  | { readonly type: 'dropped'; readonly pod: string; readonly phase: string; readonly reason: string }
  /** An update came after its round, the one after `completed` others, and is kept for the next sum. */
  | { readonly type: 'late'; readonly pod: string; readonly completed: number }
  | { readonly type: 'retry'; readonly purpose: Purpose; readonly reason: string; readonly spent: boolean }
  /** Pods agreed on clips for the coming update: the smallest and the largest of its stretches. */
  | { readonly type: 'scale'; readonly completed: number; readonly least: number; readonly most: number }
  /** Pods chose blocks for the coming update: how many of how many. */
  | { readonly type: 'blocks'; readonly completed: number; readonly chosen: number; readonly of: number }
  | ({ readonly type: 'round' } & RoundResult)
  | { readonly type: 'finished'; readonly status: 'complete' | 'aborted'; readonly reason: string };
