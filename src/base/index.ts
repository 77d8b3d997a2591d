export * from './bytes.ts';
export * from './csv.ts';
export * from './errors.ts';
export * from './rng.ts';
export * from './spawn.ts';
