export * from './events.ts';
export * from './federatedRun.ts';
export * from './localRun.ts';
export type { Member } from './members.ts';
export * from './runOutcome.ts';
