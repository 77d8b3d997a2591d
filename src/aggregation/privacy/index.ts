export { epsilonOf } from './accountant.ts';
export { type BudgetLimit, PrivacyBudget, readEvents } from './budget.ts';
export { type AdaptiveClip, nextClip } from './clipping.ts';
export { INTEGER_NOISES, type IntegerNoise } from './distributions.ts';
export type { CountedEvent, PrivacyEvent } from './events.ts';
export * from './terms.ts';
