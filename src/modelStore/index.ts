export type { StoredVersion } from './metadata.ts';
export { type AddOptions, DEFAULT_STORE, type FoundModel, MODEL_LIMITS, ModelStore } from './modelStore.ts';
export { isModelReference, type ModelReference, parseModelReference } from './reference.ts';
