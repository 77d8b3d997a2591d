/** What a pod tells its own operator: for its terminal and its log, without secrets and rows. @module */
import type { OpenProgram } from '../training/index.ts';
import type { JobResponse } from '../wire/index.ts';
import type { PodEvent } from './podRun.ts';

/** What trains a run's model here, and what would have been faster. */
type EngineFacts = Pick<OpenProgram, 'engine' | 'device' | 'fallbacks'>;

/** What happened at the pod. */
export type PodNotice =
  | { readonly type: 'ready'; readonly datasets: readonly string[] }
  | { readonly type: 'request'; readonly run: string; readonly modeller: string; readonly dataset: string }
  | { readonly type: 'accepted'; readonly run: string; readonly rows: number; readonly trains: EngineFacts }
  | { readonly type: 'rejected'; readonly run: string; readonly response: JobResponse; readonly reason: string }
  | { readonly type: 'broker'; readonly up: boolean }
  | { readonly type: 'dropped'; readonly reason: string }
  | { readonly type: 'problem'; readonly reason: string }
  | ({ readonly run: string } & PodEvent);
