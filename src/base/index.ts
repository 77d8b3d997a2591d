export * from './bytes.ts';
export * from './csv.ts';
export * from './errors.ts';
export { type LinearPattern, linearPattern } from './linearPattern.ts';
export * from './rng.ts';
export type { DeepReadonly, Same } from './sameType.ts';
export * from './spawn.ts';
