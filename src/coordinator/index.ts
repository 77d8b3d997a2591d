export * from './events.ts';
export * from './federatedRun.ts';
export type { Member } from './members.ts';
