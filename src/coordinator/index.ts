export * from './events.ts';
export * from './federatedRun.ts';
export * from './interruptedRuns.ts';
export * from './localRun.ts';
export type { Member } from './members.ts';
export { RunControl } from './runControl.ts';
export * from './runOutcome.ts';
