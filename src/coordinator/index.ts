export * from './events.ts';
export * from './federatedRun.ts';
export { RunJournal, type RunStatus } from './journal/index.ts';
export * from './localRun.ts';
export type { Member } from './members.ts';
export { RunControl } from './runControl.ts';
export * from './runOutcome.ts';
