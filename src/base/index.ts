export * from './bytes.ts';
export * from './errors.ts';
export { type LinearPattern, linearPattern } from './linearPattern.ts';
export * from './rng.ts';
export * from './spawn.ts';
