export * from './audit.ts';
export { askPod } from './controlClient.ts';
export { ControlServer } from './controlServer.ts';
export { ledgerFile } from './ledger.ts';
export type { PodNotice } from './notices.ts';
export * from './pod.ts';
export type { PodStatus, RunStatus } from './status.ts';
