export * from './audit.ts';
export { ledgerFile } from './ledger.ts';
export type { PodNotice } from './notices.ts';
export * from './pod.ts';
export { askPod, servePod } from './podControl.ts';
export type { PodStatus, RunStatus } from './status.ts';
