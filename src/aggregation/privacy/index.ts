export { epsilonOf } from './accountant.ts';
export { type BudgetLimit, PrivacyBudget, readEvents } from './budget.ts';
export * from './clipping.ts';
export { INTEGER_NOISES, type IntegerNoise } from './distributions.ts';
export type { CountedEvent, PrivacyEvent } from './events.ts';
export * from './mechanism.ts';
export { NoiseSampler } from './sampler.ts';
export * from './sensitivity.ts';
