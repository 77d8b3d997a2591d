/** What a pod tells its own operator: for its terminal and its log, without secrets and rows. @module */
import type { OpenProgram } from '../training/index.ts';
import type { JobResponse, Purpose } from '../wire/index.ts';
import type { PrivacyUnit } from './ledger.ts';

/** What trains a run's model here, and what would have been faster. */
export type EngineFacts = Pick<OpenProgram, 'engine' | 'device' | 'fallbacks'>;

/** What a run is doing, for the pod's own terminal and logs. */
export type PodEvent =
  | { readonly type: 'round'; readonly purpose: Purpose; readonly round: number }
  /** `rate`: rows a second, of models that are run. */
  | { readonly type: 'progress'; readonly done: number; readonly total: number; readonly rate?: number }
  | { readonly type: 'sum'; readonly purpose: string; readonly round: number; readonly what: string }
  /** Who has signed that it was given the same final parameters; `agreed` when that is most of the pods. */
  | {
      readonly type: 'result';
      readonly parameters: string;
      readonly confirmedBy: readonly string[];
      readonly agreed: boolean;
    }
  /** What the run leaves to the site, its own model or result, is in this file. */
  | { readonly type: 'personal'; readonly file: string }
  | { readonly type: 'refused'; readonly code: string }
  /** The site has paused the pod, and it takes part in nothing of this run from here on. */
  | { readonly type: 'paused' }
  /** A round was charged to the dataset's account: ε of all runs so far. */
  | { readonly type: 'privacy'; readonly unit: PrivacyUnit; readonly epsilon: number; readonly delta: number }
  | { readonly type: 'ended'; readonly how: 'completed' | 'aborted'; readonly reason: string };

/** What happened at the pod. */
export type PodNotice =
  | { readonly type: 'ready'; readonly datasets: readonly string[] }
  | { readonly type: 'request'; readonly run: string; readonly modeller: string; readonly dataset: string }
  | { readonly type: 'accepted'; readonly run: string; readonly rows?: number; readonly trains?: EngineFacts }
  | { readonly type: 'rejected'; readonly run: string; readonly response: JobResponse; readonly reason: string }
  | { readonly type: 'broker'; readonly up: boolean }
  | { readonly type: 'state'; readonly state: 'running' | 'paused' | 'draining' }
  | { readonly type: 'dropped'; readonly reason: string }
  | { readonly type: 'problem'; readonly reason: string }
  | ({ readonly run: string } & PodEvent);
